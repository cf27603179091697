"""What a verification came to: numbered steps, each proved, failed or not proved, and why, in plain words.

Rules of this file: "proved" is said only of what was checked; what a step left out stands in its `limits`; one failure
makes the whole not verified; the first failure of a step names the record and what differs, the others are counted.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, Literal

import msgspec
from msgspec import Struct

from caveat.evidence.manifest import Counts, Manifest

Outcome = Literal["proved", "failed", "not proved"]

BEYOND: Final = (
    "that no model was used where no seal counts: copied weights, the engine's own process, a seal whose key the operator has",
    "that the facts are true of the requests: only opening a request and recognizing it again can show that",
    "when anything happened: the order of records is proved, their clocks are the gateway's own",
)
"""What no bundle of this version can prove, whatever is in it."""


MOST_ALSO: Final = 50


class Step(Struct, frozen=True):
    """One step's result.

    says      what was proved or why not, one sentence
    limits    what the step left out, one sentence each
    index     the record at which it first failed, -1 where none
    failures  how many times it failed
    also      what failed behind the first, a sentence each, at most MOST_ALSO of them
    """

    number: int
    title: str
    outcome: Outcome
    says: str
    limits: tuple[str, ...] = ()
    index: int = -1
    failures: int = 0
    also: tuple[str, ...] = ()


class Report(Struct, frozen=True):
    """A verification's result.  `manifest` and `counts` are None where the verifier did not get that far."""

    verified: bool
    steps: tuple[Step, ...]
    manifest: Manifest | None = None
    counts: Counts | None = None
    beyond: tuple[str, ...] = BEYOND

    @property
    def failed(self) -> tuple[Step, ...]:
        """The steps that failed, in order."""
        return tuple(step for step in self.steps if step.outcome == "failed")

    def sentences(self) -> tuple[str, ...]:
        """The whole in plain words: result, each step, what was left out, what cannot be shown."""
        lines = ["Verified." if self.verified else "Not verified."]
        for step in self.steps:
            lines.append(f"{step.number}. {step.outcome}: {step.title}. {_sentence(step.says)}".rstrip())
            lines += [f"   Also: {also}." for also in step.also]
            lines += [f"   Not proved: {limit}." for limit in step.limits]
        lines.append("No bundle of this kind can prove:")
        lines += [f"   {what}." for what in self.beyond]
        return tuple(lines)

    def json(self) -> bytes:
        """The whole for machines, canonical."""
        return msgspec.json.encode(self, order="sorted")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


class Findings:
    """Results of steps while they come in; `report` puts them together.

    titles   of the steps, by number, in the order of the report
    needed   steps without which nothing is verified
    """

    def __init__(self, titles: Mapping[int, str], needed: AbstractSet[int]) -> None:
        self._titles = titles
        self._needed = needed
        self._says: dict[int, str] = {}
        self._unproved: dict[int, str] = {}
        self._limits: dict[int, list[str]] = {number: [] for number in titles}
        self._first: dict[int, tuple[str, int]] = {}
        self._also: dict[int, list[str]] = {number: [] for number in titles}
        self._failures: dict[int, int] = dict.fromkeys(titles, 0)

    def proved(self, number: int, says: str) -> None:
        """The step's sentence if nothing of it failed."""
        self._says[number] = says

    def unproved(self, number: int, why: str) -> None:
        """The step could not be taken."""
        self._unproved[number] = why

    def limit(self, number: int, what: str) -> None:
        """What the step leaves out."""
        self._limits[number].append(what)

    def fail(self, number: int, why: str, index: int = -1) -> None:
        """The step does not hold, at that record."""
        if self._first.setdefault(number, (why, index)) != (why, index) and len(self._also[number]) < MOST_ALSO:
            self._also[number].append(why)
        self._failures[number] += 1

    def failed(self, number: int) -> bool:
        """Whether the step has failed so far."""
        return number in self._first

    def report(self, manifest: Manifest | None = None, counts: Counts | None = None) -> Report:
        """All of it.  A step of which nothing was heard was not reached."""
        steps = tuple(self._step(number) for number in self._titles)
        outcomes = {step.number: step.outcome for step in steps}
        sound = "failed" not in outcomes.values() and all(outcomes[number] == "proved" for number in self._needed)
        return Report(sound, steps, manifest, counts)

    def _step(self, number: int) -> Step:
        limits = tuple(self._limits[number])
        if number in self._first:
            why, index = self._first[number]
            failures, also = self._failures[number], tuple(self._also[number])
            return Step(number, self._titles[number], "failed", why, limits, index, failures, also)
        if number in self._says and number not in self._unproved:
            return Step(number, self._titles[number], "proved", self._says[number], limits)
        why = self._unproved.get(number, "it was not reached")
        return Step(number, self._titles[number], "not proved", why, limits)
