"""Reads a reply while it is written, and says how much of it may leave.

Rules of this file:

- each channel is judged at fixed offsets, every `stride` characters over the last `window`, and once more at its end;
  offsets count characters of the channel, so the outcome does not depend on how the provider cut its chunks;
- a character leaves only once it was judged, and nothing behind it in the same window may still grow into a finding of
  exact form that it begins (`pending` says how much of the end may, `horizon` at most), or its channel is complete: a
  finding of exact form never leaves in part;
- a tool call leaves only when it is complete and judged; what its escapes hide (`b\u006fmb`) is judged then, too;
- a window is never shorter than `LEAD + horizon + 2 * stride`: a form that touches a window's end is the next window's,
  which has it behind its first `LEAD` characters;
- what was found stays found: facts of the reply only grow;
- a duty that a reply brings up, and that cannot be met once the model has begun, stops it;
- a reply that a hold clause or the duty `review.human` keeps, or that needs a waiver which the request did not use, waits:
  from there on nothing is released, and judging goes on to its end;
- what the duty `redact.output` names is masked, whole, before it leaves; where that cannot be, the reply is stopped.

A whole reply goes the same way: feed, end, and nothing is sent if it was stopped.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec

from caveat.decide.decide import able, decide, decide_again
from caveat.decide.decision import Decision
from caveat.decide.policy import Policy
from caveat.facts import Facts, with_reply
from caveat.recognize.finding import Finding
from caveat.recognize.window import LEAD
from caveat.waivers.waiver import Waiver
from caveat.wire.body import unescaped
from caveat.wire.call import Voice
from caveat.wire.masked import Mask, merged

LATE = frozenset({"log.digest"})
"""Duties that every gateway can still meet when they come up in the middle of a reply."""
REVIEW = "review.human"
REDACT = "redact.output"
MASKABLE = ("personal.", "secret.")
HIDDEN = "/unescaped"
"""How the channel ends that holds a tool's arguments as the tool will read them."""


class Recognize(Protocol):
    """Reads one window: whether it begins where its channel begins, and whether the channel is complete."""

    def __call__(self, text: str, voice: Voice, *, begins: bool, ends: bool) -> Sequence[Finding]: ...


class Guard:
    """One reply.  `facts` and `decision` are the latest; `stopped` is the decision that ended it, None while none has.

    decision   the request's, an allow: decide(policy, facts, waivers)
    waivers    those in force; those that the request's decision used lift in the reply too; another waiver does where it
               turns a denial into an allow: it is then in `spends`, to be put on record before anything more leaves
    recognize  reads one window of one voice
    horizon    the longest finding of exact form, in characters (recognize/finding.py)
    pending    how much of a window's end may be the beginning of one (recognize/tail.py); None: always the horizon
    late       duties that the caller of this class can still meet when the reply brings them up
    """

    def __init__(  # noqa: PLR0913
        self,
        policy: Policy,
        facts: Facts,
        decision: Decision,
        waivers: Sequence[Waiver],
        recognize: Recognize,
        *,
        horizon: int,
        pending: Callable[[str], int] | None = None,
        late: Collection[str] = LATE,
    ) -> None:
        draft = policy.terms.draft
        self.facts = facts
        self.decision = decision
        self.stopped: Decision | None = None
        self._policy = policy
        spent = {waiver for _, waiver in decision.waived}
        self._waivers = tuple(waiver for waiver in waivers if waiver.id in spent)
        self._more = tuple(waiver for waiver in waivers if waiver.id not in spent and waiver.kind == "waiver")
        self._late: tuple[Waiver, ...] = ()
        self._recognize = recognize
        self._horizon = horizon
        self._pending = pending or (lambda _: horizon)
        self._stride = draft.stride
        self._window = max(draft.window, LEAD + horizon + 2 * draft.stride)
        self._fulfils = frozenset(duty.name for duty in decision.duties) | frozenset(late)
        self._channels: dict[str, _Channel] = {}
        self._called: dict[tuple[str, str], None] = {}
        self._judged = False
        self._asked: Decision | None = None
        self._review = False

    @property
    def judged(self) -> bool:
        """Whether anything of the reply was evaluated."""
        return self._judged

    @property
    def spends(self) -> tuple[Waiver, ...]:
        """The waivers that only the reply uses, by the latest decision."""
        used = {waiver for _, waiver in self.decision.waived}
        return tuple(waiver for waiver in self._late if waiver.id in used)

    @property
    def keeps(self) -> bool:
        """Whether persons are to release the reply, by the latest decision."""
        if self._asked is not self.decision:
            self._asked = self.decision
            self._review = self.decision.verdict == "hold" or any(duty.name == REVIEW for duty in self.decision.duties)
        return self.stopped is None and self._review

    @property
    def waits(self) -> bool:
        """Whether nothing may leave for now: persons are to release it, or a waiver's use to be put on record."""
        return self.keeps or (self.stopped is None and bool(self._late))

    @property
    def redacts(self) -> tuple[str, ...]:
        """What is to be masked, by the latest decision: categories, or the beginnings of some."""
        values = [str(duty.value) for duty in self.decision.duties if duty.name == REDACT]
        return tuple(begin for value in values for begin in ([value] if value else MASKABLE))

    def masks(self, channel: str) -> tuple[Mask, ...]:
        """The channel's characters to be masked, ascending and apart from one another."""
        state = self._channels.get(channel)
        wanted = self.redacts if state is not None and state.found else ()
        return merged(one for one in state.found if _named(one.label, wanted)) if state is not None and wanted else ()

    def masked(self) -> dict[str, int]:
        """How many masks there are, by category."""
        labels = [mask.label for channel in self._channels for mask in self.masks(channel)]
        return dict(sorted(Counter(labels).items())) if labels else {}

    def unmaskable(self) -> None:
        """Stop the reply: what was found in it cannot be taken out with certainty."""
        owed = tuple(duty for duty in self.decision.duties if duty.name == REDACT)
        self.decision = msgspec.structs.replace(self.decision, verdict="deny", rule="duty", duties=owed)
        self.stopped = self.decision

    def without(self, waiver: str) -> None:
        """Judge once more without a waiver of `spends` that has no use left, or has ended."""
        late, self._late = self._late, ()
        self._waivers = tuple(one for one in self._waivers if one not in late)
        self._more = tuple(one for one in (*self._more, *late) if one.id != waiver)
        self._settle(decide(self._policy, self.facts, self._waivers), self.facts)

    def feed(self, channel: str, text: str, *, tool: str = "") -> None:
        """Take in words of a channel; `tool` is the tool's name where they are its arguments.  Ignored once stopped."""
        state = self._channels.setdefault(channel, _Channel(channel, self._window))
        if tool:
            state.tools.add(tool)
        while text and self.stopped is None:
            room = self._stride - state.length % self._stride
            state.add(text[:room])
            text = text[room:]
            if state.length % self._stride == 0:
                self._judge(state, ends=False)
                if self.stopped is None and not self.waits and not state.tools:
                    held = min(self._horizon, self._pending(state.window()))
                    state.released = max(state.released, state.length - held)

    def end(self, channel: str) -> None:
        """The channel is complete: judge its end, and release all of it."""
        state = self._channels.setdefault(channel, _Channel(channel, self._window))
        if self.stopped is None and not state.complete:
            self._judge(state, ends=True)
            state.complete = True
            self._judge_hidden(state)
        if self.stopped is None and not self.waits:
            state.released = state.length

    def finish(self) -> None:
        """The reply is complete: end every channel; a reply without words is judged too."""
        for channel in tuple(self._channels):
            self.end(channel)
        if not self._judged and self.stopped is None:
            self._judge(_Channel("", self._window), ends=True)
        if self.stopped is None and not self.waits:  # what waited for a while, and need not any more
            for state in self._channels.values():
                state.released = state.length

    def released(self, channel: str) -> int:
        """How many characters of the channel may have left, counted from its beginning."""
        state = self._channels.get(channel)
        return state.released if state else 0

    def _judge_hidden(self, state: "_Channel") -> None:
        """The arguments of a complete tool call as the tool will read them, on a channel that never leaves."""
        hidden = unescaped(state.arguments()) if self.stopped is None else ""
        if hidden:
            self.feed(state.name + HIDDEN, hidden)
            self.end(state.name + HIDDEN)

    def _judge(self, state: "_Channel", *, ends: bool) -> None:
        self._judged = True
        window = state.window()
        begins = len(window) == state.length
        findings = self._recognize(window, "model", begins=begins, ends=ends) if window else ()
        self._called |= dict.fromkeys((state.name, tool) for tool in sorted(state.tools))
        tools = [tool for _, tool in self._called]
        facts = with_reply(self.facts, findings, tools, self._policy.terms.draft)
        self._settle(decide_again(self._policy, self.facts, self.decision, facts, self._waivers), facts)
        if self._policy.masks:
            self._note(state, findings, state.length - len(window))

    def _note(self, state: "_Channel", findings: Sequence[Finding], begins: int) -> None:
        """Remember where something was found that may have to be masked; stop where it is too late for that, or where it
        stands in no text that leaves."""
        maskable = [found for found in findings if found.category.startswith(MASKABLE) and found.end > found.start]
        new = {Mask(begins + found.start, begins + found.end, found.category) for found in maskable} - state.found
        state.found |= new
        due = [mask for mask in new if _named(mask.label, self.redacts)] if self.stopped is None else []
        if any(mask.start < state.released or state.name.endswith(HIDDEN) for mask in due):
            self.unmaskable()

    def _settle(self, decision: Decision, facts: Facts) -> None:
        """Take up a decision over those facts, one with more waivers where only these allow."""
        decision = able(decision, self._fulfils)
        if decision.verdict != "allow" and self._more:
            decision = self._lifted(facts) or decision
        self.facts = facts
        self.decision = decision
        if decision.verdict == "deny":
            self.stopped = decision

    def _lifted(self, facts: Facts) -> Decision | None:
        """An allow by waivers that the request did not use, which are spent by it; None where there is none."""
        decision = able(decide(self._policy, facts, (*self._waivers, *self._more)), self._fulfils)
        if decision.verdict != "allow":
            return None
        used = {id_ for _, id_ in decision.waived}
        new = tuple(waiver for waiver in self._more if waiver.id in used)
        self._late += new
        self._waivers += new
        self._more = tuple(waiver for waiver in self._more if waiver not in new)
        return decision


class _Channel:
    """One growing text: its length, how much of it was released, whether it was judged as complete, and its last `size`
    characters; of a tool's arguments all of them."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.length = 0
        self.released = 0
        self.complete = False
        self.tools: set[str] = set()
        self.found: set[Mask] = set()
        self._size = size
        self._tail = ""
        self._pieces: list[str] = []
        self._arguments: list[str] = []

    def add(self, text: str) -> None:
        self.length += len(text)
        self.complete = False
        self._pieces.append(text)
        if self.tools:
            self._arguments.append(text)

    def arguments(self) -> str:
        """All that was said to the tool, "" where the channel is no tool's."""
        return "".join(self._arguments)

    def window(self) -> str:
        """The last characters, now judged."""
        self._tail = (self._tail + "".join(self._pieces))[-self._size :]
        self._pieces.clear()
        return self._tail


def _named(category: str, wanted: Sequence[str]) -> bool:
    """Whether one of those names the category: itself, or what stands before its dot."""
    return any(category == one or category.startswith(one.removesuffix(".") + ".") for one in wanted)
