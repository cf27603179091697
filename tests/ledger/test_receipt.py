"""Checkpoints, tickets and receipts: what they say, and that nothing else passes for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.canon import b64
from caveat.errors import BadInput, NotVerified
from caveat.keys import KeyKind, new_signing_key
from caveat.ledger.checkpoint import log_keys, new_log_keys, open_checkpoint, sign_checkpoint
from caveat.ledger.log import Placed
from caveat.ledger.receipt import (
    Receipt,
    Ticket,
    make_receipt,
    make_ticket,
    open_ticket,
    parse_receipt,
    verify_receipt,
)
from caveat.ledger.tiles import Edge, TreeReader
from caveat.ledger.tree import leaf_hash
from caveat.note import TreeHead, sign_note

KEYS = new_log_keys("example.com/log")
HEAD = TreeHead("example.com/log", 300, b"\x05" * 32)
AT_S = 1_790_000_000


def test_a_checkpoint_is_signed_by_both_keys_and_opens():
    raw = sign_checkpoint(HEAD, KEYS, AT_S)
    assert open_checkpoint(raw, KEYS.verify_keys, "example.com/log") == HEAD
    assert raw.count("\n— example.com/log ".encode()) == 2


@pytest.mark.parametrize("key", [0, 1])
def test_a_checkpoint_without_one_of_the_two_signatures_does_not_open(key):
    """Who breaks one algorithm must not get by with it alone."""
    raw = sign_note(HEAD.text, [KEYS.signing[key]], AT_S)
    with pytest.raises(NotVerified):
        open_checkpoint(raw, KEYS.verify_keys, "example.com/log")


def test_a_checkpoint_of_another_log_does_not_open():
    raw = sign_checkpoint(TreeHead("example.com/other", 1, b"\x05" * 32), KEYS, AT_S)
    with pytest.raises(NotVerified):
        open_checkpoint(raw, KEYS.verify_keys, "example.com/log")


def test_log_keys_are_two_of_one_name():
    assert log_keys(KEYS.signing[::-1]) == KEYS
    for wrong in (
        [KEYS.plain],
        [KEYS.plain, KEYS.plain],
        [KEYS.plain, new_signing_key("other", KeyKind.COSIGN_MLDSA)],
        [KEYS.plain, new_signing_key("example.com/log", KeyKind.COSIGN)],
    ):
        with pytest.raises(BadInput):
            log_keys(wrong)


def test_a_ticket_opens_to_what_was_promised():
    placed = Placed(41, leaf_hash(b"leaf"), 1_790_000_000_123)
    raw = make_ticket(KEYS.plain, KEYS.origin, placed)
    text = f"caveat-ticket/v1\nexample.com/log\n41\n{b64(leaf_hash(b'leaf'))}\n1790000000123\n\n— example.com/log "
    assert raw.startswith(text.encode())
    assert open_ticket(raw, KEYS.verify_keys) == Ticket("example.com/log", 41, leaf_hash(b"leaf"), 1_790_000_000_123)


@pytest.mark.parametrize(
    "text",
    [
        "caveat-ticket/v2\no\n1\n" + "A" * 43 + "=\n5\n",
        "caveat-ticket/v1\no\n01\n" + "A" * 43 + "=\n5\n",
        "caveat-ticket/v1\no\n1\nAAAA\n5\n",
        "caveat-ticket/v1\no\n1\n" + "A" * 43 + "=\n-5\n",
        "caveat-ticket/v1\no\n1\n" + "A" * 43 + "=\n5\nmore\n",
        "caveat-ticket/v1\no\n1\n" + "A" * 43 + "=\n",
    ],
)
def test_signed_texts_that_are_no_tickets_do_not_open(text):
    with pytest.raises(NotVerified):
        open_ticket(sign_note(text.encode(), [KEYS.plain]), KEYS.verify_keys)


def a_receipt(index=123, extra=b""):
    leaves = [bytes([i % 256, i // 256]) for i in range(300)]
    files = dict(Edge().grow(leaves))
    tree = TreeReader(files.get, 300)
    checkpoint = sign_checkpoint(TreeHead(KEYS.origin, 300, tree.root()), KEYS, AT_S)
    return leaf_hash(leaves[index]), make_receipt(Receipt(index, tuple(tree.inclusion(index)), checkpoint, extra))


@pytest.mark.parametrize("extra", [b"", b"anything"])
def test_a_receipt_verifies(extra):
    digest, raw = a_receipt(extra=extra)
    assert verify_receipt(raw, digest, KEYS.verify_keys, KEYS.origin).size == 300
    assert parse_receipt(raw).extra == extra
    assert make_receipt(parse_receipt(raw)) == raw


def test_every_changed_byte_of_a_receipt_is_noticed():
    """All of it but `extra` is bound to the leaf or to a signature."""
    digest, raw = a_receipt()
    for at in range(0, len(raw), 1 if len(raw) < 1200 else 3):
        bad = bytearray(raw)
        bad[at] ^= 1 << (at % 7)
        with pytest.raises(NotVerified):
            verify_receipt(bytes(bad), digest, KEYS.verify_keys, KEYS.origin)


@given(st.binary(max_size=200))
def test_any_bytes_either_parse_or_are_not_verified(raw):
    for text in (raw, b"c2sp.org/tlog-proof@v1\n" + raw):
        try:
            parse_receipt(text)
        except NotVerified:
            continue


@pytest.mark.parametrize(
    "head",
    [
        "c2sp.org/tlog-proof@v2\nindex 1",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\nextra AAAA",
        "c2sp.org/tlog-proof@v1\nindex 01",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA",
        "c2sp.org/tlog-proof@v1\nindex 1" + ("\n" + "A" * 43 + "=") * 64,
        "c2sp.org/tlog-proof@v1\nindex é",
    ],
)
def test_malformed_receipts_are_not_verified(head):
    with pytest.raises(NotVerified):
        parse_receipt(head.encode() + b"\n\ncheckpoint\n")
