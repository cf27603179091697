"""The recorded calls of a period decided again under other terms: how many change, which, and which cannot be told.

Rules of this file: pure over an iterator of records; only what the records open is used; a call that cannot be decided
from it is counted as such, with the reason, never guessed; every decision that is counted as changed was made by Cedar
too, and a disagreement ends the replay.

A call is decided twice, on its request and on its reply.  It changes where the request's outcome does; where both
versions allow the request, where the reply's does (what was recorded of a reply that a clause cut short is what had come
until then); where both allow both, in its duties.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from caveat.decide.decision import Decision
from caveat.decide.policy import Policy
from caveat.errors import NotVerified
from caveat.facts import Facts
from caveat.ledger.log import Entry
from caveat.record import Leaf
from caveat.talks.beside import DUTIES, because, decided, kind_of, told
from caveat.talks.carry import Missing, carried, kinds, needed
from caveat.talks.compiled import Compiled
from caveat.talks.imagined import Imagined
from caveat.talks.impact import WITHHELD, Call, Changed, Tally
from caveat.talks.recorded import Decided, Opened, Opener, picker
from caveat.terms.document import Draft, Terms

REMEMBERED: Final = 32_768
"""Distinct calls, as far as the new terms' clauses look at them, whose outcome is kept."""
LATE: Final = Opener(("decision", "reply"))
Key = tuple[Any, ...]
"""What a decision under the new terms can depend on: equal keys, equal outcome."""
_leaf = msgspec.json.Decoder(Leaf)


class Span(Struct, frozen=True):
    """Which calls: recorded at index first <= i < last (records from there on only tell how those ended), at
    from_ms <= t < until_ms by the gateway's clock."""

    first: int
    last: int
    from_ms: int
    until_ms: int


class Again(Struct):
    """A call, or its reply, under the new terms: the decision, or why there is none.

    covered   whether the terms name the model that would answer
    sure      whether Cedar has made the decision too
    """

    decision: Decision | None
    facts: Facts | None = None
    why: str = ""
    covered: bool = True
    sure: bool = False


class Begun(Struct, frozen=True):
    """A call whose request both versions allow: its reply is still to come."""

    call: Call
    old: Decided
    new: Again
    key: Key
    terms: str


class Replay:
    """One pass over records under new terms.  `known` leads from a pair's digest to the terms that calls were decided
    under."""

    def __init__(self, terms: Terms, known: Mapping[str, Draft], span: Span) -> None:
        self.tally = Tally()
        self._known = known
        self._span = span
        self._fast, self._cedar = Compiled(terms), Policy(terms)
        self._needs = needed(self._fast)
        self._early = tuple(group for group in self._needs if group != "reply")
        self._purpose = 2 + self._early.index("why"), self._needs["why"].index("purpose")
        self._open = Opener(frozenset({*self._early, "who", "decision", "request"}))
        self._pick = {group: picker(kinds(names)) for group, names in self._needs.items()}
        self._named = {model.alias: model.identity for model in terms.draft.models}
        self._blank = Imagined({}, {}, {}, {}).facts(terms.draft)
        self._groups: dict[bytes, tuple[Any, ...]] = {}
        self._done: dict[Key, Again] = {}
        self._begun: dict[str, Begun] = {}

    @property
    def waiting(self) -> bool:
        """Whether some call's end has not been met yet."""
        return bool(self._begun)

    def feed(self, index: int, entry: Entry) -> None:
        """Take in the record at an index; records come in order."""
        try:
            leaf = _leaf.decode(entry.leaf)
        except msgspec.DecodeError as error:
            raise NotVerified(f"record {index} is no record of Caveat: {error}", step="leaf") from None
        if leaf.k == "settled":
            begun = self._begun.pop(leaf.call, None)
            if begun is not None:
                self._end(begun, leaf, entry.aside)
        elif index < self._span.last and self._span.from_ms <= leaf.t < self._span.until_ms:
            if leaf.k == "refused":
                self.tally.refused += 1
            elif leaf.k == "opened":
                self._begin(leaf, entry.aside)

    def finish(self) -> Tally:
        """The counts, once there are no more records."""
        for begun in self._begun.values():
            self._compare(begun.call, begun.old, begun.new)
        self._begun = {}
        return self.tally

    # --- a call's request ---

    def _begin(self, leaf: Leaf, aside: bytes) -> None:
        opened = self._open.open(leaf, aside)
        if opened is None or opened.decision is None:
            self.tally.cannot("what opens the record was withheld or destroyed", leaf.call)
            return
        missing = [group for group in self._needs if group not in opened.groups and group != "reply"]
        if missing:
            self.tally.cannot(f"the facts `{missing[0]}` were withheld", leaf.call)
            return
        try:
            key: Key = (leaf.terms, opened.identity, *[self._picked(group, opened) for group in self._early])
        except msgspec.DecodeError:
            self.tally.cannot("the recorded facts are none that this version knows", leaf.call)
            return
        new = self._done.get(key)
        if new is None:
            new = self._remember(key, self._decide(key))
        self._went(leaf, opened.groups.get("who"), opened.decision, new, key)

    def _went(self, leaf: Leaf, who: bytes | None, old: Decided, new: Again, key: Key) -> None:
        if old.waived:
            self.tally.cannot("it was decided under a waiver or an approval, which is for the old terms", leaf.call)
            return
        if old.rule == "lapsed":
            self.tally.cannot("its terms had lapsed, whatever it asked for", leaf.call)
            return
        if new.decision is None:
            self.tally.cannot(new.why, leaf.call)
            return
        group, place = self._purpose
        caller, kind = _caller(who) if who is not None else (WITHHELD, "")
        call = Call(leaf.call, leaf.t, caller, key[group][place], kind)
        if old.verdict == new.decision.verdict == "allow":
            twice = self._begun.pop(leaf.call, None)
            if twice is not None:  # no gateway of ours opens a call twice; were it so, both are counted
                self._compare(twice.call, twice.old, twice.new)
            self._begun[leaf.call] = Begun(call, old, new, key, leaf.terms)
        else:
            self._compare(call, old, new)

    def _picked(self, group: str, opened: Opened) -> tuple[Any, ...]:
        """The needed facts of one group, as something that can be compared."""
        raw = opened.groups[group]
        found = self._groups.get(raw)
        if found is None:
            found = self._pick[group](raw)
            if len(self._groups) >= REMEMBERED:
                self._groups.clear()
            self._groups[raw] = found
        return found

    def _known_of(self, key: Key) -> dict[str, Any]:
        """The facts that a key holds, by name."""
        found: dict[str, Any] = {}
        for group, picked in zip(self._early, key[2:], strict=True):
            found |= zip(self._needs[group], picked, strict=True)
        return _scores(found)

    def _decide(self, key: Key) -> Again:
        terms, identity = key[:2]
        known = self._known_of(key)
        before = self._known.get(terms)
        if before is None:
            return Again(None, why="the terms that it was decided under are not at hand")
        named = self._named.get(known["model"], "any")
        if named != "any" and identity is None:
            return Again(None, why="which model would have answered was withheld")
        return self._under(known, before, self._blank, covered=named in ("any", identity))

    def _under(self, known: Mapping[str, Any], before: Draft, blank: Facts, *, covered: bool) -> Again:
        try:
            facts = carried(known, before, self._fast, blank)
        except Missing as reason:
            return Again(None, why=str(reason))
        return Again(decided(self._fast, facts, covered=covered), facts, covered=covered)

    def _remember(self, key: Key, again: Again) -> Again:
        if len(self._done) >= REMEMBERED:
            self._done.clear()
        self._done[key] = again
        return again

    # --- its reply ---

    def _end(self, begun: Begun, leaf: Leaf, aside: bytes) -> None:
        """Both versions allow the request: now what the model said."""
        opened = LATE.open(leaf, aside)
        if opened is None or opened.decision is None or "reply" not in opened.groups:
            self.tally.cannot("the facts of its reply were withheld or destroyed", begun.call.id)
            return
        key: Key = (begun.key, opened.groups["reply"])
        new = self._done.get(key)
        if new is None:
            new = self._remember(key, self._reply(begun, opened.groups["reply"]))
        self._compare(begun.call, opened.decision, new, stage="reply ")

    def _reply(self, begun: Begun, raw: bytes) -> Again:
        if msgspec.json.decode(raw, type=_Stage).stage == "request":
            return begun.new
        names = self._needs.get("reply", ())
        late = dict(zip(names, self._pick["reply"](raw) if names else (), strict=True))
        known = {**self._known_of(begun.key), **_scores(late), "stage": "reply"}
        return self._under(known, self._known[begun.terms], self._blank, covered=begun.new.covered)

    # --- old beside new ---

    def _compare(self, call: Call, old: Decided, new: Again, stage: str = "") -> None:
        if new.decision is None:
            self.tally.cannot(new.why, call.id)
            return
        kind = kind_of(old, new.decision)
        if not kind:
            self.tally.same += 1
            return
        self._confirm(call, new)
        stage = stage if kind != DUTIES else ""
        clauses = because(old, new.decision)
        self.tally.note(Changed(call, stage + kind, clauses, told(old), told(new.decision)))

    def _confirm(self, call: Call, new: Again) -> None:
        """Have Cedar decide it too, once for equal facts."""
        if not new.sure and new.facts is not None:
            if decided(self._cedar, new.facts, covered=new.covered) != new.decision:
                raise NotVerified(
                    f"the compiled clauses and Cedar decide the call `{call.id}` differently",
                    step="replay",
                    hint="this is a fault of Caveat: please report it",
                )
            new.sure = True
            self.tally.confirmed += 1


def replay(entries: Iterable[tuple[int, Entry]], terms: Terms, known: Mapping[str, Draft], span: Span) -> Tally:
    """All of it over records in order; reads on behind the span only as long as a call's end is still to come.

    Raises NotVerified for a record that is none, or where Cedar does not confirm a change.
    """
    one = Replay(terms, known, span)
    for index, entry in entries:
        if index >= span.last and not one.waiting:
            break
        one.feed(index, entry)
    return one.finish()


@lru_cache(maxsize=REMEMBERED)
def _caller(who: bytes) -> tuple[str, str]:
    """Who called, and of which kind they are."""
    read = msgspec.json.decode(who, type=_Who)
    return read.caller, read.kind


class _Stage(Struct):
    stage: str


class _Who(Struct):
    caller: str
    kind: str = msgspec.field(name="callerKind", default="")


def _scores(known: dict[str, Any]) -> dict[str, Any]:
    """Scores as a mapping again."""
    return known | {name: dict(known[name]) for name in ("pm", "pmOut") if name in known}
