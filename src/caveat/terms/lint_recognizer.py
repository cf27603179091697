"""Remarks on what terms say about the learned recognizer: which one, how often it errs, and where that is not so.

Rule of this file: a threshold is compared with what was measured at it; where nothing was measured, or the terms say
nothing, that is said, never taken for well.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from caveat.terms.condition import Condition
from caveat.terms.document import Agreed, Draft, ErrorRates
from caveat.vocabulary import HAZARDS, per_mille_name

Told = tuple[str, str, str]
"""A remark's code, message and hint."""


class Weights(Struct, frozen=True):
    """The learned recognizer at hand: its name as `name@version`, its weights' digest, and how often it was wrong.

    rates   (hazard code, threshold) -> (false alarms, misses) per mille, None where the code was not measured
    """

    name: str
    sha256: str
    rates: Callable[[str, int], tuple[int, int] | None]


def hazards_of(condition: Condition) -> set[str]:
    """The hazards that a condition looks at, by name, by voice or by score."""
    hazards = {word for kind, word in condition.named if kind == "Hazard"}
    hazards |= {word.partition(":")[2] for kind, word in condition.named if kind == "Voiced"}
    for code in HAZARDS:
        if condition.reads & {per_mille_name(code), per_mille_name(code, out=True)}:
            hazards.add(code)
    return hazards


def on_weights(draft: Draft, at_hand: Weights | None) -> Iterator[Told]:
    """About the block itself."""
    agreed = draft.recognizer
    if agreed is None or at_hand is None:
        return
    if agreed.weights != f"sha256:{at_hand.sha256}":
        yield (
            "recognizer-other",
            f"the terms name the weights `{agreed.weights[7:19]}`, this installation has `{at_hand.sha256[:12]}`",
            f"`recognizer:` of the weights here: name and version `{at_hand.name}`, weights `sha256:{at_hand.sha256}`",
        )


def on_thresholds(draft: Draft, hazards: set[str], at_hand: Weights | None) -> Iterator[Told]:
    """About a clause that rests on hazards which only a learned recognizer finds."""
    if draft.recognizer is not None and at_hand is not None:
        for code in sorted(hazards):
            yield from _compared(code, draft.thresholds[code], draft.recognizer, at_hand)


def _compared(code: str, threshold: int, agreed: Agreed, at_hand: Weights) -> Iterator[Told]:
    measured = at_hand.rates(code, threshold)
    stated = agreed.measured.get(code, ErrorRates())
    if measured is None:
        yield "rates-unmeasured", f"nothing was measured of `{code}`", "say so to the other party, or drop the clause"
        return
    for what, says, was in zip(("false alarms", "misses"), (stated.false_alarms, stated.misses), measured, strict=True):
        key = what.replace(" ", "_")
        if says is None:
            message = f"the terms do not say how many {what} of `{code}` they reckon with; measured at {threshold}: {was} in 1,000"
            yield "rates-unstated", message, f"`measured: {{{code}: {{{key}: {was}}}}}`"
        elif was > says:
            message = f"`{code}` at {threshold}: {was} {what} in 1,000 were measured, the terms state {says}"
            yield f"{key.replace('_', '-')}-above", message, f"state {was}, or choose another threshold for `{code}`"
