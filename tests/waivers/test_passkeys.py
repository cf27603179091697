"""A passkey signs what an Ed25519 key signs, and whoever holds the file checks it offline."""

from typing import Any

import cbor2
import msgspec
import pytest
from tests.waivers.authenticator import RP_ID, UP, Authenticator
from tests.waivers.persons import ANNA, APPROVERS, NOW, OPERATOR, TERMS, TRUST, approver, ask, asked, key, named

from caveat.canon import b64, b64url, canonical, unb64
from caveat.dsse import pae
from caveat.errors import BadInput, NotVerified
from caveat.keys import VerifyKey
from caveat.waivers import hold, signed
from caveat.waivers.approvers import Approver, admit, asserted, challenge_of, name_approver, open_approver
from caveat.waivers.passkeys import Passkey, challenge, read_approver_key

DORA = Authenticator("dora")


def person(authenticator: Authenticator, word: str = "dora") -> Approver:
    return Approver(1, word, word.title(), authenticator.passkey.text, "operator")


def with_passkey(kind, raw, authenticator=DORA, **wrong):
    return asserted(kind, raw, authenticator.passkey, authenticator.sign(challenge_of(kind, raw), **wrong))


@pytest.mark.parametrize("algorithm", [-7, -8, -257])
def test_a_waiver_signed_by_a_key_and_by_a_passkey(algorithm):
    made = Authenticator("dora", algorithm)
    raw = with_passkey(signed.KIND, signed.approve(asked(), key("anna")), made)
    granted = signed.open_waiver(raw, (*APPROVERS, person(made)), (TERMS,), NOW)
    assert granted.approvers == ("anna", "dora")


def test_the_order_does_not_matter():
    raw = signed.approve(with_passkey(signed.KIND, asked()), key("anna"))
    assert signed.open_waiver(raw, (*APPROVERS, person(DORA)), (TERMS,), NOW).approvers == ("anna", "dora")


def test_a_held_call_released_by_a_passkey():
    raw = with_passkey(hold.KIND, hold.make_ask(ask(caller="zoe")))
    assert hold.open_approval(raw, (person(DORA),), (TERMS,), NOW).approvers == ("dora",)


def test_the_challenge_is_the_digest_of_what_an_ed25519_key_signs():
    raw = asked()
    envelope = msgspec.json.decode(raw)
    message = pae(signed.KIND.payload_type, unb64(envelope["payload"]))
    assert challenge_of(signed.KIND, raw) == challenge(message)
    signature = msgspec.json.decode(signed.approve(raw, key("anna")))["signatures"][0]["sig"]
    key("anna").verify_key.verify(message, unb64(signature))


def test_the_party_names_a_passkey_like_any_key():
    made = person(DORA)
    assert open_approver(name_approver(made, OPERATOR), TRUST) == made
    assert read_approver_key(made.vkey) == DORA.passkey
    assert read_approver_key(ANNA.vkey) == key("anna").verify_key
    assert open_approver(named(ANNA), TRUST) == ANNA


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another document": ({"signs": b"0" * 32}, "it signs something else"),
    "another domain's authenticator": ({"rp_id": "elsewhere.example"}, "it was made for another domain"),
    "a page of another domain": ({"origin": "https://ministry.example"}, "not of `caveat.ministry.example`"),
    "a domain that only ends alike": ({"origin": f"https://not{RP_ID}"}, "not of `caveat.ministry.example`"),
    "a page without TLS": ({"origin": f"http://{RP_ID}"}, "not of `caveat.ministry.example`"),
    "a frame in another's page": ({"cross": True}, "not of `caveat.ministry.example`"),
    "touched, and nobody verified": ({"flags": UP}, "did not verify the person"),
    "nobody present": ({"flags": 4}, "nobody was present"),
    "a registration": ({"type": "webauthn.create"}, "when a passkey was registered"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_passkey_did_not_sign(name):
    wrong, says = WRONG[name]
    with pytest.raises(NotVerified, match=says):
        with_passkey(signed.KIND, asked(), **wrong)


def test_a_page_below_the_domain_and_localhost_are_its_own():
    with_passkey(signed.KIND, asked(), origin=f"https://desk.{RP_ID}:8443")
    local = Authenticator("dora", rp_id="localhost")
    with_passkey(signed.KIND, asked(), local, origin="http://localhost:8484")


def test_an_assertion_for_one_document_is_none_for_another():
    first = msgspec.json.decode(with_passkey(signed.KIND, asked()))
    other = msgspec.json.decode(asked(nonce="1" * 32))
    swapped = msgspec.json.encode({**first, "payload": other["payload"]})
    with pytest.raises(NotVerified, match="it signs something else"):
        signed.open_waiver(swapped, (*APPROVERS, person(DORA)), (TERMS,), NOW)


def test_another_passkey_under_the_same_word_signs_nothing_for_it():
    raw = with_passkey(signed.KIND, asked(), Authenticator("dora"))
    with pytest.raises(NotVerified, match="has 0"):
        signed.open_waiver(raw, (person(DORA),), (TERMS,), NOW)


BROKEN = {
    "no JSON": b"x",
    "another shape": b'{"signature":""}',
    "no base64": canonical({"authenticatorData": "?", "clientDataJSON": "?", "signature": "?"}),
    "no client data": canonical({"authenticatorData": "", "clientDataJSON": b64url(b"[]"), "signature": ""}),
    "an origin that is none": canonical(
        {"authenticatorData": "", "clientDataJSON": b64url(b'{"origin":7}'), "signature": ""}
    ),
    "deep": canonical({"authenticatorData": "", "clientDataJSON": b64url(b"[" * 90000), "signature": ""}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_assertion_is_refused_with_a_sentence(name):
    with pytest.raises(NotVerified, match="cannot be read"):
        DORA.passkey.verify(b"message", BROKEN[name])


def test_one_key_never_belongs_to_two_persons_whatever_its_kind():
    """The same Ed25519 key as a signed-note key and in a passkey, and one passkey under two words."""
    eddsa = Authenticator("dora", -8)
    plain = VerifyKey("eve", eddsa.cose[-2])
    known = admit((), person(eddsa))
    for word, vkey in (("eve", plain.text), ("fred", Passkey("fred", RP_ID, b"1", cbor2.dumps(eddsa.cose)).text)):
        with pytest.raises(NotVerified, match="two persons never share a key"):
            admit(known, Approver(1, word, word, vkey, "operator"))


def test_two_passkeys_of_one_person_count_once():
    second = Authenticator("dora")
    raw = with_passkey(signed.KIND, with_passkey(signed.KIND, asked()), second)
    with pytest.raises(NotVerified, match="and has 1"):
        signed.open_waiver(raw, (person(DORA), person(second), approver("anna")), (TERMS,), NOW)


def cose(**changes: Any) -> bytes:
    return cbor2.dumps({**DORA.cose, **{int(label): value for label, value in changes.items()}})


UNSOUND: dict[str, Any] = {
    "another algorithm": lambda: Passkey("dora", RP_ID, b"1", cose(**{"3": -35})),
    "a key of another type than its algorithm": lambda: Passkey("dora", RP_ID, b"1", cose(**{"1": 1})),
    "another curve": lambda: Passkey("dora", RP_ID, b"1", cose(**{"-1": 2})),
    "no point of the curve": lambda: Passkey("dora", RP_ID, b"1", cose(**{"-2": b"\1" * 32})),
    "no CBOR": lambda: Passkey("dora", RP_ID, b"1", b"\xff"),
    "an Ed25519 key of small order": lambda: Passkey(
        "dora", RP_ID, b"1", cbor2.dumps({1: 1, 3: -8, -1: 6, -2: b"\1" + b"\0" * 31})
    ),
    "a short RSA key": lambda: Passkey(
        "dora", RP_ID, b"1", cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\1\0\1"})
    ),
    "no domain": lambda: Passkey("dora", "https://x", b"1", cbor2.dumps(DORA.cose)),
    "no credential": lambda: Passkey("dora", RP_ID, b"", cbor2.dumps(DORA.cose)),
    "a name that keys cannot bear": lambda: Passkey("do ra", RP_ID, b"1", cbor2.dumps(DORA.cose)),
    "no line": lambda: read_approver_key("dora"),
    "another id": lambda: read_approver_key(DORA.passkey.text.replace(DORA.passkey.id.hex(), "00000000")),
    "a line cut off": lambda: read_approver_key(DORA.passkey.text[:-8]),
    "a line that is not JSON": lambda: read_approver_key("dora+00000000+" + b64(b"\xffcaveat.passkey/v1\n{")),
    "a type that nobody knows": lambda: read_approver_key("dora+00000000+" + b64(b"\xfe" * 33)),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_a_passkey_that_is_not_sound_does_not_exist(name):
    with pytest.raises(BadInput):
        UNSOUND[name]()


def test_extra_labels_and_another_order_are_the_same_key():
    shuffled = dict(reversed(DORA.cose.items())) | {4: [1, 2]}
    assert Passkey("dora", RP_ID, DORA.passkey.credential, cbor2.dumps(shuffled)) == DORA.passkey
