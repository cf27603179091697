"""The operator uses an exception that has expired, is used up, is for other terms or another caller, or that one person approved
twice.

What detects it: the fold opens each waiver with the approvers' own keys and counts persons, not keys; each use stands in the
clear and is counted against the grant; a decision that a waiver lifted is made again with it.
"""

import json

import msgspec
import pytest
from tests.cheats.owner import admits, check, failures, put_in
from tests.evidence.conftest import NOW_MS, OPERATOR, TERMS, VENDOR, terms_of, trust_text
from tests.evidence.test_uses import ATTACK, Excepting, key, terms
from tests.waivers import persons

from caveat.decide.decide import decide
from caveat.errors import NotVerified
from caveat.evidence.report import Report
from caveat.evidence.trust import read_trust
from caveat.keys import SigningKey
from caveat.register import PartyKey
from caveat.terms.parse import parse_terms
from caveat.terms.sign import sign_terms
from caveat.waivers.approvers import Approver, name_approver
from caveat.waivers.signed import Request, approve, make_request, open_waiver, read_request

WORKS = SigningKey("works.test/terms", b"\x07" * 32)


@pytest.fixture
def book() -> Excepting:
    made = Excepting()
    made.found(terms())
    return made.staffed()


def found(report: Report) -> str:
    return failures(report)[8]


def test_an_exhausted_one(book: Excepting) -> None:
    waiver = book.grant(max_uses=1)
    book.use(waiver)
    book.use(waiver)
    assert "which has 1" in found(check(book.bundle()))


def test_an_expired_one(book: Excepting) -> None:
    waiver = book.grant(until_ms=NOW_MS + 5_000)
    book.now_ms += 60_000
    opening = book.open(ATTACK, decide(book.policy, ATTACK, [waiver]))
    book.settle(opening)
    assert "at a time that it does not cover" in found(check(book.bundle()))


def test_one_of_other_terms(book: Excepting) -> None:
    """Granted under the old pair; new terms are adopted, and it goes on being used."""
    waiver = book.grant()
    decision = decide(book.policy, ATTACK, [waiver])
    book.adopt(terms_of(2, "forbid"))
    book.settle(book.open(ATTACK, decision))
    assert 8 in failures(check(book.bundle()))


def test_one_of_another_caller(book: Excepting) -> None:
    """The scope names somebody else: the decision made again is a denial."""
    waiver = book.grant()
    decision = decide(book.policy, ATTACK, [waiver])
    other = book.grant(callers=("somebody-else",), nonce="1" * 32)
    swapped = type(decision)(
        **{**{n: getattr(decision, n) for n in decision.__struct_fields__}, "waived": (("no.cyber", other.id),)}
    )
    book.settle(book.open(ATTACK, swapped))
    assert "does not follow" in failures(check(book.bundle()))[10]


def test_two_approvals_of_one_person() -> None:
    """Anna has two keys, and signs with both: she is one approver."""
    raw = persons.asked()
    approvers = [persons.approver("anna"), persons.approver("anna", number=1), persons.approver("carl")]
    for number in (0, 1):
        raw = approve(raw, persons.key("anna", number))
    with pytest.raises(NotVerified, match="approvers who are not its requester, and has 1"):
        open_waiver(raw, approvers, [persons.agreed()], persons.request().from_ms)


def asked(book: Excepting, requester: str = "carl") -> bytes:
    """A request for an exception, which nobody has signed."""
    wanted = Request(
        1, clauses=("no.cyber",), terms=book.policy.terms.digest, reason="Red team", nonce="0" * 32,
        from_ms=NOW_MS - 10_000, until_ms=NOW_MS + 3_600_000, max_uses=2, requester=requester,
    )  # fmt: skip
    return make_request(wanted, book.policy.terms.draft)


def put_on_record(book: Excepting, raw: bytes) -> str:
    """What a verifier says of it, once the operator has put it on record whatever their own gateway said."""
    return failures(check(put_in(book, "waiver.granted", read_request(raw).id, raw)))[6]


def test_one_approval_and_none_on_record(book: Excepting) -> None:
    raw = asked(book)
    assert "approvers who are not its requester, and has 0" in put_on_record(book, raw)


def test_one_person_twice_on_record(book: Excepting) -> None:
    raw = approve(asked(book), key("anna"))
    twice = json.loads(raw)
    twice["signatures"] *= 2
    assert "approvers who are not its requester, and has 1" in put_on_record(book, json.dumps(twice).encode())


def test_the_requester_approves_on_record(book: Excepting) -> None:
    raw = approve(approve(asked(book, "anna"), key("anna")), key("ben"))
    assert "approvers who are not its requester, and has 1" in put_on_record(book, raw)


def test_a_stranger_approves_on_record(book: Excepting) -> None:
    raw = approve(approve(asked(book), key("anna")), key("mallory"))
    assert "has 1" in put_on_record(book, raw)


@pytest.mark.parametrize("vendor", [VENDOR, WORKS])
def test_the_approver_of_another_vendor_on_record(vendor: SigningKey) -> None:
    """The operator has agreements with two vendors, and lets the friendlier one's person stand for the other's."""
    book = Excepting()
    text = TERMS.format(version=1, effect="forbid").replace("effect: forbid\n", "effect: forbid\n    waivable: true\n")
    text = text.replace("clauses:\n", "waivers: {approvers: 2, vendor: 1}\nclauses:\n")
    book.found(sign_terms(parse_terms(text.encode()), VENDOR, OPERATOR).raw)
    party = PartyKey("vendor", WORKS.name, WORKS.verify_key.text)
    book.control("party.trusted", "vendor", msgspec.json.encode(party))
    wanda = Approver(1, "wanda", "Wanda", key("wanda").verify_key.text, "vendor")
    book.control("approver.trusted", "wanda", name_approver(wanda, vendor))
    book.staffed()
    raw = asked(book)
    for person in ("anna", "ben", "wanda"):
        raw = approve(raw, key(person))
    bundle = put_in(book, "waiver.granted", read_request(raw).id, raw)
    trust = read_trust(trust_text(book.keys, "quorum none", f"party vendor {WORKS.verify_key.text}").encode())
    failed = failures(check(bundle, trust))
    if vendor is VENDOR:
        assert failed == {}
    else:
        assert "an approver from the vendor's side; `wanda` does not count here: works.test/terms+" in failed[6]


def test_one_person_whom_the_party_named_under_two_names() -> None:
    """Not detected: the operator's party signed that anna and ben are two approvers; who holds their keys it does not show."""
    book = Excepting()
    book.found(terms())
    book.staffed()
    book.use(book.grant())
    assert check(book.bundle()).verified
    admits("whether two persons are two people")
