"""What a person should know before signing: remarks on a draft, each with its line.

Rules of this file: a clause is green only if its probe was run, both sides; what cannot be run here is said to be so, in
a class of its own; nothing is left out because it is only a matter of taste.

    error    adopting these terms would not do what they say
    warning  they may not do what a reader expects
    note     worth knowing
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from caveat.terms.condition import DECLARED, Condition, read_condition
from caveat.terms.document import Clause, Draft
from caveat.terms.lease import FOREVER
from caveat.terms.lint_duties import on_duties
from caveat.terms.lint_recognizer import Weights, hazards_of, on_thresholds, on_weights
from caveat.terms.lint_seals import on_seals
from caveat.terms.shape_challenges import on_challenges
from caveat.vocabulary import FACTS

Level = Literal["error", "warning", "note"]
DAY_MS = 86_400_000
SOON_DAYS = 30
OUTSIDE = frozenset(
    [fact.name for fact in FACTS if fact.setter in ("config", "key")]
    + ["detector", "epoch", "guard", "guardHazards", "modelKind", "principal"]
)
"""What no call's content can change: a clause on these alone is not probed by a call."""
GRAVEST = ("cse", "iwp")
"""Hazards that no exception should reach: child sexual exploitation, indiscriminate weapons."""

CODES: dict[str, Level] = {
    "probe-missing": "error",
    "probe-silent": "error",
    "probe-trips-both": "error",
    "probe-unreadable": "error",
    "probe-not-run": "warning",
    "probe-outside": "note",
    "needs-learned": "warning",
    "permit-declared": "warning",
    "no-permit": "error",
    "never-holds": "error",
    "always-holds": "warning",
    "duplicate": "warning",
    "masks-late": "warning",
    "keeps-nothing": "warning",
    "reviewed": "note",
    "fields-overlap": "warning",
    "translation-missing": "warning",
    "threshold-extreme": "warning",
    "challenge-bodies": "error",
    "challenge-unmetered": "warning",
    "seal-missing": "warning",
    "recognizer-other": "error",
    "rates-unmeasured": "warning",
    "rates-unstated": "note",
    "false-alarms-above": "warning",
    "misses-above": "warning",
    "expired": "error",
    "expires-soon": "warning",
    "not-yet": "note",
    "lease-over": "error",
    "lease-soon": "warning",
    "lease-beyond": "note",
    "lease-uncounted": "warning",
    "waivable-gravest": "warning",
    "model-open": "note",
    "recorded": "note",
    "promised": "note",
}
"""Every remark there is, and how grave it is."""


class Remark(Struct, frozen=True):
    """One remark.  `code` is a key of CODES; `clause` is "" where it is about the document."""

    level: Level
    code: str
    line: int
    clause: str
    message: str
    hint: str = ""


class Trial(Struct, frozen=True):
    """How probes are run: made by the edge, which has recognizers and an evaluator (decide/probe.py).

    held   (a text or a whole call) -> ids of the clauses that hold for it, as a request or as a reply;
           raises nothing: None where the sample cannot be read
    sees   hazards that the recognizers at hand can find; those that need a learned one are not in it
    exact  those of them that are found by their form as well, whatever a learned one says
    weights   the learned recognizer that comes with this installation, None where none does
    """

    held: Callable[[str | dict[str, Any]], frozenset[str] | None]
    sees: frozenset[str]
    exact: frozenset[str] = frozenset()
    weights: Weights | None = None


def lint(draft: Draft, at_ms: int, trial: Trial | None = None) -> list[Remark]:
    """All remarks on the draft at that time, in the order of the document.  Without a trial no probe is run."""
    conditions = {c.id: read_condition(c.when) for c in draft.clauses if c.when is not None}
    remarks = [*_on_document(draft, at_ms), *_on_permits(draft, conditions), *_duplicates(draft, conditions)]
    owed = frozenset(duty.name for clause in draft.clauses for duty in clause.duties)
    for clause in draft.clauses:
        remarks += _on_clause(draft, clause, conditions.get(clause.id))
        for code, message, hint in on_duties(clause, conditions.get(clause.id), owed):
            remarks.append(_remark(code, clause.line, message, clause=clause.id, hint=hint))
        if clause.kind == "enforced":
            remarks += _on_probe(clause, conditions[clause.id], trial)
    if trial is not None:
        remarks += _on_recognizer(draft, conditions, trial)
    return sorted(remarks, key=lambda r: (r.line, r.code))


def _on_recognizer(draft: Draft, conditions: Mapping[str, Condition], trial: Trial) -> Iterator[Remark]:
    """What the terms say of the learned recognizer, against the one at hand."""
    for code, message, hint in on_weights(draft, trial.weights):
        yield _remark(code, 1, message, hint=hint)
    for clause in draft.clauses:
        if clause.effect in ("forbid", "hold") and clause.id in conditions:
            hazards = hazards_of(conditions[clause.id]) - trial.exact
            for code, message, hint in on_thresholds(draft, hazards, trial.weights):
                yield _remark(code, clause.line, message, clause=clause.id, hint=hint)


def needs_learned(clause: Clause, condition: Condition, sees: frozenset[str]) -> bool:
    """Whether the clause can only hold for something that no recognizer at hand finds."""
    hazards = hazards_of(condition)
    return bool(hazards) and not hazards & sees and clause.effect != "permit"


def _without(at_hand: Weights | None) -> str:
    """What to do where nothing finds what a clause forbids."""
    if at_hand is None:
        return "until one is installed nothing finds what this clause forbids"
    return f"nothing finds what this clause forbids until the terms have a `recognizer:` block: that of `{at_hand.name}` stands in docs/recognizer.md"


def _remark(code: str, line: int, message: str, *, clause: str = "", hint: str = "") -> Remark:
    return Remark(CODES[code], code, line, clause, message, hint)


def _on_document(draft: Draft, at_ms: int) -> Iterator[Remark]:
    if at_ms >= draft.valid_until_ms:
        yield _remark("expired", 1, "these terms have expired", hint="give a later `valid: until`")
    elif draft.valid_until_ms - at_ms < SOON_DAYS * DAY_MS:
        days = (draft.valid_until_ms - at_ms) // DAY_MS
        yield _remark("expires-soon", 1, f"these terms expire in {days} days")
    if at_ms < draft.valid_from_ms:
        yield _remark("not-yet", 1, "these terms are not valid yet")
    yield from lint_lease(draft, at_ms)
    for model in draft.models:
        if model.identity == "any":
            yield _remark(
                "model-open", 1, f"the model `{model.alias}` is not pinned: any model may answer to that name"
            )
    for code, message, hint in (*on_challenges(draft), *on_seals(draft)):
        yield _remark(code, 1, message, hint=hint)
    yield from _thresholds(draft.thresholds)
    for name, text in (("title", draft.title), ("notice", draft.notice)):
        if text and len(text) < len(draft.languages):
            yield _remark("translation-missing", 1, f"the {name} is not in every language of the terms")


def lint_lease(draft: Draft, at_ms: int) -> Iterator[Remark]:
    """Remarks on how long the terms hold."""
    lease = draft.lease
    if lease is None:
        return
    if at_ms >= lease.until_ms:
        yield _remark(
            "lease-over", 1, "the lease is over: these terms allow nothing", hint="give a later `lease: until`"
        )
    elif lease.until_ms - at_ms < SOON_DAYS * DAY_MS:
        yield _remark("lease-soon", 1, f"the lease lapses in {(lease.until_ms - at_ms) // DAY_MS} days")
    if draft.valid_until_ms < lease.until_ms < FOREVER:
        yield _remark("lease-beyond", 1, "the lease runs beyond the day until which the terms are valid")
    if lease.calls >= FOREVER:
        hint = "give `lease: calls` too: the first of both ends it"
        yield _remark(
            "lease-uncounted", 1, "a machine kept switched off, or its clock, can put off the lease's day", hint=hint
        )


def _thresholds(thresholds: Mapping[str, int]) -> Iterator[Remark]:
    for code, value in thresholds.items():
        if value == 0:
            message = f"the threshold of `{code}` is 0: every call counts as showing it"
            yield _remark("threshold-extreme", 1, message)
        elif value > 990:
            message = f"the threshold of `{code}` is {value}: only a finding of exact form reaches it"
            yield _remark("threshold-extreme", 1, message)


def _on_permits(draft: Draft, conditions: Mapping[str, Condition]) -> Iterator[Remark]:
    permits = [c for c in draft.clauses if c.effect == "permit" and c.id in conditions]
    if not permits:
        yield _remark("no-permit", 1, "no clause permits anything, so every call is denied")
    for clause in permits:
        if conditions[clause.id].reads <= DECLARED:
            yield _remark(
                "permit-declared",
                clause.line,
                "the only ground of this permit is what the caller declares",
                clause=clause.id,
                hint="add a fact that the gateway, the key or a detector sets",
            )
    patterns = sorted({(pattern, c.id, c.line) for c in permits for pattern in c.fields})
    for pattern, id_, line in patterns:
        for other, other_id, _ in patterns:
            if (pattern, id_) != (other, other_id) and pattern != other and pattern.startswith(other + "/"):
                message = f"`{pattern}` lies within `{other}` of `{other_id}`: both permits must hold for it to pass"
                yield _remark("fields-overlap", line, message, clause=id_)


def _duplicates(draft: Draft, conditions: Mapping[str, Condition]) -> Iterator[Remark]:
    seen: dict[tuple[str, str], str] = {}
    for clause in draft.clauses:
        if clause.id not in conditions or clause.effect == "oblige":
            continue
        key = (clause.effect, conditions[clause.id].form)
        if key in seen and not clause.fields:
            message = f"this clause has the same effect and condition as `{seen[key]}`"
            yield _remark("duplicate", clause.line, message, clause=clause.id)
        seen.setdefault(key, clause.id)


def _on_clause(draft: Draft, clause: Clause, condition: Condition | None) -> Iterator[Remark]:
    for name, text in (("title", clause.title), ("says", clause.says)):
        missing = [language for language in draft.languages if language not in text]
        if missing:
            message = f"`{name}` is missing in {', '.join(f'`{m}`' for m in missing)}"
            yield _remark("translation-missing", clause.line, message, clause=clause.id)
    if condition is None:
        yield _remark("promised", clause.line, "no machine checks this clause: it is a promise", clause=clause.id)
        return
    if clause.kind == "recorded":
        names = ", ".join(f"`{name}`" for name in sorted(condition.reads & DECLARED))
        message = f"this clause rests on what is declared ({names}): it shows on record, and can be escaped"
        yield _remark("recorded", clause.line, message, clause=clause.id)
    if condition.constant is False:
        yield _remark("never-holds", clause.line, "the condition is never true", clause=clause.id)
    if condition.constant is True and clause.effect != "oblige":
        yield _remark("always-holds", clause.line, "the condition is always true", clause=clause.id)
    if clause.waivable and any(kind == "Hazard" and word in GRAVEST for kind, word in condition.named):
        message = "a waiver can lift this clause, and it guards against the gravest hazards"
        yield _remark("waivable-gravest", clause.line, message, clause=clause.id, hint="say `waivable: false`")


def _on_probe(clause: Clause, condition: Condition, trial: Trial | None) -> Iterator[Remark]:
    """An enforced clause must trip on one side of its probe and pass on the other."""
    if condition.constant is not None:
        return
    if condition.reads <= OUTSIDE and clause.probe is None:
        message = "this clause depends on who calls and where the gateway stands, not on what a call holds: no probe"
        yield _remark("probe-outside", clause.line, message, clause=clause.id)
        return
    if clause.probe is None:
        message = "an enforced clause needs a `probe`: a text that trips it and one that passes"
        yield _remark("probe-missing", clause.line, message, clause=clause.id)
        return
    if trial is None:
        yield _remark("probe-not-run", clause.line, "the probe was not run", clause=clause.id)
        return
    trips, passes = trial.held(clause.probe.trips), trial.held(clause.probe.passes)
    if trips is None or passes is None:
        side = "trips" if trips is None else "passes"
        message = f"the probe's `{side}` is not a call that the gateway can read"
        yield _remark("probe-unreadable", clause.line, message, clause=clause.id)
    elif clause.id in passes:
        message = "the clause holds for the probe that should pass"
        yield _remark("probe-trips-both", clause.line, message, clause=clause.id)
    elif clause.id not in trips and needs_learned(clause, condition, trial.sees):
        yield _remark(
            "needs-learned",
            clause.line,
            "cannot be probed: needs a learned recognizer",
            clause=clause.id,
            hint=_without(trial.weights),
        )
    elif clause.id not in trips:
        message = "the clause does not hold for the probe that should trip it"
        yield _remark("probe-silent", clause.line, message, clause=clause.id)
