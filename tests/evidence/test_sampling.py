"""What a sample excludes, against the closed forms and against counting."""

import math
import random

import pytest

from caveat.evidence.sampling import excluded, hypergeometric_at_most, openings_for, stops_at

TABLE = [
    (10**9, 0.10, (29, 44, 66)),
    (10**9, 0.05, (59, 90, 135)),
    (10**9, 0.01, (299, 459, 688)),
    (10**9, 0.001, (2995, 4603, 6905)),
    (1_000, 0.01, (258, 368, 497)),
    (10_000, 0.001, (2588, 3689, 4986)),
]
"""Population, rate, openings at 95, 99 and 99.9 %: the zero-failure rule without replacement."""


@pytest.mark.parametrize(("population", "rate", "wanted"), TABLE)
def test_the_known_table(population: int, rate: float, wanted: tuple[int, ...]) -> None:
    for confidence, openings in zip((95.0, 99.0, 99.9), wanted, strict=True):
        assert abs(openings_for(population, rate, confidence) - openings) <= 1


def test_one_missing_record_in_a_million_needs_nearly_all() -> None:
    assert openings_for(1_000_000, 1e-6) == 950_000


def test_three_hundred_exclude_one_per_cent() -> None:
    rows = excluded(1_000_000, 300, 0)
    assert [row.confidence for row in rows] == [95.0, 99.0, 99.9]
    assert 0.98 < rows[0].rate < 1.0
    assert rows[0].rate < rows[1].rate < rows[2].rate


@pytest.mark.parametrize(("bad", "openings"), [(0, 299), (1, 473), (2, 628), (3, 773)])
def test_some_failures_allowed(bad: int, openings: int) -> None:
    """1 % at 95 %, binomial: 299, 473, 628, 773 openings for 0..3 bad ones."""
    assert excluded(10**8, openings, bad)[0].rate <= 1.001
    assert excluded(10**8, openings - 5, bad)[0].rate > 1.0


def test_the_law_is_the_hypergeometric_one() -> None:
    for population, marked, drawn, seen in ((20, 5, 7, 1), (50, 3, 10, 0), (12, 12, 4, 4), (9, 2, 8, 1)):
        counted = sum(
            math.comb(marked, k) * math.comb(population - marked, drawn - k) for k in range(seen + 1)
        ) / math.comb(population, drawn)
        assert math.isclose(hypergeometric_at_most(population, marked, drawn, seen), counted, abs_tol=1e-12)


def test_all_opened_leaves_nothing_to_doubt() -> None:
    assert excluded(50, 50, 0)[0].bad == 1
    assert excluded(50, 50, 2)[0].bad == 3
    assert excluded(50, 0, 0)[0].bad == 51
    assert excluded(0, 0, 0)[0].rate == 0.0


def test_detection_is_as_often_as_promised() -> None:
    """A population with 1 % bad: 300 openings miss all of them in about 5 % of samples, never in many more."""
    rng = random.Random(4)
    missed = sum(not any(index < 100 for index in rng.sample(range(10_000), 300)) for _ in range(2_000))
    assert missed / 2_000 < 0.065


def test_stopping_early() -> None:
    clean = [False] * 2_000
    assert stops_at(clean, 0.01, caution=1) == 299
    assert 300 < stops_at(clean, 0.01) < 700
    once = [False] * 50 + [True] + [False] * 2_000
    assert stops_at(once, 0.01, caution=1) == 0
    assert stops_at(once, 0.01) > stops_at(clean, 0.01)
    assert stops_at([True] * 100, 0.01) == 0


def test_stopping_early_errs_no_more_often_than_promised() -> None:
    """At a rate of just what is excluded, one walk in twenty may stop, however long one looks."""
    rng = random.Random(5)
    stopped = sum(stops_at([rng.random() < 0.05 for _ in range(1_500)], 0.05) > 0 for _ in range(600))
    assert stopped / 600 < 0.075
