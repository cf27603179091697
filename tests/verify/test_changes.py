"""The log's owner changes records at random and signs the whole anew: both verifiers come to the same.

What the package's own export refuses, having folded it first, is no bundle and is passed over; that some are and some are not
verified is asserted, so that the comparison cannot become empty.
"""

import random
from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import Book, check

from caveat.canon import canonical
from caveat.errors import CaveatError
from caveat.ledger.log import Entry

ODD: tuple[Any, ...] = ([], ["a"], "", 0, -1, None, [1, 2], "completed", "held", {}, 10**7)
FIELDS = ("w", "m", "tok", "at", "o", "terms", "t", "call", "k", "unknown")


def changed(leaf: dict[str, Any], others: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    """The record with a field left out, another record's value, or an odd one."""
    name = rng.choice(list(leaf))
    match rng.randrange(4):
        case 0:
            return {field: value for field, value in leaf.items() if field != name}
        case 1:
            return leaf | {name: rng.choice([other[name] for other in others if name in other])}
        case 2:
            other = rng.choice(others)
            return leaf | {(field := rng.choice(list(other))): other[field]}
    return leaf | {rng.choice(FIELDS): rng.choice(ODD)}


def verdict(rng: random.Random) -> bool | None:
    """Of a short day in which a record was changed; None where it cannot be exported."""
    book = Book().found().day(rng.randrange(3, 8))
    leaves = [msgspec.json.decode(entry.leaf) for entry in book.entries]
    at = rng.randrange(len(leaves))
    book.entries[at] = Entry(canonical(changed(leaves[at], leaves, rng)), book.entries[at].aside)
    try:
        bundle = book.bundle(profile=rng.choice(["full", "audit", "counts", "none"]))
    except CaveatError:
        return None
    return check(bundle).verified


@pytest.mark.parametrize("seed", range(4))
def test_records_changed_at_random_are_judged_alike(seed: int) -> None:
    rng = random.Random(seed)
    assert {True, False} <= {verdict(rng) for _ in range(12)}


@pytest.mark.slow
def test_many_records_changed_at_random_are_judged_alike(slow_rounds: Any) -> None:
    rng = random.Random(5)
    assert {True, False} <= {verdict(rng) for _ in range(slow_rounds(300, 5000))}
