"""A vendor that has signed with a bare key goes over to a repository, by that key's own word, and nobody else takes its place."""

import re

import msgspec
import pytest
from tests.register.test_repositories import folded, seen
from tests.talks.party import Party
from tests.waivers.test_vendors import DRAFTS, LABS, why_not
from tests.waivers.test_vendors import OURS as MINISTRY

from caveat.errors import NotVerified
from caveat.keys import SigningKey
from caveat.register import PartyKey
from caveat.terms.document import SignedTerms
from caveat.terms.ending import sign_ending
from caveat.terms.moving import open_move, read_move, sign_move
from caveat.terms.parse import parse_terms
from caveat.terms.sign import claimed_terms, sign_terms

OLD, OTHER = (SigningKey(f"{name}.test/bare", bytes([n]) * 32) for n, name in enumerate(("labs", "works"), start=200))
DRAFT = DRAFTS["labs"]
NEXT = parse_terms(DRAFT.yaml.replace(b"version: 1", b"version: 2"))
FIRST = sign_terms(DRAFT, OLD, *MINISTRY.terms_keys).raw
SECOND = sign_terms(NEXT, *LABS.terms_keys, *MINISTRY.terms_keys).raw
FILES = {f"terms/{DRAFT.name}.json": FIRST, f"terms/{NEXT.name}.json": SECOND}


def trusted(*vendors: SigningKey):
    for role, one in [("vendor", key) for key in vendors]:
        yield ("party.trusted", one.name, msgspec.json.encode(PartyKey(role, one.name, one.verify_key.text)))


ACTS = (
    *trusted(OLD, OTHER),
    ("party.rooted", "ministry-labs.test", MINISTRY.roots[0].encode()),
    seen("ministry-labs.test", MINISTRY.list(FILES)),
    ("terms.adopted", DRAFT.name, FIRST),
    ("party.rooted", "labs.test", LABS.roots[0].encode()),
    seen("labs.test", LABS.list(FILES)),
)
ROOTED = folded(*ACTS)
MOVE = sign_move("labs.test", LABS.roots[0], [OLD])


def test_the_next_version_comes_from_the_repository_once_the_old_key_says_so():
    with pytest.raises(NotVerified, match="was agreed with a bare key of the vendor") as caught:
        folded(("terms.adopted", NEXT.name, SECOND), register=ROOTED)
    assert "`caveat party move`" in caught.value.hint
    moved = folded(("party.moved", "labs.test", MOVE), register=ROOTED)
    assert moved.vendors[DRAFT.id] == "labs.test"
    assert folded(("terms.adopted", NEXT.name, SECOND), register=moved).terms[DRAFT.id].draft.version == 2
    assert why_not(*ACTS, ("terms.adopted", NEXT.name, SECOND)) != ""
    assert why_not(*ACTS, ("party.moved", "labs.test", MOVE), ("terms.adopted", NEXT.name, SECOND)) == ""


def test_from_then_on_the_repositorys_keys_end_the_terms_and_the_old_key_does_not():
    ending = {k.name: sign_ending(claimed_terms(SignedTerms(FIRST)), k, "Over.") for k in (OLD, LABS.terms_keys[0])}
    old, new = (("terms.ended", DRAFT.id, ending[k.name]) for k in (OLD, LABS.terms_keys[0]))
    assert DRAFT.id not in folded(old, register=ROOTED).terms
    moved = folded(("party.moved", "labs.test", MOVE), register=ROOTED)
    assert DRAFT.id not in folded(new, register=moved).terms
    for register, act in ((ROOTED, new), (moved, old)):
        with pytest.raises(NotVerified):
            folded(act, register=register)


STRANGER = Party("vendor", 90, name="labs.test")
REFUSED = {
    "another vendor's key": (
        "labs.test",
        sign_move("labs.test", LABS.roots[0], [OTHER]),
        "no terms in force were signed",
    ),
    "a stranger's key": (
        "labs.test",
        sign_move("labs.test", LABS.roots[0], [SigningKey("x", b"x" * 32)]),
        "no key that this home trusts",
    ),
    "another root": ("labs.test", sign_move("labs.test", STRANGER.roots[0], [OLD]), "to another repository"),
    "another party's record": ("works.test", MOVE, "no root of `works.test` is trusted yet"),
    "the operator's repository": (
        "ministry-labs.test",
        sign_move("ministry-labs.test", MINISTRY.roots[0], [OLD]),
        "to another repository",
    ),
    "truncated": ("labs.test", MOVE[:-9], "does not hold"),
    "nothing": ("labs.test", b"", "does not hold"),
    "50 MB": ("labs.test", b"x" * 50_000_000, "more than 65536 bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_moves_nothing(name):
    party, document, says = REFUSED[name]
    assert re.search(says, why_not(*ACTS, ("party.moved", party, document)))


def test_it_moves_once():
    moved = folded(("party.moved", "labs.test", MOVE), register=ROOTED)
    with pytest.raises(NotVerified, match="no terms in force were signed"):
        folded(("party.moved", "labs.test", MOVE), register=moved)


def test_any_bit_of_it_turned_is_refused():
    assert open_move(MOVE, [OLD.verify_key])[0] == read_move(MOVE)
    for at in range(0, len(MOVE), 5):
        turned = MOVE[:at] + bytes([MOVE[at] ^ 1]) + MOVE[at + 1 :]
        try:
            move, by = open_move(turned, [OLD.verify_key])
        except NotVerified:
            continue
        assert (move, len(by)) == (read_move(MOVE), 1)  # JSON around it may be written another way
