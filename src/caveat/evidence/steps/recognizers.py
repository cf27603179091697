"""Step 22: calls under terms that name a recognizer were read by it, by their records: one of the agreed weights.

What a record says is the gateway's word; that the agreed weights find what is on record, only an opening on site shows
(reopen.py).
"""

from typing import Any, Final

import msgspec
from msgspec import Struct, field

from caveat.evidence.step import Case, Step
from caveat.evidence.watch import Watch
from caveat.record import Leaf
from caveat.terms.document import Agreed

NUMBER: Final = 22


class _Read(Struct):
    weights: str


class _ReadBy(Struct):
    learned: dict[str, _Read] = {}


class _Request(Struct):
    recognizers: _ReadBy = field(default_factory=_ReadBy)


class Recognizers(Watch):
    """Sees every record: which calls name who read them, and which keep it closed."""

    def __init__(self, case: Case) -> None:
        self.named = 0
        self.withheld = 0
        self._case = case

    def control(self, index: int, leaf: Leaf, document: bytes) -> None:
        """Nothing of a call."""

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        """A call's first record."""
        terms = self._case.walk.history.terms.get(leaf.terms)
        agreed = terms.draft.recognizer if terms is not None and leaf.k == "opened" else None
        if agreed is None:
            return
        if wrong := _wrong(values, agreed):
            self._case.findings.fail(NUMBER, f"record {index}: {wrong}", index)
        self.named += "request" in values
        self.withheld += "request" not in values


def _wrong(values: dict[str, Any], agreed: Agreed) -> str:
    """What speaks against its having been read as agreed, "" where nothing does."""
    if "content" in values and values["content"].get("detector") != "learned":
        return f"the terms name the recognizer `{agreed.name}`, and none that has learned read it"
    if "request" in values and agreed.weights not in _weights(values["request"]):
        return f"the terms name the recognizer `{agreed.name}`, and it was read by other weights"
    return ""


def _weights(request: dict[str, Any]) -> set[str]:
    """Digests of the weights that read a request, by its record; none where that cannot be read."""
    try:
        return {read.weights for read in msgspec.convert(request, _Request).recognizers.learned.values()}
    except msgspec.ValidationError:
        return set()


def _take(case: Case) -> None:
    seen = case.watches[NUMBER]
    assert isinstance(seen, Recognizers)
    case.findings.proved(
        NUMBER,
        f"{seen.named} calls name the weights that both parties agreed on"
        if seen.named or seen.withheld
        else "no call was made under terms that name a recognizer",
    )
    if seen.withheld:
        case.findings.limit(NUMBER, f"who read {seen.withheld} calls: it is withheld")


STEP = Step(NUMBER, "calls were read by the agreed recognizer", _take, watch=Recognizers)
