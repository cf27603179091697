"""Opening a call on site: whether what was recorded of a request follows from its body.

The cleared auditor sits at the operator's machine, with the body from the vault; nothing of it leaves but counts.  Steps:

1. the body is the one committed to: its length and keyed digest, under the record's key
2. wire: the body reads as a call of the recorded dialect
3. recognizers: those of this installation are the ones on record, of the same weights, and they read the parts again
4. facts: made again from call, key, findings and the recorded place; each that a body determines must be the recorded one
5. decide: with the facts made again, and the exceptions that the decision names, the terms give the verdict that is on record

Rules of this file: pure; what a header declared is not in the body, so purpose, marking and case are taken as recorded, and a
marking may only be higher than what the body shows; what differs is named, never its content, and so is what was left out.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from caveat.decide.decide import decide
from caveat.decide.decision import Decision
from caveat.decide.policy import Policy
from caveat.errors import CaveatError
from caveat.evidence.claimed import GROUPS
from caveat.evidence.replay import phase_of
from caveat.facts import Caller, Facts, gather, ungrouped
from caveat.facts.values import Declared, Place
from caveat.recognize.panel import Panel
from caveat.record import body_digest
from caveat.terms.document import Terms
from caveat.waivers.waiver import Waiver
from caveat.wire.dialects import DIALECTS

TAKEN: Final = frozenset(
    {"purpose", "output_use", "effect", "regulated_area", "oversight", "case_given", "model_kind", "network", "posture"}
    | {"label_rank", "label_source", "caveats", "epoch", "stage", "model"}
)
"""Facts that no body determines, or that are compared in a way of their own."""


UNKNOWN_LIFT: Final = "an exception that it used is not on record here, so its verdict was not made again"
NO_LIFTS: Final[Mapping[str, Waiver]] = {}


class Looked(Struct, frozen=True):
    """What an opening came to: what does not hold, and what was not made again, a sentence each; both empty where all was
    made again and holds."""

    wrong: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Kept(Struct, frozen=True):
    """A call's request as the site keeps it: its body, the record's key, and what the caller's key fixed."""

    body: bytes
    key: bytes
    caller: Caller


def reopen(
    values: dict[str, Any], kept: Kept, terms: Terms, panel: Panel, lifts: Mapping[str, Waiver] = NO_LIFTS
) -> Looked:
    """What came of an opened record.  `values` are its disclosed values, `lifts` every exception ever granted, by id."""
    try:
        return _looked(values, kept, terms, panel, lifts)
    except (CaveatError, KeyError, TypeError, msgspec.ValidationError) as error:
        return Looked((f"it cannot be opened: {getattr(error, 'message', type(error).__name__)}",))


def _looked(values: dict[str, Any], kept: Kept, terms: Terms, panel: Panel, lifts: Mapping[str, Waiver]) -> Looked:
    request = values["request"]
    decision = msgspec.convert(values["decision"], Decision)
    if {k: request.get(k) for k in ("len", "hmac")} != body_digest(kept.body, kept.key):
        return Looked(("the body is not the one that was committed to",))
    wrong = []
    if request.get("recognizers", {}) != msgspec.to_builtins(panel.described):
        wrong.append("it was read by other recognizers, or other weights, than are here")
    recorded = ungrouped({group: values[group] for group in GROUPS})
    again = _facts(recorded, request, kept, terms, panel)
    differ = [name for name in Facts.__struct_fields__ if name not in TAKEN and not _same(name, recorded, again)]
    wrong += [f"the fact `{name}` does not follow from the body" for name in differ]
    if again.label_rank > recorded.label_rank or not set(again.caveats) <= set(recorded.caveats):
        wrong.append("the body bears a higher marking than is on record")
    if wrong:
        return Looked(tuple(wrong))
    used = {waiver for _, waiver in decision.waived}
    if not used <= lifts.keys():
        return Looked(left=(UNKNOWN_LIFT,))
    made = msgspec.structs.replace(again, **{name: getattr(recorded, name) for name in TAKEN})
    follows = decide(Policy(terms), made, [lifts[one] for one in sorted(used)], phase_of(decision))
    if follows.verdict != decision.verdict and not (decision.rule == "duty" and follows.verdict != "deny"):
        return Looked(("the verdict does not follow from the body",))
    return Looked()


def _same(name: str, recorded: Facts, again: Facts) -> bool:
    return bool(getattr(recorded, name) == getattr(again, name))


def _facts(recorded: Facts, request: dict[str, Any], kept: Kept, terms: Terms, panel: Panel) -> Facts:
    call = DIALECTS[request["dialect"]].read_call(kept.body)
    place = Place(
        at_ms=recorded.epoch * 1000,
        identity=request["model"],
        network=recorded.network,
        posture=recorded.posture,
        detector=panel.detector,
    )
    declared = Declared(purpose=recorded.purpose, case="given" if recorded.case_given else "")
    return gather(call, kept.caller, declared, panel.recognize(call.parts), terms.draft, place)
