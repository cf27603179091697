"""The shape of the block that names the learned recognizer, and its meaning.

recognizer:
  name: caveat-learned
  version: "2"
  weights: sha256:<hex>
  measured:
    x_sur: {false_alarms: 5, misses: 250}
"""

from typing import Annotated

from msgspec import Meta, field

from caveat.terms.condition import nearest
from caveat.terms.document import Agreed, ErrorRates
from caveat.terms.shape_base import Line, PerMille, Shape
from caveat.terms.source import Source, at
from caveat.vocabulary import HAZARDS


class RatesShape(Shape, frozen=True):
    """Per mille, at the terms' threshold of that hazard."""

    false_alarms: PerMille | None = None
    misses: PerMille | None = None


class RecognizerShape(Shape, frozen=True):
    """Which weights read every call, and how often the parties say that they are wrong."""

    name: Line
    version: Line
    weights: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
    measured: dict[str, RatesShape] = field(default_factory=dict)


def agreed(written: RecognizerShape | None, source: Source) -> Agreed | None:
    """The block's value.  Raises BadInput for a hazard that there is not."""
    if written is None:
        return None
    for code in written.measured:
        if code not in HAZARDS:
            line = source.line("recognizer", "measured", code)
            raise at(line, f"there is no hazard `{code}`", hint=nearest(code, HAZARDS))
    measured = {code: ErrorRates(r.false_alarms, r.misses) for code, r in written.measured.items()}
    return Agreed(written.name, written.version, written.weights, measured)
