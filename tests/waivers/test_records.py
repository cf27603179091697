"""What the ledger's records say of approvers, waivers and holds, folded."""

import msgspec
import pytest
from tests.waivers.persons import ANNA, BEN, DAY, NOW, OPERATOR, TERMS, VENDOR, agreed, ask, asked, key, named

from caveat import record
from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.register import PartyKey, Register, fold
from caveat.terms.sign import sign_terms
from caveat.waivers.approvers import Approver
from caveat.waivers.hold import approve as approve_hold
from caveat.waivers.hold import make_ask
from caveat.waivers.refusal import refuse
from caveat.waivers.signed import approve, read_request


def act(register, what, of, document=b"", at_ms=NOW):
    doc = digest(document) if document else ""
    leaf = record.read_leaf(record.control(what=what, of=of, doc=doc, gateway="gw1", at_ms=at_ms).leaf)
    return fold(register, leaf, register.size, document)


def founded():
    register = Register()
    for role, signer in (("vendor", VENDOR), ("operator", OPERATOR)):
        register = act(
            register, "party.trusted", role, msgspec.json.encode(PartyKey(role, signer.name, signer.verify_key.text))
        )
    register = act(register, "terms.adopted", "trial@1", sign_terms(TERMS.draft, VENDOR, OPERATOR).raw)
    for one in (ANNA, BEN):
        register = act(register, "approver.trusted", one.person, named(one))
    return register


FOUNDED = founded()
WAIVER = approve(approve(asked(), key("anna")), key("ben"))
ID = read_request(WAIVER).id
HOLD = approve_hold(make_ask(ask()), key("anna"))
GRANTED = act(FOUNDED, "waiver.granted", ID, WAIVER)


def test_a_waiver_is_in_force_from_its_record_to_its_end():
    assert (FOUNDED.waivers, list(GRANTED.waivers)) == ({}, [ID])
    ended = act(GRANTED, "waiver.ended", ID)
    assert ended.waivers == {}
    assert len({FOUNDED.fence, GRANTED.fence, ended.fence}) == 2
    assert GRANTED.fence != FOUNDED.fence


def test_an_ended_waiver_does_not_come_back():
    with pytest.raises(NotVerified, match="decided before"):
        act(act(GRANTED, "waiver.ended", ID), "waiver.granted", ID, WAIVER)


@pytest.mark.parametrize("document", [refuse(WAIVER, key("ben")), b""])
def test_a_refused_waiver_is_never_granted(document):
    refused = act(FOUNDED, "waiver.refused", ID, document)
    assert refused.waivers == {}
    for what, again in (("waiver.granted", WAIVER), ("waiver.refused", document)):
        with pytest.raises(NotVerified, match="decided before"):
            act(refused, what, ID, again)


def test_what_was_granted_is_ended_and_not_refused():
    with pytest.raises(NotVerified, match="decided before"):
        act(GRANTED, "waiver.refused", ID, refuse(WAIVER, key("ben")))


def test_terms_that_change_leave_the_waiver_void():
    """It stays on record, under terms that are no longer in force: decide compares."""
    after = act(GRANTED, "terms.adopted", "trial@2", sign_terms(agreed(version=2).draft, VENDOR, OPERATOR).raw)
    assert after.waivers[ID].terms not in {terms.digest for terms in after.terms.values()}
    with pytest.raises(NotVerified, match="for terms that are not in force"):
        other = approve(approve(asked(nonce="1" * 32), key("anna")), key("ben"))
        act(after, "waiver.granted", read_request(other).id, other)


def test_an_approval_is_gone_when_it_lapses():
    held = act(FOUNDED, "hold.decided", ask().hold, HOLD)
    assert list(held.approvals) == [ask().hold]
    assert held.fence != FOUNDED.fence
    later = act(held, "hold.decided", "f" * 32, at_ms=NOW + DAY)
    assert later.approvals == {}
    assert ask().hold in later.decided


def test_a_removed_approver_approves_no_more_and_what_stood_stands():
    gone = act(GRANTED, "approver.removed", "ben")
    assert list(gone.waivers) == [ID]
    other = approve(approve(asked(nonce="1" * 32), key("anna")), key("ben"))
    with pytest.raises(NotVerified, match="and has 1"):
        act(gone, "waiver.granted", read_request(other).id, other)


def twin():
    return named(Approver(1, "twin", "Twin", ANNA.vkey, "operator"))


REFUSED = {
    "one approval": ("waiver.granted", ID, approve(asked(), key("anna"))),
    "a record about another waiver": ("waiver.granted", "w-0", WAIVER),
    "too late": ("waiver.granted", ID, WAIVER, NOW + 8 * DAY),
    "no document": ("waiver.granted", ID),
    "a refusal by nobody who may": ("waiver.refused", ID, refuse(WAIVER, key("zoe"))),
    "a refusal on another waiver's record": ("waiver.refused", "w-" + "0" * 16, refuse(WAIVER, key("ben"))),
    "a refusal of what is no waiver": ("waiver.refused", "anything"),
    "the end of what never was": ("waiver.ended", ID),
    "two persons with one key": ("approver.trusted", "twin", twin()),
    "another person than the record's": ("approver.trusted", "zoe", named(ANNA)),
    "an approver who is none": ("approver.removed", "zoe"),
    "a hold that nobody signed": ("hold.decided", ask().hold, make_ask(ask())),
    "a record about another hold": ("hold.decided", "f" * 32, HOLD),
    "a hold that lapsed": ("hold.decided", ask().hold, HOLD, NOW + DAY),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fold(name):
    with pytest.raises(NotVerified):
        act(FOUNDED, *REFUSED[name])


@pytest.mark.parametrize("second", [HOLD, b""])
@pytest.mark.parametrize("first", [HOLD, b""])
def test_a_hold_is_decided_once(first, second):
    with pytest.raises(NotVerified, match="decided before"):
        act(act(FOUNDED, "hold.decided", ask().hold, first), "hold.decided", ask().hold, second)
