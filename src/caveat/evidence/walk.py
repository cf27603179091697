"""The walk over the records of a range: what each says is checked against everything that came before it.

Rule of this file: the bytes are known to be the log's when they come here; records come in the order of their indices;
a record that fails one check still goes through the others that do not need it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from caveat.decide.decision import Decision
from caveat.errors import NotVerified
from caveat.evidence.bundle import Bundle, Disclosure
from caveat.evidence.calls import Calls
from caveat.evidence.history import History
from caveat.evidence.manifest import Counts, Opened
from caveat.evidence.profiles import Profile
from caveat.evidence.replay import GROUPS, Replay, Replayed
from caveat.evidence.report import Findings
from caveat.evidence.uses import Uses, in_force
from caveat.evidence.watch import Watch
from caveat.record import CONTROL, Leaf, disclosed, read_leaf
from caveat.terms.document import Terms

NOTHING = Replayed(None, None)
OBJECTS: Final = frozenset({*GROUPS, "request", "decision"})
NONE: Final[frozenset[str]] = frozenset()
MUST_COMMIT: Final = {
    "opened": frozenset({*GROUPS, "decision", "request"}),
    "completed": frozenset({"reply", "decision", "answer"}),
    "stopped": frozenset({"reply", "decision", "answer"}),
    "withheld": frozenset({"reply", "decision", "answer"}),
    "broken": frozenset({"reply", "decision", "answer"}),
    "aborted": frozenset({"reply", "decision", "answer"}),
}
"""What a record must commit to, by its kind or a call's ending: what was never committed to cannot be asked for later."""


class Walk:
    """Checks of steps 5, 6 and 8 to 12, record by record.  Failures go to `findings`; sums stay here."""

    def __init__(self, bundle: Bundle, profile: Profile, findings: Findings, watches: tuple[Watch, ...] = ()) -> None:
        self.counts = Counts()
        self.history = History()
        self.replay = Replay()
        self.uses = Uses()
        self.calls = Calls(bundle.manifest.start)
        self.controls: list[int] = []
        self.documents: set[str] = set()
        self._bundle = bundle
        self._profile = profile
        self._findings = findings
        self._watches = watches
        self._withheld = frozenset(bundle.manifest.withheld)
        self.closed: set[str] = set()
        self._names: Counter[tuple[tuple[str, ...], tuple[str, ...]]] = Counter()
        self._lines: Iterator[Disclosure] = bundle.disclosures()
        self._next = self._next_line()

    def control(self, index: int, data: bytes) -> None:
        """A control record outside the range."""
        leaf = self._read(index, data)
        if leaf is not None and leaf.k != CONTROL:
            self._findings.fail(6, f"record {index}: the manifest calls it a control record, and it is none", index)
        elif leaf is not None:
            self._fold(index, leaf)

    def record(self, index: int, data: bytes) -> None:
        """A record of the range."""
        leaf = self._read(index, data)
        if leaf is None:
            return
        self.counts.add(leaf)
        missing = MUST_COMMIT.get(leaf.o or leaf.k, NONE) - leaf.c.keys()
        if missing:
            self._findings.fail(
                5, f"record {index}: it does not commit to `{min(missing)}`, so it can never show it", index
            )
        values = self._values(index, leaf)
        shaped = self._shaped(index, values)
        for watch in self._watches:
            watch.record(index, leaf, shaped)
        match leaf.k:
            case "control":
                self.controls.append(index)
                self._fold(index, leaf)
            case "opened":
                self._begin(index, leaf, values)
            case "settled":
                self._settle(index, leaf, values)
            case _:
                self._refused(index, leaf)

    def finish(self) -> None:
        """The range is over: nothing disclosed may be left."""
        if self._next is not None:
            self._findings.fail(9, f"record {self._next.i} is disclosed, but is no readable record", self._next.i)
            for _ in iter(self._next_line, None):
                pass
        if self._bundle.disclosures_digest != self._bundle.manifest.disclosures:
            self._findings.fail(9, "`disclosures.jsonl` is not the file that the manifest names")

    def opened(self) -> dict[str, Opened]:
        """Commitments by name: how many were made, and how many are disclosed; what became of the others is not known."""
        opened: dict[str, Opened] = {}
        for (made, disclosed_), count in self._names.items():
            for name in made:
                opened.setdefault(name, Opened()).made += count
            for name in disclosed_:
                opened[name].disclosed += count
        return opened

    def _read(self, index: int, data: bytes) -> Leaf | None:
        try:
            return read_leaf(data)
        except NotVerified as error:
            self._findings.fail(5, f"record {index}: {error.message}", index)
            return None

    def _fold(self, index: int, leaf: Leaf) -> None:
        try:
            if leaf.doc in self._withheld:
                self._fold_closed(index, leaf)
                return
            if leaf.doc:
                self.documents.add(leaf.doc)
            document = self._bundle.document(leaf.doc) if leaf.doc else b""
            self.history.add(index, leaf, document)
            for watch in self._watches:
                watch.control(index, leaf, document)
        except NotVerified as error:
            self._findings.fail(6, f"record {index}: {error.message}", index)

    def _fold_closed(self, index: int, leaf: Leaf) -> None:
        """A control record whose document the profile keeps closed."""
        if leaf.what not in self._profile.closes:
            raise NotVerified(f"the document of `{leaf.what}` is withheld, which the profile does not do")
        self.closed.add(leaf.doc)
        self.history.add_closed(index, leaf)

    def _values(self, index: int, leaf: Leaf) -> dict[str, Any]:
        """What is disclosed of the record, found to be what it committed to."""
        values: dict[str, Any] = {}
        if self._next is not None and self._next.i == index:
            try:
                values = disclosed(leaf, self._next.d)
            except NotVerified as error:
                self._findings.fail(9, f"record {index}: {error.message}", index)
            self._next = self._next_line()
        self._names[tuple(leaf.c), tuple(values)] += 1
        for name in values:
            if not self._profile.shows(name):
                self._findings.fail(9, f"record {index}: `{name}` is disclosed, which the profile keeps closed", index)
        return values

    def _shaped(self, index: int, values: dict[str, Any]) -> dict[str, Any]:
        """The values without those that are not of the shape which their name stands for, so that no step stumbles."""
        odd = [name for name, value in values.items() if not _has_shape(name, value)]
        if not odd:
            return values
        for name in odd:
            self._findings.fail(5, f"record {index}: what it committed to as `{name}` is none", index)
        return {name: value for name, value in values.items() if name not in odd}

    def _next_line(self) -> Disclosure | None:
        try:
            return next(self._lines, None)
        except NotVerified as error:
            self._findings.fail(9, error.message)
            return None

    def _begin(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        terms = self._terms(index, leaf)
        self._spend(index, leaf)
        replayed = NOTHING
        try:
            replayed = self.replay.request(leaf, values, terms, in_force(self.history.register))
        except NotVerified as error:
            self._findings.fail(10, f"record {index}: {error.message}", index)
        self.calls.begin(index, leaf, replayed)

    def _spend(self, index: int, leaf: Leaf) -> None:
        try:
            self.uses.add(leaf, self.history.register, from_start=self._bundle.manifest.start == 0)
        except NotVerified as error:
            self._findings.fail(8, f"record {index}: {error.message}", index)

    def _terms(self, index: int, leaf: Leaf) -> Terms | None:
        """The terms that the record names, if they are in force at its place."""
        if not self.history.in_force(leaf.terms):
            self._findings.fail(
                8, f"record {index}: it names terms `{leaf.terms}`, which were not in force there", index
            )
        terms = self.history.terms.get(leaf.terms)
        if terms is not None and not terms.draft.valid_at(leaf.t):
            self._findings.fail(
                8, f"record {index}: terms `{terms.draft.name}` do not hold at the time it bears", index
            )
        return terms

    def _settle(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        self.uses.settled(leaf)
        self._spend(index, leaf)
        try:
            pending = self.calls.settle(index, leaf)
        except NotVerified as error:
            self._findings.fail(11, f"record {index}: {error.message}", index)
            return
        last = None
        try:
            asked = Replayed(pending.decision, pending.facts, pending.spends) if pending else NOTHING
            last = self.replay.reply(leaf, values, asked, self.history.terms.get(leaf.terms), self.history.granted)
        except NotVerified as error:
            self._findings.fail(10, f"record {index}: {error.message}", index)
        try:
            released = pending is not None and self.uses.releases(pending.spends)
            self.calls.judge(leaf, pending.decision if pending else None, last, released=released)
        except NotVerified as error:
            self._findings.fail(11, f"record {index}: {error.message}", index)

    def _refused(self, index: int, leaf: Leaf) -> None:
        if leaf.o != "denied" or leaf.tok is not None or leaf.terms:
            self._findings.fail(11, f"record {index}: a refused call can only have ended `denied`", index)


def _has_shape(name: str, value: Any) -> bool:
    """Whether a disclosed value is an object where its name stands for one, and a decision where it says so."""
    if name == "decision":
        try:
            msgspec.convert(value, Decision)
        except msgspec.ValidationError:
            return False
    return isinstance(value, dict) or name not in OBJECTS
