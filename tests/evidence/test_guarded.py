"""The guarded profile: every day the same size, one form, and no room for a message."""

import random

import msgspec
import pytest
from tests.evidence.conftest import NOW_MS, Book, log_keys

from caveat.errors import BadInput, NotVerified
from caveat.evidence.guarded import COUNTS, PROOF_ROWS, SIZE, Day, counted, follows, open_guarded, write_guarded
from caveat.ledger.tiles import TreeReader
from caveat.note import sign_note
from caveat.record import read_leaf

KEYS = log_keys()
BOOK = Book().found().day(60)
HALF = 60


def said(before: int, size: int, number: int) -> Day:
    BOOK.checkpoint()
    tree = TreeReader(BOOK._files.get, len(BOOK.entries))
    proof = tuple(TreeReader(BOOK._files.get, len(BOOK.entries)).consistency(before)) if before else ()
    leaves = [read_leaf(entry.leaf) for entry in BOOK.entries[before:size]]
    return Day(KEYS.origin, "2026-11-25", number, size, tree.hash_of(0, size), before, counted(leaves), (), proof)


FIRST = said(0, HALF, 1)
SECOND = said(HALF, len(BOOK.entries), 2)


def test_every_day_has_the_same_size() -> None:
    empty = msgspec.structs.replace(SECOND, before=SECOND.size, number=3, counts=(0,) * len(COUNTS), proof=())
    for day in (FIRST, SECOND, empty):
        data = write_guarded(day, KEYS.plain)
        assert len(data) == SIZE
        assert data == write_guarded(day, KEYS.plain)
        assert open_guarded(data, KEYS.verify_keys) == day
    follows(SECOND, FIRST)
    follows(empty, SECOND)


def test_the_counts_are_those_of_the_records() -> None:
    counts = dict(zip(COUNTS, FIRST.counts, strict=True))
    assert counts["opened"] == sum(read_leaf(e.leaf).k == "opened" for e in BOOK.entries[:HALF])
    assert counts["stopped"] == sum(read_leaf(e.leaf).o == "stopped" for e in BOOK.entries[:HALF])


def test_no_byte_of_it_is_free() -> None:
    data = write_guarded(SECOND, KEYS.plain)
    rng = random.Random(2)
    for at in rng.sample(range(SIZE), 300):
        with pytest.raises(NotVerified):
            open_guarded(data[:at] + bytes([data[at] ^ 1 << rng.randrange(7)]) + data[at + 1 :], KEYS.verify_keys)


def test_another_way_to_write_it_is_refused_even_where_the_log_signed() -> None:
    """A message in the padding, in leading zeros, in an unused row, in a second signature."""
    text = write_guarded(SECOND, KEYS.plain).rpartition(b"\n\n")[0] + b"\n"
    for old, new in ((b"....", b"..x."), (b"number 000002", b"number 000002 "), (b"proof AAAA", b"proof AAAB")):
        assert old in text
        with pytest.raises(NotVerified):
            follows(open_guarded(sign_note(text.replace(old, new, 1), [KEYS.plain]), KEYS.verify_keys), FIRST)
    with pytest.raises(NotVerified):
        open_guarded(sign_note(text, KEYS.signing, 1), KEYS.verify_keys)


WRONG = {
    "a day left out": {"number": 3},
    "the same again": {"number": 1},
    "another past": {"root": bytes(32)},
    "a log that went back": {"before": HALF - 1},
    "another log": {"origin": "other.test/log"},
    "no proof": {"proof": ()},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_what_does_not_follow_shows(changes: dict[str, object]) -> None:
    with pytest.raises(NotVerified):
        follows(msgspec.structs.replace(SECOND, **changes), FIRST)


def test_what_does_not_fit_is_refused() -> None:
    for changes in ({"proof": (b"x" * 32,) * (PROOF_ROWS + 1)}, {"size": 10**14}, {"origin": "o" * 6_000}):
        with pytest.raises(BadInput):
            write_guarded(msgspec.structs.replace(SECOND, **changes), KEYS.plain)
    assert NOW_MS
