"""The walk over the records of a range: what each says is checked against everything that came before it.

Rules of this file: what a record says by itself was read before (reading.py); records come in the order of their indices; a
record that fails one check still goes through the others that do not need it.
"""

from collections import Counter
from typing import Any

import msgspec

from caveat.errors import NotVerified
from caveat.evidence.bundle import Bundle
from caveat.evidence.calls import Calls
from caveat.evidence.history import History
from caveat.evidence.manifest import Counts, Opened
from caveat.evidence.profiles import Profile
from caveat.evidence.reading import FOLLOWS, LATER, WITHHELD, WRONG, Names, Read, Said
from caveat.evidence.replay import Replay, Replayed
from caveat.evidence.report import Findings
from caveat.evidence.uses import Uses, in_force
from caveat.evidence.watch import Watch
from caveat.record import CONTROL, Leaf, read_leaf
from caveat.terms.document import Terms

NOTHING = Replayed(None, None)


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
        self._looks = tuple(watch.record for watch in watches if watch.LOOKS)
        self._withheld = frozenset(bundle.manifest.withheld)
        self.closed: set[str] = set()
        self._names: Counter[Names] = Counter()

    def control(self, index: int, data: bytes) -> None:
        """A control record outside the range."""
        try:
            leaf = read_leaf(data)
        except NotVerified as error:
            self._findings.fail(5, f"record {index}: {error.message}", index)
            return
        if leaf.k != CONTROL:
            self._findings.fail(6, f"record {index}: the manifest calls it a control record, and it is none", index)
        else:
            self._fold(index, leaf)

    def stretch(self, start: int, read: Read) -> None:
        """The records of a stretch of the range, from `start` on.  Raises NotVerified where it ended too soon."""
        committed = [dict.fromkeys(made, "") for made, _ in read.names]
        for index, said in enumerate(read.said, start=start):
            for step, words in said.problems:
                self._findings.fail(step, words, index)
            if said.leaf is not None:
                leaf = said.leaf
                self._names[read.names[said.names]] += 1
                if committed[said.names]:
                    msgspec.structs.force_setattr(leaf, "c", committed[said.names])
                self._record(index, leaf, said, read)
        self.replay.engines |= read.engines
        if read.error:
            raise NotVerified(read.error, step="tiles")

    def _record(self, index: int, leaf: Leaf, said: Said, read: Read) -> None:
        self.counts.add(leaf)
        values = read.values[said.values]
        for look in self._looks:
            look(index, leaf, values)
        match leaf.k:
            case "control":
                self.controls.append(index)
                self._fold(index, leaf)
            case "opened":
                self._begin(index, leaf, said, read)
            case "settled":
                self._settle(index, leaf, said, read)
            case _:
                self._refused(index, leaf)

    def finish(self, unread: str) -> None:
        """The range is over.  `unread`: why disclosures.jsonl could not be read to its end, "" where it was."""
        if unread:
            self._findings.fail(9, unread)
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

    def _begin(self, index: int, leaf: Leaf, said: Said, read: Read) -> None:
        terms = self._terms(index, leaf)
        self._spend(index, leaf)
        replayed = NOTHING
        try:
            if said.outcome == LATER:
                lifts = in_force(self.history.register)
                replayed = self.replay.request(leaf, read.whole.get(index, {}), terms, lifts)
            else:
                self._take(said)
                decision = read.decisions[said.decision] if said.decision >= 0 else None
                replayed = Replayed(decision, read.facts.get(index), leaf.w)
        except NotVerified as error:
            self._findings.fail(10, f"record {index}: {error.message}", index)
        self.calls.begin(index, leaf, replayed)

    def _take(self, said: Said) -> None:
        """What came of a decision that was made again where its record was read.  Raises NotVerified."""
        self.replay.replayed += said.outcome == FOLLOWS
        self.replay.withheld += said.outcome == WITHHELD
        if said.outcome == WRONG:
            raise NotVerified(said.why, step="replay")

    def _spend(self, index: int, leaf: Leaf) -> None:
        if not leaf.w:
            return
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

    def _settle(self, index: int, leaf: Leaf, said: Said, read: Read) -> None:
        self.uses.settled(leaf)
        self._spend(index, leaf)
        try:
            pending = self.calls.settle(index, leaf)
        except NotVerified as error:
            self._findings.fail(11, f"record {index}: {error.message}", index)
            return
        last = None
        try:
            if said.outcome == LATER:
                asked = Replayed(pending.decision, pending.facts, pending.spends) if pending else NOTHING
                last = self._last(leaf, read.whole.get(index, {}), asked)
            else:
                self._take(said)
                last = read.decisions[said.decision] if said.decision >= 0 else None
        except NotVerified as error:
            self._findings.fail(10, f"record {index}: {error.message}", index)
        try:
            released = pending is not None and self.uses.releases(pending.spends)
            self.calls.judge(leaf, pending.decision if pending else None, last, released=released)
        except NotVerified as error:
            self._findings.fail(11, f"record {index}: {error.message}", index)

    def _last(self, leaf: Leaf, values: dict[str, Any], asked: Replayed) -> Any:
        """The last decision over a reply, made again here."""
        return self.replay.reply(leaf, values, asked, self.history.terms.get(leaf.terms), self.history.granted)

    def _refused(self, index: int, leaf: Leaf) -> None:
        if leaf.o != "denied" or leaf.tok is not None or leaf.terms:
            self._findings.fail(11, f"record {index}: a refused call can only have ended `denied`", index)
