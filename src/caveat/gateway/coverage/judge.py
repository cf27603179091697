"""From what was seen and what is on record to the state of a cell.

Rules of this file: green needs everything at once (the client's view, the upstream's, the record's); whatever is not
understood is red.
"""

from typing import Any

from msgspec import Struct

from caveat.canon import digest
from caveat.errors import CaveatError
from caveat.gateway.coverage.ask import Seen
from caveat.gateway.coverage.cells import Cell
from caveat.gateway.coverage.matrix import Result
from caveat.gateway.coverage.plan import Plan, unescaped
from caveat.gateway.coverage.recorded import Recorded
from caveat.terms.document import Clause

DENIALS = {"forbid": ("terms_denied",), "hold": ("approval_required", "terms_denied")}
"""What a caller is told; a hold that meets a forbid is denied."""
GREEN = Result("green")
OK = 200
STOPPED = frozenset({"stopped"})
KEPT = frozenset({"withheld"})
UNDELIVERED = STOPPED | KEPT
"""How a call ended whose reply did not arrive: a clause stopped it, or persons are to release it."""


class Asked(Struct, frozen=True):
    """A call that was made.  `reached` is the body that the upstream received, None where it received none."""

    plan: Plan
    seen: Seen
    reached: str | None


class Trial(Struct, frozen=True):
    """The calls of one clause in one cell.  `shut` is the cell's ordinary call where that did not pass; `attempts` how
    many each decided call makes on the way that is tried."""

    clause: Clause
    cell: Cell
    trips: Asked
    passes: Asked | None
    shut: Asked | None = None
    attempts: int = 1


def arrived(asked: Asked, *, stream: bool) -> bool:
    """Whether the client got a whole answer that holds what the model was made to say."""
    if asked.seen.status != OK:
        return False
    heard = asked.seen.words(asked.plan.dialect, stream=stream)
    return heard is not None and unescaped(asked.plan.said) in unescaped(heard)


def judge(trial: Trial, on_record: dict[str, Recorded]) -> Result:
    """The cell's state."""
    if trial.shut is not None:
        return _shut(trial, trial.shut, on_record)
    of_trips = on_record.get(trial.trips.seen.call)
    if of_trips is None or not of_trips.request:
        return _undecided(trial.trips)
    if trial.clause.effect not in DENIALS and trial.trips.seen.status != OK and trial.trips.reached is None:
        return _refused(trial.trips.seen)
    if _unmaskable(trial, of_trips):
        return Result("refused", "`duty_unavailable`: what is to be masked there stops the reply")
    wrong = _astray(trial, trial.trips) or _tripped(trial, of_trips)
    if wrong:
        return Result("red", f"the probe that should trip {wrong}")
    if trial.passes is None:
        return GREEN
    of_passes = on_record.get(trial.passes.seen.call)
    if of_passes is None or not of_passes.request:
        return _undecided(trial.passes)
    return _passed(trial, trial.passes, of_passes)


def _shut(trial: Trial, ordinary: Asked, on_record: dict[str, Recorded]) -> Result:
    """A cell that lets not even an ordinary call through lets nothing through that trips a clause either."""
    recorded, tripping = on_record.get(ordinary.seen.call), on_record.get(trial.trips.seen.call)
    if recorded is not None and tripping is not None and {recorded.ending, tripping.ending} <= UNDELIVERED:
        return Result("refused", "the terms stop even an ordinary reply there, or keep it until a person releases it")
    if ordinary.reached is not None:
        return Result("red", f"an ordinary call was let through and came back as `{ordinary.seen.code or 'nothing'}`")
    if trial.trips.seen.status == OK or trial.trips.reached is not None:
        return Result("red", "the gateway refuses an ordinary call there and let the probe that should trip through")
    return _refused(ordinary.seen)


def _refused(seen: Seen) -> Result:
    return Result("refused", f"`{seen.code}`: {seen.message}")


def _undecided(asked: Asked) -> Result:
    """A call that never came to a decision: refused as unreadable, or for want of a route."""
    if asked.seen.status == OK or asked.reached is not None:
        return Result("red", "a call passed of which the ledger has no decision")
    return _refused(asked.seen)


def _astray(trial: Trial, asked: Asked) -> str:
    """How a call left the way that is tried, "" where it took it."""
    if asked.seen.attempts >= trial.attempts:
        return ""
    return f"was decided in attempt {asked.seen.attempts}, where the way that is tried has {trial.attempts}"


def _tripped(trial: Trial, recorded: Recorded) -> str:
    """What is wrong with the call that should trip the clause, "" where nothing is."""
    clause = trial.clause
    if clause.effect in DENIALS:
        if trial.cell.side == "request":
            return _denied(trial, recorded)
        return _stopped(trial, recorded, UNDELIVERED if clause.effect == "hold" else STOPPED)
    if clause.id not in recorded.held:
        return "did not make the clause hold"
    if _owes(clause, "review.human"):
        return _stopped(trial, recorded, KEPT)
    if trial.trips.seen.status != OK:
        return f"was refused (`{trial.trips.seen.code}`)"
    return _done(trial, recorded)


def _denied(trial: Trial, recorded: Recorded) -> str:
    asked = trial.trips
    if trial.clause.id not in recorded.asked:
        return "did not make the clause hold"
    if asked.seen.status == OK:
        return "was answered"
    if asked.reached is not None:
        return "reached the model before it was refused"
    if asked.seen.code not in DENIALS[trial.clause.effect]:
        return f"was refused as `{asked.seen.code}`"
    return "" if recorded.ending in ("denied", "held") else f"is on record as `{recorded.ending}`"


def _owes(clause: Clause, duty: str) -> bool:
    return any(one.name == duty for one in clause.duties)


def _unmaskable(trial: Trial, recorded: Recorded) -> bool:
    """Whether a reply that was to be masked was stopped instead, for want of certainty, and its words did not arrive."""
    if not _owes(trial.clause, "redact.output") or recorded.ending != "stopped" or recorded.reply.get("rule") != "duty":
        return False
    return trial.clause.id in recorded.held and not _heard(trial)


def _heard(trial: Trial) -> bool:
    """Whether the client got the words that the model was made to say."""
    asked = trial.trips
    heard = asked.seen.words(asked.plan.dialect, stream=trial.cell.stream) if asked.seen.status == OK else ""
    return heard is None or (bool(asked.plan.said) and unescaped(asked.plan.said) in unescaped(heard))


def _stopped(trial: Trial, recorded: Recorded, endings: frozenset[str]) -> str:
    """What is wrong with a reply that was to be stopped, or kept, "" where nothing is."""
    asked = trial.trips
    if trial.clause.id not in recorded.held:
        return "did not make the clause hold"
    if recorded.ending not in endings:
        return f"is on record as `{recorded.ending}`"
    if trial.clause.id.encode() not in asked.seen.body:
        return "was stopped without a word of the clause"
    if trial.cell.stream and asked.seen.status == OK:
        heard = asked.seen.words(asked.plan.dialect, stream=True)
        if heard is None:
            return "left a stream that its own format cannot read"
        return "reached the client" if unescaped(asked.plan.said) in unescaped(heard) else ""
    return "" if asked.seen.status != OK else "was answered"


def _passed(trial: Trial, asked: Asked, recorded: Recorded) -> Result:
    """The call that should pass."""
    clause, seen = trial.clause, asked.seen
    if astray := _astray(trial, asked):
        return Result("red", f"the probe that should pass {astray}")
    if clause.id in recorded.held:
        return Result("red", "the probe that should pass made the clause hold")
    if clause.effect not in DENIALS:
        return GREEN
    if seen.status != OK:
        return Result("red", f"the probe that should pass was refused (`{seen.code}`): {seen.message}")
    if recorded.ending != "completed":
        return Result("red", f"the probe that should pass is on record as `{recorded.ending}`")
    if not arrived(asked, stream=trial.cell.stream):
        return Result("red", "the answer to the probe that should pass did not arrive whole")
    return GREEN


def _done(trial: Trial, recorded: Recorded) -> str:
    """What is wrong with the duties of an obliging clause that held, "" where nothing is."""
    for duty in trial.clause.duties:
        wrong = _DUTIES.get(duty.name, _nothing)(trial, recorded, duty.value)
        if wrong:
            return wrong
    return ""


def _nothing(_trial: Trial, recorded: Recorded, _value: Any) -> str:
    return "" if recorded.ending == "completed" else f"is on record as `{recorded.ending}`"


def _labelled(trial: Trial, _recorded: Recorded, _value: Any) -> str:
    heard = trial.trips.seen.words(trial.trips.plan.dialect, stream=trial.cell.stream)
    said = trial.trips.plan.answer.text
    if heard is None:
        return "got an answer that its own format cannot read"
    return "" if unescaped(heard) != unescaped(said) * max(1, heard.count(said)) else "got no notice under its answer"


def _limited(trial: Trial, _recorded: Recorded, value: Any) -> str:
    body = trial.trips.reached
    try:
        sent = trial.trips.plan.dialect.read_call(body.encode()) if body is not None else None
    except CaveatError:
        sent = None
    if sent is None:
        return "did not reach the model in a form that can be read"
    limit = sent.max_output_tokens
    return "" if limit is not None and limit <= int(value) else "reached the model without the limit"


def _stripped(trial: Trial, recorded: Recorded, _value: Any) -> str:
    """The tools that are on record as stripped, by digest, are not in what the model's side received, and all others are."""
    asked, body = trial.trips, trial.trips.reached
    done = recorded.of("strip.tools")
    try:
        sent = asked.plan.dialect.read_call(body.encode()).tools if body is not None else ()
        offered = asked.plan.dialect.read_call(asked.plan.body).tools
    except CaveatError:
        return "did not reach the model in a form that can be read"
    left = {tool.name for tool in sent}
    gone = [tool.name for tool in offered if tool.name not in left]
    if len(offered) - len(sent) != done.get("count") or sorted(map(_named, gone)) != sorted(done.get("names", ())):
        return "reached the model with other tools than are on record"
    return ""


def _named(tool: str) -> str:
    return digest(tool.encode())


def _masked(trial: Trial, recorded: Recorded, _value: Any) -> str:
    if recorded.ending != "completed":
        return f"is on record as `{recorded.ending}`"
    if _heard(trial):
        return "reached the client unmasked"
    return "" if sum(recorded.of("redact.output").get("masked", {}).values()) else "has no mask on record"


_DUTIES = {
    "label.output": _labelled,
    "limit.tokens": _limited,
    "strip.tools": _stripped,
    "redact.output": _masked,
}
