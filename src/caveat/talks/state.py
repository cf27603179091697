"""Where talks about terms stand: a walk over both parties' signed steps, and nothing else.

The states are those of the Dataspace Protocol's contract negotiation (2025-1, section 6.2): the vendor is its Provider,
the operator its Consumer.

    (nothing) --request--> REQUESTED --offer, counter--> OFFERED --accept--> ACCEPTED
    REQUESTED or ACCEPTED --agree (vendor)--> AGREED --agree (operator)--> VERIFIED --finalize--> FINALIZED
    any of them --terminate (either party)--> TERMINATED

Rules of this file: pure; no clock but those in the steps and the reader's own; both parties' steps hang on each other by
digest, so whoever holds both directories finds the same state.  Steps that crossed on the way (both parties answered the
same one) are shown as crossed: neither goes before the other, and whoever goes on from one of them settles it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct, structs

from caveat.errors import BadInput, NotVerified, Refused
from caveat.talks.steps import STEP, Role, Step, Taken, Verb

State = Literal["", "REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED", "TERMINATED"]
OPEN: Final[frozenset[State]] = frozenset({"", "FINALIZED", "TERMINATED"})
"""Where a new round of talks, about a new version, can begin."""
BEGUN: Final[frozenset[State]] = frozenset({"REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED"})
MOVES: Final[Mapping[tuple[Verb, Role], tuple[frozenset[State], State]]] = {
    ("accept", "operator"): (frozenset({"OFFERED"}), "ACCEPTED"),
    ("agree", "vendor"): (frozenset({"REQUESTED", "ACCEPTED"}), "AGREED"),
    ("agree", "operator"): (frozenset({"AGREED"}), "VERIFIED"),
    ("finalize", "vendor"): (frozenset({"VERIFIED"}), "FINALIZED"),
    ("counter", "operator"): (frozenset({"OFFERED"}), "REQUESTED"),
    ("counter", "vendor"): (frozenset({"REQUESTED"}), "OFFERED"),
    ("request", "operator"): (OPEN | {"OFFERED"}, "REQUESTED"),
    ("offer", "vendor"): (OPEN | {"REQUESTED"}, "OFFERED"),
    ("terminate", "vendor"): (BEGUN, "TERMINATED"),
    ("terminate", "operator"): (BEGUN, "TERMINATED"),
}
"""(Verb, who) -> from which states, to which; what goes on from where talks stand comes before what begins anew."""
PROPOSALS: Final = ("request", "offer", "counter")
CLOCK_MS: Final = 10 * 60_000
"""How far apart two parties' clocks may be."""
OTHER: Final[Mapping[Role, Role]] = {"vendor": "operator", "operator": "vendor"}


class Talk(Struct, frozen=True):
    """Where talks about one document stand.

    steps      from the first to the newest
    proposed   the step whose text is on the table, None before the first
    finalized  id@version and the pair's digest of what was finalized last and not terminated since
    crossed    steps that answered the same one as the newest did, where nobody has settled which counts
    """

    talk: str
    state: State
    steps: tuple[Taken, ...] = ()
    proposed: Taken | None = None
    finalized: tuple[str, str] | None = None
    crossed: tuple[Taken, ...] = ()

    def lapsed(self, now_ms: int) -> bool:
        """Whether what is on the table waited for an answer until then, in vain."""
        until = self.steps[-1].step.until_ms if self.steps and self.steps[-1].step.verb in PROPOSALS else 0
        return 0 < until < now_ms

    def may(self, role: Role) -> tuple[Verb, ...]:
        """What a party can do next."""
        return tuple(verb for (verb, who), (states, _) in MOVES.items() if who == role and self.state in states)


def derive(talk: str, taken: Iterable[Taken], now_ms: int) -> Talk:
    """Where the talks stand.  Raises NotVerified for a step that could not have been taken."""
    steps = {one.id: one for one in taken if one.step.talk == talk}
    _check_forks(steps.values())
    walked = [_walk(talk, _path(one, steps), now_ms) for one in steps.values()]
    ended = {one.step.after for one in steps.values() if one.step.verb == "terminate"}
    live = [state for state in walked if not any(_dead(one, ended) for one in state.steps)]
    if not live:
        return Talk(talk, "")
    longest = max(len(state.steps) for state in live)
    heads = [state for state in live if len(state.steps) == longest]
    newest, *others = sorted(heads, key=lambda state: state.steps[-1].id)
    if newest.state == "TERMINATED":
        return newest
    return structs.replace(newest, crossed=tuple(other.steps[-1] for other in others))


def _dead(one: Taken, ended: set[str]) -> bool:
    """A party's word that it is over needs no consent: what crossed it on the way counts no more."""
    return one.step.after in ended and one.step.verb != "terminate"


def advanced(talk: Talk, taken: Taken, now_ms: int) -> Talk:
    """The talks after one step more.  Raises NotVerified where it could not be taken: who must do what."""
    step = taken.step
    move = MOVES.get((step.verb, step.by))
    if move is None or talk.state not in move[0]:
        raise _no(
            f"the {step.by} cannot `{step.verb}` when talks about `{talk.talk}` are {_shown(talk.state)}",
            may(talk, step.by),
        )
    _check_time(talk, step, now_ms)
    if step.verb in PROPOSALS:
        _check_proposal(talk, step)
    else:
        _check_about(talk, step)
    finalized = talk.finalized
    if step.verb == "finalize":
        finalized = (step.terms, step.digest)
    elif step.verb == "terminate" and talk.state == "FINALIZED":
        finalized = None
    return Talk(
        talk=talk.talk,
        state=move[1],
        steps=(*talk.steps, taken),
        proposed=taken if step.verb in PROPOSALS else talk.proposed,
        finalized=finalized,
    )


def check_move(talk: Talk, verb: Verb, role: Role, now_ms: int) -> None:
    """Return if the party may do that next; raise Refused with what it may do instead."""
    if talk.crossed and verb != "terminate":
        other = next((one for one in (talk.steps[-1], *talk.crossed) if one.step.by != role), None)
        hint = f"go on from the other party's `{other.step.verb}` with `--from {other.id[7:19]}`" if other else ""
        raise Refused(
            "both parties answered the same step, and the answers crossed on the way", code="crossed", hint=hint
        )
    if (verb, role) not in MOVES or talk.state not in MOVES[verb, role][0]:
        raise Refused(
            f"the {role} cannot `{verb}` when talks about `{talk.talk}` are {_shown(talk.state)}",
            code="state",
            hint=may(talk, role),
        )
    if verb in ("accept", "agree", "counter") and talk.lapsed(now_ms):
        raise Refused(
            f"the {talk.steps[-1].step.by}'s `{talk.steps[-1].step.verb}` has lapsed",
            code="lapsed",
            hint="`caveat terms terminate` ends this round; then either party can begin another",
        )


def may(talk: Talk, role: Role) -> str:
    """What can happen next, in a sentence."""
    mine, theirs = talk.may(role), [verb for verb in talk.may(OTHER[role]) if verb != "terminate"]
    can = ", ".join(f"`caveat terms {verb}`" for verb in mine)
    turn = f"it is the {OTHER[role]}'s turn: {', '.join(f'`caveat terms {verb}`' for verb in theirs) or 'begin'}"
    if mine == ("terminate",) and theirs:
        return f"{turn}; the {role} can only {can}"
    return f"the {role} can {can}" if mine else turn


def may_both(talk: Talk) -> str:
    """The same of both parties."""
    moves = {role: [verb for verb in talk.may(role) if verb != "terminate"] for role in OTHER}
    said = [
        f"the {role} can {', '.join(f'`caveat terms {verb}`' for verb in verbs)}"
        for role, verbs in moves.items()
        if verbs
    ]
    if talk.may("vendor")[-1:] == ("terminate",):
        said.append("either can `caveat terms terminate`")
    return "; ".join(said)


def onto(talk: Talk, prefix: str) -> Talk:
    """The talks as they stand after one of the steps that crossed, named by the first digits of its id."""
    found = [one for one in (talk.steps[-1:] + talk.crossed) if one.id.removeprefix("sha256:").startswith(prefix)]
    if len(found) != 1 or not prefix:
        raise BadInput(f"no step that crossed begins with `{prefix}`", hint="`caveat terms state` shows them")
    before = _walk(talk.talk, talk.steps[:-1], 2**52)
    return advanced(before, found[0], 2**52)


def _path(one: Taken, steps: Mapping[str, Taken]) -> tuple[Taken, ...]:
    """The steps that lead to one, in order.  A digest cannot lead back to itself, so this ends."""
    path = [one]
    while path[-1].step.after:
        before = steps.get(path[-1].step.after)
        if before is None:
            raise _no(
                f"the {path[-1].step.by}'s `{path[-1].step.verb}` answers a step that neither directory holds",
                "a directory is incomplete, or older than the other: bring fresh copies of both",
            )
        path.append(before)
    return tuple(reversed(path))


def _walk(talk: str, path: Sequence[Taken], now_ms: int) -> Talk:
    state = Talk(talk, "")
    for taken in path:
        state = advanced(state, taken, now_ms)
    return state


def _check_forks(steps: Iterable[Taken]) -> None:
    """No party answers one step twice; nor are there two beginnings by one party."""
    seen: dict[tuple[str, str], Taken] = {}
    for one in steps:
        other = seen.setdefault((one.step.by, one.step.after), one)
        if other is not one:
            raise _no(
                f"the {one.step.by} has answered the same step twice, with `{other.step.verb}` and `{one.step.verb}`",
                f"the {one.step.by} must say which holds; until then these talks stand still",
            )


def _check_time(talk: Talk, step: Step, now_ms: int) -> None:
    last = talk.steps[-1].step if talk.steps else None
    if step.at_ms > now_ms + CLOCK_MS:
        raise _no(
            f"the {step.by}'s `{step.verb}` is dated later than now", "one of the two clocks is wrong: compare them"
        )
    if last and step.at_ms < last.at_ms - CLOCK_MS:
        raise _no(
            f"the {step.by}'s `{step.verb}` is dated before the `{last.verb}` that it answers",
            f"the clock of the {step.by} or of the {last.by} is wrong: set it and take the step again",
        )
    if last and last.until_ms and step.verb in ("accept", "agree", "counter") and step.at_ms > last.until_ms:
        raise _no(f"the {step.by}'s `{step.verb}` came after the deadline of the `{last.verb}` that it answers")
    if step.until_ms and step.until_ms <= step.at_ms:
        raise _no(f"the deadline of the {step.by}'s `{step.verb}` lies before the step itself")


def _check_proposal(talk: Talk, step: Step) -> None:
    name, _, version = step.terms.partition("@")
    if name != talk.talk or not version.isdecimal():
        raise _no(f"a proposal in talks about `{talk.talk}` is for `{step.terms}`")
    newest = max([0, *(int(one.step.terms.partition("@")[2]) for one in talk.steps if one.step.verb == "finalize")])
    if int(version) <= newest:
        raise _no(f"`{name}@{newest}` was finalized: expected a later version, got `{step.terms}`")


def _check_about(talk: Talk, step: Step) -> None:
    """Whatever is no proposal is about the text on the table, to the byte."""
    assert talk.proposed is not None  # every state but the empty one comes after a proposal
    on_table = talk.proposed.step
    if (step.terms, step.digest) != (on_table.terms, on_table.digest):
        raise _no(
            f"the {step.by}'s `{step.verb}` is about another text than the one on the table, `{on_table.terms}`",
            f"the {step.by} takes the step again, about the text that was proposed last",
        )


def _shown(state: State) -> str:
    return state or "not begun"


def _no(why: str, hint: str = "") -> NotVerified:
    return NotVerified(why, step=STEP, hint=hint)
