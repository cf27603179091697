"""What a sample says: how many openings exclude which rate of violations, with which confidence.

Rules of this file: exact, not approximate: records are drawn without replacement, so the law is the hypergeometric one; a
sample that was refused in part counts what was refused as bad; "excluded" always means: were the rate so high, a sample with
so few bad ones would come up with a probability of at most one minus the confidence.

With no bad record among n of many, the rate that is excluded at 95 % is about 3 / n, at 99 % 4.6 / n.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

CONFIDENCES: Final = (95.0, 99.0, 99.9)
"""Per cent."""


class Excluded(Struct, frozen=True):
    """At a confidence, in per cent: `bad` records or more among all are excluded; `rate` is that of all, in per cent."""

    confidence: float
    bad: int
    rate: float


def openings_for(population: int, rate: float, confidence: float = 95.0) -> int:
    """The fewest openings, all of them good, that exclude `rate` or more (0 < rate <= 1) at a confidence in per cent."""
    bad = max(1, math.ceil(population * rate))
    low, high = 0, population - bad + 1
    while low < high:
        middle = (low + high) // 2
        if _few_enough(population, bad, middle, 0, confidence):
            high = middle
        else:
            low = middle + 1
    return min(low, population)


def excluded(
    population: int, opened: int, bad: int, confidences: Iterable[float] = CONFIDENCES
) -> tuple[Excluded, ...]:
    """What a sample of `opened` of `population` excludes, of which `bad` were bad, 0 <= bad <= opened <= population."""
    rows = []
    for confidence in confidences:
        most = _least_excluded(population, opened, bad, confidence)
        rows.append(Excluded(confidence, most, 100 * most / population if population else 0.0))
    return tuple(rows)


def _least_excluded(population: int, opened: int, bad: int, confidence: float) -> int:
    """The fewest bad records in the whole that are excluded; population + 1 where not even all can be."""
    low, high = bad, population + 1
    while low < high:
        middle = (low + high) // 2
        if middle > population - (opened - bad) or _few_enough(population, middle, opened, bad, confidence):
            high = middle
        else:
            low = middle + 1
    return low


def _few_enough(population: int, marked: int, drawn: int, seen: int, confidence: float) -> bool:
    """Whether at most `seen` marked ones among `drawn` have a probability of at most 1 - confidence."""
    return hypergeometric_at_most(population, marked, drawn, seen) <= 1 - confidence / 100 + 1e-12


def hypergeometric_at_most(population: int, marked: int, drawn: int, seen: int) -> float:
    """The probability of at most `seen` marked ones among `drawn` of `population` without replacement."""
    logs = [
        _choose(marked, k) + _choose(population - marked, drawn - k) - _choose(population, drawn)
        for k in range(max(0, drawn - (population - marked)), min(seen, marked, drawn) + 1)
    ]
    return math.fsum(math.exp(log) for log in logs)


def _choose(n: int, k: int) -> float:
    """log of n over k."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def stops_at(bad: Sequence[bool], rate: float, confidence: float = 95.0, caution: float = 0.5) -> int:
    """Sequential: after how many openings, in the order drawn, `rate` or more is excluded; 0 where they do not suffice.

    The e-process M = product of 1 + lambda (rate - x), x = 1 for a bad record (arXiv 2201.02707), is valid at any time that
    one stops, so an auditor may look after each opening.  `caution`, 0 < caution <= 1, is lambda as a share of the largest
    one: 1 stops soonest with no bad record and never after one; 0.5 bears a few and takes about twice as long.
    """
    step = caution / (1 - rate)
    log, wanted = 0.0, math.log(1 / (1 - confidence / 100))
    for number, is_bad in enumerate(bad, start=1):
        factor = 1 + step * (rate - is_bad)
        if factor <= 0:
            return 0
        log += math.log(factor)
        if log >= wanted - 1e-12:
            return number
    return 0
