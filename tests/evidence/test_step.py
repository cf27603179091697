"""The table of steps: numbers are given once, and a step that looks at every record sees each of them once."""

import io
from typing import Any

import pytest
from tests.evidence.conftest import TRUST, Book

from caveat.evidence import verify as verifying
from caveat.evidence.report import Findings
from caveat.evidence.step import Case, Step
from caveat.evidence.steps.table import NEEDED, STEPS, TITLES
from caveat.evidence.watch import Watch
from caveat.record import Leaf


def test_numbers_are_given_once() -> None:
    assert len({step.number for step in STEPS}) == len(STEPS) == len(TITLES) + 1


class Seen(Watch):
    """A watch that remembers what it was shown."""

    def __init__(self) -> None:
        self.records: list[tuple[int, str]] = []
        self.controls: list[tuple[int, str, bool]] = []

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        self.records.append((index, leaf.k))

    def control(self, index: int, leaf: Leaf, document: bytes) -> None:
        self.controls.append((index, leaf.what, bool(document)))


def test_a_watch_sees_each_record_once_and_in_order(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen()
    taken: list[Case] = []
    step = Step(99, "it was looked at", taken.append, watch=lambda case: seen)
    monkeypatch.setattr(verifying, "STEPS", (*STEPS, step))
    findings = Findings({**TITLES, 99: step.title}, NEEDED)
    verifying.verify_case(Case(io.BytesIO(book.bundle(8, 20)), TRUST, b"", findings))
    assert [index for index, _ in seen.records] == list(range(8, 20))
    assert [(index, what) for index, what, _ in seen.controls] == list(
        enumerate(["log.opened", "party.trusted", "party.trusted", "key.new", "terms.adopted"])
    )
    assert all(document for _, _, document in seen.controls)
    assert len(taken) == 1
