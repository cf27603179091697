"""Signed notes and cosignatures: foreign ones open, damaged ones never do."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import signing as foreign
from tlog_scales.tlog import Checkpoint as ForeignCheckpoint

from caveat.errors import BadInput, NotVerified
from caveat.keys import KeyKind, SigningKey, new_signing_key, read_verify_key
from caveat.note import (
    MAX_NOTE_BYTES,
    TreeHead,
    open_note,
    parse_note,
    read_tree_head,
    sign_note,
    sign_text,
    subtree_message,
    verify_signature,
)

KNOWN = json.loads((Path(__file__).parent / "conformance/note/known-answers.json").read_text())
PLAIN = SigningKey("example.com/log", b"\x01" * 32)
TIMED = SigningKey("witness.example.com", b"\x02" * 32, KeyKind.COSIGN)
LATTICE = SigningKey("example.com/log", b"\x03" * 32, KeyKind.COSIGN_MLDSA)
HEAD = TreeHead("example.com/log", 7, b"\x07" * 32)
AT_S = 1_790_000_000


def test_the_example_of_the_specification_opens():
    example = KNOWN["signed_note_c2sp"]
    opened = open_note(example["note"].encode(), [read_verify_key(example["vkey"])])
    assert opened.text == b"This is an example message.\n"


@pytest.mark.parametrize("case", KNOWN["cosignatures_sunlight"]["cases"], ids=lambda case: case["vkey"].split("+")[0])
def test_foreign_cosignatures_hold(case):
    """Sunlight's cosignature/v1 lines; a static-ct log's own line of another type beside them is ignored."""
    key = read_verify_key(case["vkey"])
    opened = open_note(case["note"].encode(), [key])
    assert opened.signed_by(key)
    assert opened.by[0][1].at_s == 1767139200
    assert read_tree_head(opened.text).size == 300


@pytest.mark.parametrize("key", [PLAIN, TIMED, LATTICE], ids=lambda key: key.kind.name)
def test_our_checkpoint_signatures_hold_for_a_foreign_reader(key):
    note = sign_note(HEAD.text, [key], AT_S)
    checkpoint = ForeignCheckpoint.from_text(note.decode())
    checkpoint.verify(foreign.Vkey.from_string(key.verify_key.text))
    assert (checkpoint.origin, checkpoint.size, checkpoint.root_hash) == ("example.com/log", 7, HEAD.root)


@pytest.mark.parametrize(
    ("signer", "kind"),
    [(foreign.PlainEd25519Signer, KeyKind.NOTE), (foreign.MLDSA44CosignatureSigner, KeyKind.COSIGN_MLDSA)],
)
def test_a_foreign_writers_signatures_hold_for_us(signer, kind):
    note = ForeignCheckpoint.make_signed(HEAD.origin, HEAD.size, HEAD.root, [signer("example.com/log", b"\x05" * 32)])
    key = SigningKey("example.com/log", b"\x05" * 32, kind).verify_key
    assert open_note(note.serialize().encode(), [key]).signed_by(key)


def test_a_log_signs_with_both_and_sixteen_witnesses_fit():
    """One Ed25519 and fifteen ML-DSA-44 lines of about 3.3 kB open and stay under the cap."""
    keys = [PLAIN, *(new_signing_key(f"w{i}", KeyKind.COSIGN_MLDSA) for i in range(15))]
    raw = sign_note(HEAD.text, keys, AT_S)
    assert len(raw) < MAX_NOTE_BYTES
    assert len(open_note(raw, [key.verify_key for key in keys]).by) == 16


@pytest.mark.parametrize("key", [PLAIN, TIMED, LATTICE], ids=lambda key: key.kind.name)
def test_every_flipped_bit_in_text_or_signature_is_noticed(key):
    """Flips within the text, the time or the signature; a flip in name or id makes it a stranger's, so unsigned."""
    raw = sign_note(HEAD.text, [key], AT_S)
    step = 1 if len(raw) < 1000 else 37
    for at in range(0, len(raw), step):
        bad = bytearray(raw)
        bad[at] ^= 1 << (at % 7)
        with pytest.raises(NotVerified):
            open_note(bytes(bad), [key.verify_key])


def test_a_trusted_key_whose_signature_fails_spoils_the_note():
    other = new_signing_key("other")
    good = sign_note(b"text\n", [PLAIN])
    forged = sign_text(other, b"another\n").line.encode()
    with pytest.raises(NotVerified):
        open_note(good + forged, [PLAIN.verify_key, other.verify_key])
    assert open_note(good + forged, [PLAIN.verify_key]).text == b"text\n"


def test_the_text_ends_at_the_last_empty_line():
    raw = sign_note(b"a\n\nb\n", [PLAIN])
    assert open_note(raw, [PLAIN.verify_key]).text == b"a\n\nb\n"


LINE = sign_text(PLAIN, b"t\n").line


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("empty", b""),
        ("no signatures", b"t\n\n"),
        ("no empty line", b"t\n" + LINE.encode()),
        ("no last newline", b"t\n\n" + LINE.encode()[:-1]),
        ("control character", b"t\x07\n\n" + LINE.encode()),
        ("carriage return", b"t\r\n\n" + LINE.encode()),
        ("not UTF-8", b"\xff\n\n" + LINE.encode()),
        ("too long", b"t" * MAX_NOTE_BYTES + b"\n\n" + LINE.encode()),
        ("hyphen for dash", b"t\n\n" + LINE.replace("—", "-").encode()),
        ("two spaces", b"t\n\n" + LINE.replace("— ", "—  ").encode()),
        ("base64 not canonical", b"t\n\n" + LINE.replace("=\n", "\n").encode()),
        ("key id alone", b"t\n\n" + "— n AAAAAA==\n".encode()),
        ("plus in name", b"t\n\n" + LINE.replace("/", "+", 1).encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed_notes_are_not_verified(name, raw):
    with pytest.raises(NotVerified):
        parse_note(raw)


@given(st.binary(max_size=300))
def test_any_bytes_either_parse_or_are_not_verified(raw):
    try:
        parse_note(raw)
    except NotVerified:
        return


@pytest.mark.parametrize(
    "text",
    [
        b"o\n1\n",
        b"o\n01\n" + b"A" * 43 + b"=\n",
        b"o\n-1\n" + b"A" * 43 + b"=\n",
        b"o\n1\nAAAA\n",
        b"o\n18446744073709551616\n" + b"A" * 43 + b"=\n",
        b"o\n" + b"9" * 5000 + b"\n" + b"A" * 43 + b"=\n",
        b"o\n1\n" + b"A" * 43 + b"=",
        b"\n1\n" + b"A" * 43 + b"=\n",
        b"o\n1\n" + b"A" * 43 + b"=\n\n",
        "o\n١\n".encode() + b"A" * 43 + b"=\n",
        b"\xff\n1\n" + b"A" * 43 + b"=\n",
    ],
)
def test_malformed_checkpoints_are_not_verified(text):
    with pytest.raises(NotVerified):
        read_tree_head(text)


@given(st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
def test_tree_heads_survive_their_text(size, root):
    head = TreeHead("example.com/log", size, root)
    assert read_tree_head(head.text) == head
    assert read_tree_head(head.text + b"an extension\n") == head


def test_cosignature_over_a_subtree_names_no_time():
    assert subtree_message("w", 0, HEAD, start=4).startswith(b"subtree/v1\n\0\x01w" + bytes(8))
    with pytest.raises(BadInput):
        subtree_message("w", 1, HEAD, start=4)


def test_the_time_is_part_of_what_a_cosignature_signs():
    signature = sign_text(TIMED, HEAD.text, AT_S)
    moved = type(signature)(signature.name, signature.key_id, bytes(7) + b"\x01" + signature.blob[8:])
    verify_signature(TIMED.verify_key, HEAD.text, signature)
    with pytest.raises(NotVerified):
        verify_signature(TIMED.verify_key, HEAD.text, moved)


@pytest.mark.parametrize("text", [b"", b"no newline", b"bell\x07\n"])
def test_only_whole_lines_are_signed(text):
    with pytest.raises(BadInput):
        sign_note(text, [PLAIN])
