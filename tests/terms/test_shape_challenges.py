"""Terms that promise challenges, and whether what one opens is kept as long."""

import pytest

from caveat.errors import BadInput
from caveat.terms.document import Challenges
from caveat.terms.lint import lint
from caveat.terms.parse import parse_terms
from caveat.terms.samples import sample_terms

AT_MS = 1_795_000_000_000
KEEPS = b"""
- id: bodies.kept
  title: {en: Bodies are kept, fr: Les corps sont gard\xc3\xa9s}
  says: {en: The whole call is kept., fr: L'appel entier est gard\xc3\xa9.}
  effect: oblige
  when: context.epoch > 0
  duties: [log.full, {retain.days: 60}]
  probe: {trips: Draft a letter., passes: Draft a letter.}
"""


BARE = (
    sample_terms()
    .replace(b"challenges: {openings: 300, days: 90}\n", b"")
    .replace(b"duties: [review.human, log.full, {retain.days: 184}]", b"duties: [review.human]")
)
"""The sample without its own promise."""


def codes(yaml: bytes) -> set[str]:
    return {remark.code for remark in lint(parse_terms(yaml), AT_MS)}


def test_a_promise_of_challenges_is_read() -> None:
    assert parse_terms(BARE).challenges is None
    assert parse_terms(BARE + b"\nchallenges: {days: 60}\n").challenges == Challenges(300, 60)
    assert parse_terms(sample_terms()).challenges == Challenges(300, 90)
    assert "challenge-bodies" not in codes(sample_terms())


@pytest.mark.parametrize("block", [b"{openings: 0}", b"{days: 0}", b"{weeks: 2}", b"soon"])
def test_a_promise_that_cannot_be_is_refused(block: bytes) -> None:
    with pytest.raises(BadInput):
        parse_terms(BARE + b"\nchallenges: " + block + b"\n")


def test_bodies_must_be_kept_as_long() -> None:
    promise = b"\nchallenges: {days: 60}\n"
    assert "challenge-bodies" in codes(BARE + promise)
    assert "challenge-bodies" not in codes(BARE + KEEPS + promise)
    assert "challenge-bodies" in codes(BARE + KEEPS + b"\nchallenges: {days: 61}\n")
    assert "challenge-bodies" not in codes(BARE + KEEPS)
