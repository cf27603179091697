"""Parties that keep repositories: terms come into force only where both list the very bytes."""

import msgspec
import pytest
from tests.making import ANYTHING, clause, draft
from tests.talks.party import NOW, Party

from caveat import record
from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.keys import SigningKey
from caveat.register import Register, fold
from caveat.talks.publishing import DAY_MS
from caveat.terms.document import SignedTerms
from caveat.terms.ending import sign_ending
from caveat.terms.listing import Listing, listing_bytes
from caveat.terms.renewal import sign_renewal
from caveat.terms.sign import claimed_terms, sign_terms

LABS, MINISTRY = Party("vendor", 1), Party("operator", 100, terms=3, sign=2)
DRAFT = draft(ANYTHING, clause("no", "forbid", "context.secretsIn"))
PAIR = sign_terms(DRAFT, *LABS.terms_keys, *MINISTRY.terms_keys).raw
PATH = f"terms/{DRAFT.name}.json"
EMPTY = LABS.listing
BY_LABS = LABS.list({PATH: PAIR})
BY_MINISTRY = MINISTRY.list({PATH: PAIR})
ROOTED = (
    ("party.rooted", "labs.test", LABS.roots[0].encode()),
    ("party.rooted", "ministry.test", MINISTRY.roots[0].encode()),
)


def seen(party: str, listing: Listing):
    return ("party.seen", party, listing_bytes(listing))


def folded(*acts, register: Register | None = None, at: int = NOW) -> Register:
    now = register or Register()
    for what, of, document in acts:
        doc = digest(document) if document else ""
        entry = record.control(what=what, of=of, doc=doc, gateway="test", at_ms=at)
        now = fold(now, record.read_leaf(entry.leaf), now.size, document)
    return now


ADOPT = ("terms.adopted", DRAFT.name, PAIR)
BOTH = folded(*ROOTED, seen("labs.test", BY_LABS), seen("ministry.test", BY_MINISTRY))


def test_what_both_list_comes_into_force_with_enough_keys_of_each():
    register = folded(ADOPT, register=BOTH)
    assert register.terms[DRAFT.id].draft.name == DRAFT.name
    assert [s.role for s in register.terms[DRAFT.id].signatures] == ["vendor", "operator", "operator"]
    assert {p.role for p in register.parties} == {"vendor", "operator"}
    assert register.fence != folded(*ROOTED).fence


def pair(*keys: SigningKey) -> bytes:
    return sign_terms(DRAFT, *keys).raw


REFUSED = {
    "the vendor lists nothing": (
        (*ROOTED, seen("labs.test", EMPTY), seen("ministry.test", BY_MINISTRY)),
        PAIR,
        "labs.test (the vendor) does not list",
    ),
    "nothing was seen of the vendor": (
        (*ROOTED, seen("ministry.test", BY_MINISTRY)),
        PAIR,
        "nothing was seen of the repository of labs.test",
    ),
    "one side lists other bytes": (
        (*ROOTED, seen("labs.test", BY_LABS), seen("ministry.test", BY_MINISTRY)),
        pair(*LABS.terms_keys, *MINISTRY.terms_keys[:2]),
        "was changed on the way",
    ),
    "one key of two": (
        (*ROOTED, seen("labs.test", BY_LABS), seen("ministry.test", BY_MINISTRY)),
        pair(*LABS.terms_keys, MINISTRY.terms_keys[0]),
        "1 keys of the operator have signed these terms, and it takes 2",
    ),
    "the vendor's keys twice": (
        (*ROOTED, seen("labs.test", BY_LABS), seen("ministry.test", BY_MINISTRY)),
        pair(*LABS.terms_keys),
        "the operator has not signed",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_side_alone_puts_nothing_in_force(name):
    acts, document, says = REFUSED[name]
    with pytest.raises(NotVerified) as caught:
        folded(("terms.adopted", DRAFT.name, document), register=folded(*acts))
    assert says in caught.value.message


def test_bare_keys_count_no_more_once_a_root_is_trusted():
    bare = SigningKey("labs.test/bare", b"\x09" * 32)
    party = msgspec.json.encode({"role": "vendor", "name": bare.name, "vkey": bare.verify_key.text, "sample": False})
    before = folded(("party.trusted", bare.name, party))
    assert before.trust()["vendor"] == (bare.verify_key,)
    after = folded(*ROOTED, register=before)
    assert bare.verify_key not in after.trust()["vendor"]


def test_an_older_list_is_refused_on_record_too():
    with pytest.raises(NotVerified, match="older than what was seen"):
        folded(seen("labs.test", EMPTY), register=BOTH)


def test_an_expired_list_is_refused_by_the_time_of_its_record():
    with pytest.raises(NotVerified, match="has expired"):
        folded(seen("labs.test", BY_LABS), register=folded(*ROOTED), at=NOW + 181 * DAY_MS)


def test_a_list_that_expired_since_stops_adoption_and_not_what_is_in_force():
    later = NOW + 181 * DAY_MS
    adopted = folded(ADOPT, register=BOTH)
    with pytest.raises(NotVerified, match="has expired: bring a new copy"):
        folded(ADOPT, register=BOTH, at=later)
    noted = folded(("evaluated", "call", b""), register=adopted, at=later)
    assert noted.terms == adopted.terms


def test_two_vendors_stand_side_by_side_and_neither_signs_for_the_other():
    works, ours = Party("vendor", 150, name="works.test"), Party("operator", 200, name="ministry-works.test")
    signed = sign_terms(DRAFT, *works.terms_keys, *ours.terms_keys).raw
    acts = [("party.rooted", p.name, p.roots[0].encode()) for p in (works, ours)]
    acts += [seen(p.name, p.list({PATH: signed})) for p in (works, ours)]
    both = folded(*acts, register=BOTH)
    assert folded(ADOPT, register=both).vendors == {DRAFT.id: "labs.test"}
    assert folded(("terms.adopted", DRAFT.name, signed), register=both).vendors == {DRAFT.id: "works.test"}
    with pytest.raises(NotVerified, match="is an agreement with"):
        folded(ADOPT, ("terms.adopted", DRAFT.name, signed), register=both)


LEASED = draft(ANYTHING, lease={"until": "2027-06-30", "calls": 100})


def test_a_renewal_takes_as_many_keys_as_the_terms_and_an_ending_takes_one():
    labs, ministry = Party("vendor", 10, terms=2, sign=2), Party("operator", 120)
    signed = sign_terms(LEASED, *labs.terms_keys, *ministry.terms_keys).raw
    acts = [("party.rooted", p.name, p.roots[0].encode()) for p in (labs, ministry)]
    acts += [seen(p.name, p.list({PATH: signed})) for p in (labs, ministry)]
    register = folded(*acts, ("terms.adopted", LEASED.name, signed))
    terms = claimed_terms(SignedTerms(signed))

    def renewal(*keys):
        return sign_renewal(terms, *keys, issued_ms=NOW, until_ms=NOW + 400 * DAY_MS, calls=5_000)

    with pytest.raises(NotVerified, match="1 keys of the vendor have signed this renewal, and it takes 2"):
        folded(("terms.renewed", LEASED.id, renewal(labs.terms_keys[0])), register=register)
    renewed = folded(("terms.renewed", LEASED.id, renewal(*labs.terms_keys)), register=register)
    assert renewed.leases[terms.digest].calls == 5_000
    ending = sign_ending(terms, labs.terms_keys[1], "We part.")
    assert folded(("terms.ended", LEASED.id, ending), register=renewed).terms == {}


def test_a_root_is_trusted_once_and_for_its_own_role():
    with pytest.raises(NotVerified, match="trusted already"):
        folded(ROOTED[0], register=BOTH)
    with pytest.raises(NotVerified, match="and it is of"):
        folded(("party.rooted", "ministry.test", LABS.roots[0].encode()))
    with pytest.raises(NotVerified, match="whose root is not trusted"):
        folded(seen("labs.test", BY_LABS))


def test_no_key_is_in_both_roots():
    twin = Party("operator", 1)
    twin.terms_keys = LABS.terms_keys
    from caveat.talks.publishing import make_root

    root = make_root(twin.charter(), twin.signers(), NOW)
    with pytest.raises(NotVerified, match="one key stands for both parties"):
        folded(ROOTED[0], ("party.rooted", "ministry.test", root.encode()))


def test_a_rotated_key_signs_no_more_and_what_it_signed_stays_in_force():
    labs = Party("vendor", 50)
    signed = sign_terms(DRAFT, *labs.terms_keys, *MINISTRY.terms_keys).raw
    first = labs.list({PATH: signed})
    ministry = Party("operator", 100, terms=3, sign=2)
    listed = ministry.list({PATH: signed})
    acts = (
        ("party.rooted", "labs.test", labs.roots[0].encode()),
        ROOTED[1],
        seen("labs.test", first),
        seen("ministry.test", listed),
    )
    before = folded(*acts, ("terms.adopted", DRAFT.name, signed))
    labs.rotate(new_terms=66)
    after = folded(seen("labs.test", labs.list({})), register=before)
    assert after.terms == before.terms
    assert [k.name for k in after.trust()["vendor"]] == ["labs.test/terms-9"]
    assert after.fence != before.fence
