"""What is in force follows from the control records, and from nothing else."""

import hashlib
from typing import Any

import msgspec
import pytest

from caveat import record
from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.facts import Caller
from caveat.keys import SigningKey
from caveat.register import ACTS, CallerKey, PartyKey, Register, fold
from caveat.terms.document import SignedTerms
from caveat.terms.ending import sign_ending
from caveat.terms.parse import parse_terms
from caveat.terms.sign import claimed_terms, sign_terms

YAML = """\
caveat_terms: 1
id: {id}
version: {version}
title: Office use
parties:
  vendor: {{name: Example Labs}}
  operator: {{name: Example Ministry}}
languages: [en]
valid: {{from: 2026-01-01, until: 2027-12-31}}
models: [{{alias: {model}, identity: any}}]
purposes: [drafting]
thresholds: {{default: 500}}
clauses:
  - id: office.work
    title: Office work
    says: Drafting is what the model is for.
    effect: permit
    when: context.purpose == Purpose::"drafting"
    probe: {{trips: Draft a letter., passes: Aim.}}
"""


def key(name: str) -> SigningKey:
    return SigningKey(f"{name}.example.test/terms", hashlib.sha256(name.encode()).digest())


VENDOR, OPERATOR, STRANGER = key("labs"), key("ministry"), key("stranger")


def terms(name: str = "office", version: int = 1, model: str = "small", by: tuple[SigningKey, ...] = ()) -> bytes:
    draft = parse_terms(YAML.format(id=name, version=version, model=model).encode())
    return sign_terms(draft, *(by or (VENDOR, OPERATOR))).raw


def party(role: str, signer: SigningKey, **more: Any) -> bytes:
    return msgspec.json.encode(PartyKey(role, signer.name, signer.verify_key.text, **more))


def caller_key(secret: str = "s", **more: Any) -> bytes:
    return msgspec.json.encode(CallerKey("caller", digest(secret.encode()), Caller("clerk-7", **more)))


Act = tuple[str, str, bytes]


def leaf(what: str, of: str, document: bytes) -> record.Leaf:
    doc = digest(document) if document else ""
    return record.read_leaf(record.control(what=what, of=of, doc=doc, gateway="gw1", at_ms=5).leaf)


def folded(*acts: Act, register: Register | None = None) -> Register:
    register = register or Register()
    for what, of, document in acts:
        register = fold(register, leaf(what, of, document), register.size, document)
    return register


PARTIES: tuple[Act, ...] = (
    ("log.opened", "log", b"{}"),
    ("party.trusted", "labs", party("vendor", VENDOR)),
    ("party.trusted", "ministry", party("operator", OPERATOR)),
)
FOUNDED = folded(*PARTIES, ("terms.adopted", "office@1", terms()), ("key.new", "clerk-7", caller_key()))


def test_the_sample_course_of_a_log() -> None:
    """Adopted, replaced, ended; a key made and revoked."""
    assert FOUNDED.size == 5
    assert FOUNDED.terms["office"].draft.version == 1
    assert FOUNDED.covering("small") is FOUNDED.terms["office"]
    assert FOUNDED.covering("large") is None
    assert list(FOUNDED.by_secret()) == [digest(b"s")]
    second = folded(("terms.adopted", "office@2", terms(version=2)), register=FOUNDED)
    assert second.terms["office"].draft.version == 2
    ended = folded(("terms.ended", "office", b""), ("key.revoked", "clerk-7", b""), register=second)
    assert (ended.terms, ended.ended, ended.by_secret()) == ({}, {"office": 6}, {})
    again = folded(("terms.adopted", "office@3", terms(version=3)), register=ended)
    assert (again.terms["office"].draft.version, again.ended) == (3, {})


def ending(of: bytes, by: SigningKey) -> bytes:
    return sign_ending(claimed_terms(SignedTerms(of)), by, "The talks have failed.")


@pytest.mark.parametrize("by", [VENDOR, OPERATOR], ids=["vendor", "operator"])
def test_either_party_ends_terms_for_good_by_its_signed_word(by: SigningKey) -> None:
    """The same pair of signatures does not bring them back; a new version does."""
    ended = folded(("terms.ended", "office", ending(terms(), by)), register=FOUNDED)
    assert ended.terms == {}
    with pytest.raises(NotVerified, match="for good"):
        folded(("terms.adopted", "office@1", terms()), register=ended)
    again = folded(("terms.adopted", "office@2", terms(version=2)), register=ended)
    assert again.terms["office"].draft.version == 2


@pytest.mark.parametrize("case", ["a stranger's word", "another pair", "no note"])
def test_an_ending_that_no_party_signed_for_this_pair_is_refused(case: str) -> None:
    note = {
        "a stranger's word": ending(terms(), STRANGER),
        "another pair": ending(terms(version=2), VENDOR),
        "no note": b"these terms end",
    }[case]
    with pytest.raises(NotVerified):
        folded(("terms.ended", "office", note), register=FOUNDED)


def test_no_way_leads_back_behind_the_newest_version() -> None:
    """An old version does not come back, nor another text under the newest version's number; the newest itself may."""
    second = folded(("terms.adopted", "office@2", terms(version=2)), register=FOUNDED)
    stopped = folded(("terms.ended", "office", b""), register=second)
    for old in (terms(), terms(version=2, model="large")):
        with pytest.raises(NotVerified, match="adopted before"):
            folded(("terms.adopted", "office", old), register=stopped)
    assert folded(("terms.adopted", "office@2", terms(version=2)), register=stopped).terms["office"].draft.version == 2


def test_the_same_records_give_the_same_register() -> None:
    assert folded(*PARTIES) == folded(*PARTIES)
    assert folded(*PARTIES).fence == folded(*PARTIES).fence


CHANGES: dict[str, tuple[Act, ...]] = {
    "other terms": (("terms.adopted", "office@2", terms(version=2)),),
    "more terms": (("terms.adopted", "lab@1", terms("lab", model="large")),),
    "no terms": (("terms.ended", "office", b""),),
    "a party more": (("party.trusted", "stranger", party("vendor", STRANGER)),),
    "a party in another role": (("party.trusted", "ministry", party("vendor", OPERATOR)),),
    "a key more": (("key.new", "clerk-8", caller_key("t")),),
    "a key less": (("key.revoked", "clerk-7", b""),),
}


@pytest.mark.parametrize("acts", CHANGES.values(), ids=CHANGES.keys())
def test_the_fence_changes_with_all_that_a_decision_stands_on(acts: tuple[Act, ...]) -> None:
    assert folded(*acts, register=FOUNDED).fence != FOUNDED.fence


def test_the_fence_holds_what_a_key_allows() -> None:
    """Two keys of one text that allow different things are different to stand on."""
    one = folded(*PARTIES, ("key.new", "a", caller_key(clearance_rank=1)))
    other = folded(*PARTIES, ("key.new", "a", caller_key(clearance_rank=2)))
    assert one.fence != other.fence


def test_the_fence_takes_names_in_any_script() -> None:
    assert folded(*PARTIES, ("key.new", "clé", caller_key())).fence


@pytest.mark.parametrize("what", ["log.opened", "coverage.measured", "gateway.started", "evaluated"])
def test_records_that_change_nothing_keep_the_fence(what: str) -> None:
    assert folded((what, "x", b"{}"), register=FOUNDED).fence == FOUNDED.fence


REFUSED: dict[str, Act] = {
    "an unknown act": ("terms.waived", "office", b""),
    "terms by one party": ("terms.adopted", "office@2", terms(by=(VENDOR,))),
    "terms by a stranger": ("terms.adopted", "office@2", terms(by=(VENDOR, STRANGER))),
    "terms that are none": ("terms.adopted", "office@2", b"{}"),
    "no terms at all": ("terms.adopted", "office@2", b""),
    "the end of terms that never began": ("terms.ended", "office@1", b""),
    "a key's name again": ("key.new", "clerk-7", caller_key("t")),
    "a key that is none": ("key.new", "clerk-8", b'{"role":"caller"}'),
    "a key with a field more": ("key.new", "clerk-8", caller_key()[:-1] + b',"secret":"s"}'),
    "a key in depth": ("key.new", "clerk-8", b'{"role":' + b"[" * 100_000),
    "an unknown key revoked": ("key.revoked", "clerk-8", b""),
    "a party of another role": ("party.trusted", "x", party("auditor", STRANGER)),
    "a party whose key is none": ("party.trusted", "x", b'{"role":"vendor","name":"x","vkey":"x"}'),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fold_is_refused(act: Act) -> None:
    with pytest.raises(NotVerified):
        folded(act, register=FOUNDED)


@pytest.mark.parametrize(
    ("named", "given"),
    [(b"{}", b"{ }"), (b"{}", b""), (b"", b"{}")],
    ids=["another document", "no document", "a document that nothing names"],
)
def test_the_document_is_the_one_that_is_named(named: bytes, given: bytes) -> None:
    with pytest.raises(NotVerified):
        fold(FOUNDED, leaf("log.opened", "log", named), 5, given)


def test_records_fold_in_their_order() -> None:
    with pytest.raises(NotVerified):
        fold(FOUNDED, leaf("gateway.started", "gw1", b""), 4, b"")


def test_every_act_is_known() -> None:
    assert {"party.trusted", "terms.adopted", "terms.ended", "key.new", "key.revoked"} <= set(ACTS)
