"""Keys: their texts, and which ones are refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import BadInput, NotVerified
from caveat.keys import KeyKind, SigningKey, VerifyKey, new_signing_key, read_signing_key, read_verify_key

VECTORS = Path(__file__).parent / "conformance"
KNOWN = json.loads((VECTORS / "note/known-answers.json").read_text())
CCTV = json.loads((VECTORS / "ed25519/cctv.json").read_text())
ED25519 = json.loads((VECTORS / "ed25519/ed25519_test.json").read_text())
MLDSA = json.loads((VECTORS / "ed25519/mldsa_44_verify_test.json").read_text())


@pytest.mark.parametrize(
    "text",
    [
        *KNOWN["vkey_x_mod"]["good"],
        KNOWN["tessera_log_vkey"],
        KNOWN["signed_note_c2sp"]["vkey"],
        *(case["vkey"] for case in KNOWN["cosignatures_sunlight"]["cases"]),
    ],
)
def test_foreign_verify_keys_are_read_and_written_back_alike(text):
    assert read_verify_key(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        *KNOWN["vkey_x_mod"]["bad"],
        "",
        "name",
        "name+c74f20a3",
        "name+c74f20a3+",
        "name+c74f20a3+AQ==",
        "name+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "na me+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_malformed_verify_keys_are_bad_input(text):
    with pytest.raises(BadInput):
        read_verify_key(text)


def test_go_signing_key_is_read_and_written_back_alike():
    """The signer of golang.org/x/mod signs for its own verify key."""
    key = read_signing_key(KNOWN["vkey_x_mod"]["signer"])
    assert key.text == KNOWN["vkey_x_mod"]["signer"]
    assert key.verify_key.text == KNOWN["vkey_x_mod"]["good"][0]


@pytest.mark.parametrize("damage", ["PRIVATE+KEY", "wrong-id", "wrong-type", "short"])
def test_damaged_signing_key_is_refused_without_being_quoted(damage):
    text = new_signing_key("k").text
    bad = {
        "PRIVATE+KEY": text.removeprefix("PRIVATE+KEY+"),
        "wrong-id": "PRIVATE+KEY+k+00000000+" + text.split("+", 4)[4],
        "wrong-type": text.replace("+A", "+Z", 1),
        "short": text[:-8] + "AA==",
    }[damage]
    with pytest.raises(BadInput) as caught:
        read_signing_key(bad)
    assert text.split("+", 4)[4] not in caught.value.message


@given(st.sampled_from(list(KeyKind)), st.binary(min_size=32, max_size=32), st.binary(max_size=99))
def test_every_key_survives_its_texts_and_signs(kind, seed, message):
    key = SigningKey("example.com/log", seed, kind)
    again = read_signing_key(key.text)
    assert again.verify_key == key.verify_key == read_verify_key(key.verify_key.text)
    key.verify_key.verify(message, again.sign(message))
    with pytest.raises(NotVerified):
        key.verify_key.verify(message + b"x", again.sign(message))


def test_a_key_shows_its_seed_nowhere_but_in_its_text():
    key = SigningKey("k", b"\x11" * 32)
    assert "11" * 32 not in repr(key)
    assert "ERERER" not in repr(key)


def test_fresh_keys_differ():
    assert len({new_signing_key("k").verify_key for _ in range(8)}) == 8


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\x01b", "\ud800", "x" * 256])
def test_names_that_notes_cannot_bear_are_refused(name):
    with pytest.raises(BadInput):
        new_signing_key(name)


def test_cctv_weak_and_non_canonical_keys_are_refused():
    """All of small order and all non-canonical ones; keys with a mere component of small order are sound to load."""
    weak = {case["key"] for case in CCTV if {"low_order_A", "non_canonical_A"} & set(case["flags"] or ())}
    sound = {case["key"] for case in CCTV} - weak
    assert len(weak) >= 14
    assert sound
    for key in weak:
        with pytest.raises(BadInput):
            VerifyKey("k", bytes.fromhex(key))
    for key in sound:
        VerifyKey("k", bytes.fromhex(key))


@pytest.mark.parametrize("y", [2, 7, 8, 2**255 - 19, 2**255 - 1, 2**255 + 1])
def test_bytes_that_are_no_canonical_point_are_refused(y):
    with pytest.raises(BadInput):
        VerifyKey("k", (y % 2**256).to_bytes(32, "little"))


def wycheproof(data, kind, public):
    for group in data["testGroups"]:
        for case in group["tests"]:
            yield case, kind, public(group)


@pytest.mark.parametrize(
    ("case", "kind", "public"),
    [
        *wycheproof(ED25519, KeyKind.NOTE, lambda group: group["publicKey"]["pk"]),
        *wycheproof(MLDSA, KeyKind.COSIGN_MLDSA, lambda group: group["publicKey"]),
    ],
    ids=lambda value: str(value["tcId"]) if isinstance(value, dict) else "",
)
def test_wycheproof(case, kind, public):
    """Pins the library's verification.  Ours has no context: a case with one must fail, whatever its own result."""
    wanted = case["result"] == "valid" and not case.get("ctx")
    try:
        VerifyKey("k", bytes.fromhex(public), kind).verify(bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
        held = True
    except (NotVerified, BadInput):
        held = False
    assert held == wanted
