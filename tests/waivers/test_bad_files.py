"""Files that are cut, swapped, mixed, replayed or made up: each is refused with a sentence, and never with anything else."""

import msgspec
import pytest
from tests.waivers.authenticator import Authenticator
from tests.waivers.persons import APPROVERS, NOW, TERMS, agreed, approver, ask, asked, key, named
from tests.waivers.test_records import FOUNDED, GRANTED, HOLD, ID, WAIVER, act

from caveat.canon import b64
from caveat.errors import NotVerified
from caveat.waivers import hold, refusal, signed
from caveat.waivers.approvers import Approver, admit, asserted, challenge_of

DORA = Authenticator("dora")
PASSKEY = asserted(signed.KIND, asked(), DORA.passkey, DORA.sign(challenge_of(signed.KIND, asked())))
KNOWN = (*APPROVERS, Approver(1, "dora", "Dora", DORA.passkey.text, "operator"))
FILES = {
    "a waiver": (WAIVER, lambda raw: signed.open_waiver(raw, KNOWN, (TERMS,), NOW)),
    "a waiver by a passkey": (
        signed.approve(PASSKEY, key("anna")),
        lambda raw: signed.open_waiver(raw, KNOWN, (TERMS,), NOW),
    ),
    "an approval": (HOLD, lambda raw: hold.open_approval(raw, KNOWN, (TERMS,), NOW)),
    "a refusal of a waiver": (refusal.refuse(WAIVER, key("anna")), lambda raw: refusal.open_refusal(raw, KNOWN)),
    "a refusal": (hold.refuse(hold.make_ask(ask()), key("anna")), lambda raw: hold.open_refusal(raw, KNOWN)),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_anywhere(name):
    raw, opened = FILES[name]
    assert opened(raw)
    for end in range(len(raw)):
        with pytest.raises(NotVerified):
            opened(raw[:end])


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_any_one_bit_of_its_text_or_signature_turned(name):
    """What is no longer what was signed is refused; a bit in a key's name or the JSON around it makes it another file."""
    raw, opened = FILES[name]
    envelope = msgspec.json.decode(raw)
    for field in ("payload", *range(len(envelope["signatures"]))):
        text = envelope["payload"] if field == "payload" else envelope["signatures"][field]["sig"]
        for at in range(0, len(text), 7):
            turned = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
            changed = msgspec.json.decode(raw)
            if field == "payload":
                changed["payload"] = turned
            else:
                changed["signatures"][field]["sig"] = turned
            with pytest.raises(NotVerified):
                opened(msgspec.json.encode(changed))


def swapped(raw, **fields):
    return msgspec.json.encode({**msgspec.json.decode(raw), **fields})


WAIVER_SIGS = msgspec.json.decode(WAIVER)["signatures"]
BAD = {
    "nothing": (b"", "does not hold a signed waiver"),
    "another file": (b"\x89PNG", "does not hold a signed waiver"),
    "very deep": (b"[" * 100_000, "does not hold a signed waiver"),
    "very large": (b" " * 300_000, "more than 262144 bytes"),
    "a hold in its place": (HOLD, "expected `application/vnd.caveat.waiver.json` to be signed"),
    "a hold's signature under it": (
        swapped(asked(), signatures=msgspec.json.decode(HOLD)["signatures"]),
        "does not hold",
    ),
    "signatures of another waiver": (swapped(asked(nonce="1" * 32), signatures=WAIVER_SIGS), "does not hold"),
    "signatures of a wider waiver": (swapped(asked(max_uses=1), signatures=WAIVER_SIGS), "does not hold"),
    "one signature many times": (swapped(asked(), signatures=WAIVER_SIGS[:1] * 9), "and has 1"),
    "too many signatures": (swapped(asked(), signatures=WAIVER_SIGS * 9), "at most 16 signatures"),
    "a signature under another's name": (
        swapped(asked(), signatures=[WAIVER_SIGS[0], {**WAIVER_SIGS[0], "keyid": WAIVER_SIGS[1]["keyid"]}]),
        "does not hold",
    ),
    "another way to write it": (
        swapped(asked(), payload=b64(b" " + msgspec.json.encode({"v": 1}))),
        "is not a signed waiver",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_waiver(name):
    raw, says = BAD[name]
    with pytest.raises(NotVerified, match=says):
        signed.open_waiver(raw, KNOWN, (TERMS,), NOW)


def test_a_waiver_that_is_brought_again_changes_nothing():
    for register in (GRANTED, act(GRANTED, "waiver.ended", ID)):
        with pytest.raises(NotVerified, match="decided before"):
            act(register, "waiver.granted", ID, WAIVER)


def test_a_refusal_approves_nothing_and_an_approval_refuses_nothing():
    refused = hold.refuse(HOLD, key("anna"))
    with pytest.raises(NotVerified, match=r"expected `application/vnd.caveat.hold\+json` to be signed"):
        hold.open_approval(refused, KNOWN, (TERMS,), NOW)
    with pytest.raises(NotVerified, match="hold-refusal"):
        hold.open_refusal(HOLD, KNOWN)
    with pytest.raises(NotVerified):
        hold.open_refusal(swapped(refused, signatures=msgspec.json.decode(HOLD)["signatures"]), KNOWN)
    after = act(FOUNDED, "hold.decided", ask().hold, refused)
    assert (after.approvals, ask().hold in after.decided) == ({}, True)


def test_a_refusal_of_a_waiver_grants_nothing_and_its_approvals_refuse_nothing():
    refused = refusal.refuse(WAIVER, key("anna"))
    with pytest.raises(NotVerified, match=r"expected `application/vnd.caveat.waiver\+json` to be signed"):
        signed.open_waiver(refused, KNOWN, (TERMS,), NOW)
    with pytest.raises(NotVerified, match="waiver-refusal"):
        refusal.open_refusal(WAIVER, KNOWN)
    with pytest.raises(NotVerified, match="does not hold"):
        refusal.open_refusal(swapped(refused, signatures=msgspec.json.decode(WAIVER)["signatures"]), KNOWN)
    assert refusal.open_refusal(refused, KNOWN) == (ID, ("anna",))


def test_an_approval_of_terms_that_were_ended():
    with pytest.raises(NotVerified, match="no longer in force"):
        hold.open_approval(HOLD, KNOWN, (agreed(version=2),), NOW)
    with pytest.raises(NotVerified, match="for terms that are not in force"):
        signed.open_waiver(WAIVER, KNOWN, (), NOW)


def test_two_persons_with_one_key_and_one_person_with_two():
    twin = Approver(1, "twin", "Twin", approver("anna").vkey, "operator")
    with pytest.raises(NotVerified, match="two persons never share a key"):
        admit(APPROVERS, twin)
    both = (*KNOWN, approver("anna", number=1))
    raw = signed.approve(signed.approve(asked(), key("anna")), key("anna", 1))
    with pytest.raises(NotVerified, match="and has 1"):
        signed.open_waiver(raw, both, (TERMS,), NOW)


def test_who_asks_approves_nothing_whatever_key_they_use():
    raw = signed.approve(signed.approve(asked(), key("carl")), key("anna"))
    with pytest.raises(NotVerified, match="who are not its requester, and has 1"):
        signed.open_waiver(raw, KNOWN, (TERMS,), NOW)
    assert named(approver("carl"))
