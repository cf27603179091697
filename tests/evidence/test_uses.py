"""Whoever holds a bundle sees each use of a waiver or an approval, and what no gateway may have done with one."""

from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import NOW_MS, OPERATOR, TERMS, VENDOR, Book, check, failures, outcomes, with_facts

from caveat import record
from caveat.decide.decide import decide
from caveat.errors import NotVerified
from caveat.keys import SigningKey
from caveat.terms.parse import parse_terms
from caveat.terms.sign import sign_terms
from caveat.waivers import hold, signed
from caveat.waivers.approvers import Approver, name_approver
from caveat.waivers.waiver import Waiver

ATTACK = with_facts(hazards_in=("x_cyb",))
MINE = ["anna", "ben"]


def key(person: str) -> SigningKey:
    return SigningKey(person, person.encode().ljust(32, b"."))


def terms(effect: str = "forbid", more: str = "waivable: true") -> bytes:
    yaml = TERMS.format(version=1, effect=effect).replace(f"effect: {effect}\n", f"effect: {effect}\n    {more}\n", 2)
    return sign_terms(parse_terms(yaml.encode()), VENDOR, OPERATOR).raw


class Excepting(Book):
    """A log with approvers."""

    def staffed(self, party: SigningKey = OPERATOR) -> "Excepting":
        for person in MINE:
            one = Approver(1, person, person, key(person).verify_key.text, "operator")
            self.control("approver.trusted", person, name_approver(one, party))
        return self

    def grant(self, **changes: Any) -> Any:
        plain = {"from_ms": NOW_MS - 10_000, "until_ms": NOW_MS + 3_600_000, "max_uses": 2, "requester": "carl"}
        digest = self.policy.terms.digest
        plain |= {"clauses": ("no.cyber",), "terms": digest, "reason": "Red team", "nonce": "0" * 32}
        raw = signed.make_request(signed.Request(1, **{**plain, **changes}), self.policy.terms.draft)
        for person in MINE:
            raw = signed.approve(raw, key(person))
        approvers = [Approver(1, p, p, key(p).verify_key.text, "operator") for p in MINE]
        waiver = signed.open_waiver(raw, approvers, [self.policy.terms], NOW_MS)
        self.control("waiver.granted", waiver.id, raw)
        return waiver

    def use(self, *lifts: Any, facts: Any = ATTACK) -> None:
        if not isinstance(lifts[0], Waiver):
            super().use(lifts[0])
            return
        self.settle(self.open(facts, decide(self.policy, facts, lifts)))


@pytest.fixture
def book() -> Excepting:
    made = Excepting()
    made.found(terms())
    return made.staffed()


def test_uses_are_counted_for_whoever_holds_the_bundle(book: Excepting):
    waiver = book.grant()
    book.use(waiver)
    book.use(waiver)
    report = check(book.bundle())
    assert failures(report) == {}
    (step,) = [step for step in report.steps if step.number == 8]
    assert f"`{waiver.id}` used 2 of 2 times" in step.says
    assert outcomes(report)[10] == "proved"


def test_one_use_too_many_shows(book: Excepting):
    waiver = book.grant()
    for _ in range(3):
        book.use(waiver)
    assert f"it is use 3 of `{waiver.id}`, which has 2" in failures(check(book.bundle()))[8]


def test_a_use_before_the_grant_shows(book: Excepting):
    grant = book.entries[:]
    waiver = book.grant()
    granted = book.entries.pop()
    assert book.entries == grant
    book.use(waiver)
    book.append(granted)
    assert "which was not in force there" in failures(check(book.bundle()))[8]


def test_a_use_after_the_end_shows(book: Excepting):
    waiver = book.grant()
    book.control("waiver.ended", waiver.id)
    book.use(waiver)
    assert "which was not in force there" in failures(check(book.bundle()))[8]


def test_a_use_after_its_time_shows(book: Excepting):
    waiver = book.grant(until_ms=NOW_MS + 1_000)
    book.now_ms += 2_000
    book.settle(book.open(ATTACK, decide(book.policy, ATTACK, [waiver])))
    assert "at a time that it does not cover" in failures(check(book.bundle()))[8]


def test_a_use_that_stands_only_in_the_clear_shows(book: Excepting):
    """The clear field and the committed decision must say the same."""
    waiver = book.grant()
    index, *_ = book.open(ATTACK, decide(book.policy, ATTACK, [waiver]))
    entry = book.entries[index]
    leaf = msgspec.json.decode(entry.leaf)
    del leaf["w"]
    book.entries[index] = msgspec.structs.replace(entry, leaf=msgspec.json.encode(leaf, order="sorted"))
    assert "not what the call spent" in failures(check(book.bundle()))[10]


def test_a_waiver_that_was_not_used_changes_nothing(book: Excepting):
    """Its uses may have been gone, or its case another: a gateway may leave it."""
    book.grant()
    book.call(ATTACK)
    assert failures(check(book.bundle())) == {}


def test_an_approver_whom_the_trusted_party_did_not_name_shows():
    """A gateway can trust whom it likes; the verifier trusts its own file."""
    forged = Excepting()
    forged.control("party.trusted", "operator", msgspec.json.encode(_party(key("mallory"))))
    forged.found(terms()).staffed(key("mallory"))  # type: ignore[attr-defined]
    forged.use(forged.grant())
    report = failures(check(forged.bundle()))
    assert report.keys() == {7}
    assert "an approver: the operator has not signed that `anna` approves for it" in report[7]


def _party(made: SigningKey) -> Any:
    return {"role": "operator", "name": made.name, "vkey": made.verify_key.text}


def test_an_approval_releases_the_call_that_was_held():
    book = Excepting()
    book.found(terms("hold", "approvers: 1")).staffed()  # type: ignore[attr-defined]
    opening = book.open(ATTACK)
    book.settle(opening)
    approval = _approved(book, opening[1].call)
    book.use(approval)
    report = check(book.bundle())
    assert failures(report) == {}
    assert "1 held calls released by persons" in {s.number: s.says for s in report.steps}[8]
    book.use(approval)
    assert "it is use 2" in failures(check(book.bundle()))[8]


def test_an_approval_of_a_call_that_was_never_held_shows():
    book = Excepting()
    book.found(terms("hold", "approvers: 1")).staffed()  # type: ignore[attr-defined]
    book.use(_approved(book, "f" * 32))
    assert "of a call that was never held" in failures(check(book.bundle()))[8]


def _approved(book: Excepting, call: str) -> Any:
    ask = hold.Ask(
        v=1, hold=call, body=hold.body_name("openai_chat", b"body", b"salt"), clauses=("no.cyber",),
        terms=book.policy.terms.digest, dialect="openai_chat", caller="clerk-7", purpose="drafting", model="small",
        rank=1, from_ms=NOW_MS - 10_000, until_ms=NOW_MS + 3_600_000,
    )  # fmt: skip
    raw = hold.approve(hold.make_ask(ask), key("anna"))
    approvers = [Approver(1, "anna", "anna", key("anna").verify_key.text, "operator")]
    book.control("hold.decided", call, raw)
    return hold.open_approval(raw, approvers, [book.policy.terms], NOW_MS)


def test_a_leaf_spends_in_one_form_only(book: Excepting):
    waiver = book.grant()
    index, *_ = book.open(ATTACK, decide(book.policy, ATTACK, [waiver]))
    leaf = record.read_leaf(book.entries[index].leaf)
    assert leaf.w == (waiver.id,)
    value = msgspec.json.decode(book.entries[index].leaf)
    for wrong in ([waiver.id, waiver.id], ["w-2", "w-1"]):
        with pytest.raises(NotVerified, match="the same twice"):
            record.read_leaf(msgspec.json.encode({**value, "w": wrong}, order="sorted"))
