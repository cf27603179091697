"""The time that witnesses have seen: that of more than half of them, so no single one moves it."""

import hashlib

import pytest

from caveat.keys import KeyKind, SigningKey
from caveat.ledger.cosigned import keep, witness_time_ms
from caveat.note import TreeHead, sign_note

HEAD = TreeHead("log.example.test/caveat", 3, hashlib.sha256(b"root").digest())
LOG = SigningKey(HEAD.origin, b"l" * 32)


def witness(name: str) -> SigningKey:
    return SigningKey(f"{name}.example.test", name.encode().ljust(32, b"."), KeyKind.COSIGN)


TIMES = {
    "no witness": ([], 0),
    "one that has not cosigned": ([0], 0),
    "one": ([500], 500_000),
    "two of three": ([500, 700, 0], 500_000),
    "one far ahead of two": ([500, 9_000_000_000, 600], 600_000),
    "one of three": ([500, 0, 0], 0),
    "two that differ": ([500, 9_000_000_000], 500_000),
}


@pytest.mark.parametrize("row", TIMES.values(), ids=TIMES.keys())
def test_the_time_is_that_of_more_than_half(tmp_path, row) -> None:
    times, wanted = row
    keys = [witness(f"w{number}") for number in range(len(times))]
    for key, at_s in zip(keys, times, strict=True):
        if at_s:
            keep(tmp_path, key.verify_key, sign_note(HEAD.text, [LOG, key], at_s))
    assert witness_time_ms(tmp_path, [key.verify_key for key in keys]) == wanted


def test_a_line_that_does_not_hold_counts_for_nothing(tmp_path) -> None:
    key, other = witness("a"), witness("b")
    keep(tmp_path, key.verify_key, sign_note(HEAD.text, [LOG, other], 500))
    assert witness_time_ms(tmp_path, [key.verify_key]) == 0
