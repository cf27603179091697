"""DSSE envelopes: DSSE's own encoding, signatures added one after the other, and what is no envelope."""

import msgspec
import pytest
from securesystemslib.dsse import Envelope

from caveat.canon import b64
from caveat.dsse import MAX_SIGNATURES, Kind, Sig, check, key_id, pae, read, seal
from caveat.errors import NotVerified
from caveat.keys import SigningKey

KIND = Kind("application/vnd.example+json", "signed examples", "example", 10_000, "they grow on trees")
ANNA = SigningKey("anna", b"a" * 32)
BEN = SigningKey("ben", b"b" * 32)


def test_the_encoding_is_that_of_the_specification():
    """The example of DSSE's protocol page, and the reference library's own words."""
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    envelope = Envelope.from_dict(msgspec.json.decode(seal(KIND, b"text", [ANNA])))
    assert envelope.pae() == pae(KIND.payload_type, b"text")


def test_signatures_add_up_in_any_order_and_replace_their_own():
    one = read(KIND, seal(KIND, b"text", [ANNA]))
    both = read(KIND, seal(KIND, one.payload, [BEN], one.signatures))
    again = read(KIND, seal(KIND, both.payload, [ANNA], both.signatures))
    assert [sig.keyid for sig in again.signatures] == [key_id(BEN.verify_key), key_id(ANNA.verify_key)]
    check(KIND, again, again.signatures[0], BEN.verify_key)
    check(KIND, again, again.signatures[1], ANNA.verify_key)
    with pytest.raises(NotVerified):
        check(KIND, again, again.signatures[0], ANNA.verify_key)


def test_a_signature_over_another_type_does_not_hold():
    other = Kind("application/vnd.other+json", "others", "example", 10_000)
    sealed = read(other, seal(other, b"text", [ANNA]))
    with pytest.raises(NotVerified, match="does not hold"):
        check(KIND, sealed, sealed.signatures[0], ANNA.verify_key)


def envelope(**changes):
    value = {"payload": b64(b"text"), "payloadType": KIND.payload_type, "signatures": []}
    return msgspec.json.encode({**value, **changes})


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "does not hold signed examples"),
        (b"{}", "does not hold signed examples"),
        (b"\xff", "does not hold signed examples"),
        (b"[" * 9_000, "does not hold signed examples"),
        (b" " * 10_001, "more than 10000 bytes"),
        (envelope(payloadType="text/plain"), "expected `application/vnd.example"),
        (envelope(payload="!"), "the signed text is not base64"),
        (envelope(signatures=[{"keyid": "a", "sig": ""}] * (MAX_SIGNATURES + 1)), "at most 16 signatures"),
    ],
)
def test_what_is_no_envelope(raw, says):
    with pytest.raises(NotVerified, match=says):
        read(KIND, raw)


def test_a_signature_that_is_not_base64():
    sealed = read(KIND, envelope(signatures=[{"keyid": "anna", "sig": "!"}]))
    with pytest.raises(NotVerified, match="the signature by `anna` is not base64"):
        check(KIND, sealed, Sig("anna", "!"), ANNA.verify_key)
