"""The seals' counts against the ledger, kept up to date beside the index: what `caveat verify` finds in a bundle, found here as
it comes.

Rules of this file: the comparing is the verifier's own (evidence/reconcile.py); it runs in the process that keeps the index;
what it finds stands in the index, derived like all that is there; after a new start it goes on a little before the place
where it was, and finds the same again.
"""

import sqlite3
from pathlib import Path
from typing import Final

from caveat import record
from caveat.errors import CaveatError
from caveat.evidence.history import History
from caveat.evidence.reconcile import NEVER_SENT, Reconciliation
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.index.base import opened
from caveat.gateway.index.rows import OUTCOMES
from caveat.gateway.index.write import BATCH, alone, catch_up, seen
from caveat.ledger.reader import LedgerReader
from caveat.record import Leaf
from caveat.register import Register, fold

END: Final = 2**62
BEAT: Final = "meter.beat"
BEATS: Final = "select at, id from control where what = ? and at < ? order by at"
CONTROLS: Final = "select at from control where at >= ? and at < ? order by at"
BEFORE: Final = "before the range"
"""In a sentence about what a range that does not begin with the log cannot tell."""
SILENT: Final = "was silent"
"""In a sentence about a seal that ran and said nothing."""

Found = tuple[str, str, int, int]
"""A sentence, its kind (gap, silent or note), the record that it is about (-1 for none), the time on record."""


class Metering:
    """Over one home's ledger, in the one process that writes its index."""

    def __init__(self, home: Home, reader: LedgerReader) -> None:
        self._path = home.index
        self._reader = reader
        self._documents = Documents(home.control)
        self._plain, self._looked = Register(), 0
        self._begin(0)

    def _begin(self, start: int) -> None:
        self._start = start
        self._begun = False
        self._history = History()
        self._found: list[Found] = []
        self._beats: dict[str, tuple[int, int]] = {}
        self._now = 0
        self._counted = Reconciliation(
            lambda: self._history, lambda: range(self._start, END), self._gap, lambda words, _: self._note(words)
        )
        self._counted.earlier = self._earlier

    def _gap(self, words: str, index: int) -> None:
        self._found.append((words, "gap", index, self._now))

    def _note(self, words: str) -> None:
        if BEFORE not in words:  # what stands before was looked at before
            self._found.append((words, "silent" if SILENT in words else "note", -1, self._now))

    def _earlier(self, call: str, index: int) -> None:
        """A counted call that began before the place where this start took up: the index knows it, or nothing does."""
        row = self._base.execute("select outcome, settled from call where id = ?", (bytes.fromhex(call),)).fetchone()
        if row is None:
            self._counted.no_record(call, index)
        elif OUTCOMES[row[0]] in NEVER_SENT:
            self._counted.not_sent(row[1], index)

    def advance(self) -> None:
        """Look at all that the index has seen since the last time.  Raises NotVerified, Unavailable."""
        with opened(self._path, writing=True) as base:
            self._base = base
            size, done = seen(base, self._reader.origin), _done(base, self._reader.origin)
            if done > size:  # another ledger lies here now
                base.execute("delete from gap")
                self._plain, self._looked, self._begun, done = Register(), 0, False, 0
            if not self._begun:
                done = self._take_up(base, done, size)
            for index, entry in self._reader.entries(done, size):
                self._take(index, entry.leaf)
                if (index + 1) % BATCH == 0:
                    self._write(base, index + 1)
            self._write(base, size)

    def _take_up(self, base: sqlite3.Connection, done: int, size: int) -> int:
        """Where to go on: at the second newest beat of each seal before the place that was reached; where there was none, at
        the record that enrols the first seal; at the end where no terms do."""
        beats: dict[str, list[int]] = {}
        for at, seal in base.execute(BEATS, (BEAT, done)):
            beats.setdefault(seal, []).append(at)
        start = min((places[-2:][0] for places in beats.values()), default=-1)
        if start < 0 and not self._enrols(base, size):
            return size
        self._begin(max(start, 0))
        start = self._looked if start < 0 else start
        self._begun = True
        for (at,) in base.execute(CONTROLS, (0, start)).fetchall():
            self._control(at, record.read_leaf(self._reader.entry(at).leaf))
        return start

    def _enrols(self, base: sqlite3.Connection, size: int) -> bool:
        """Whether the records so far enrol a seal; the first one that does stands at `_looked`."""
        for (at,) in base.execute(CONTROLS, (self._looked, size)).fetchall():
            leaf = record.read_leaf(self._reader.entry(at).leaf)
            self._plain = fold(self._plain, leaf, at, self._documents.read(leaf.doc) if leaf.doc else b"")
            if self._plain.seals:
                self._looked = at
                return True
        self._looked = size
        return False

    def _take(self, index: int, data: bytes) -> None:
        try:
            leaf = record.read_leaf(data)
        except CaveatError:
            return  # a foreign leaf is fsck's to report
        self._now = leaf.t
        self._counted.record(index, leaf, {})
        if leaf.k == record.CONTROL:
            self._control(index, leaf)

    def _control(self, index: int, leaf: Leaf) -> None:
        document = self._documents.read(leaf.doc) if leaf.doc else b""
        self._history.add(index, leaf, document)
        self._counted.control(index, leaf, document)
        if leaf.what == BEAT:
            self._beats[leaf.id] = (self._beats.get(leaf.id, (index, index))[1], index)
            self._counted.judge(min(before for before, _ in self._beats.values()))

    def _write(self, base: sqlite3.Connection, size: int) -> None:
        base.execute("begin immediate")
        base.executemany("insert or ignore into gap values (?, ?, ?, ?)", self._found)
        base.execute("insert or replace into metered values (?, ?)", (self._reader.origin, size))
        base.execute("commit")
        self._found.clear()


def _done(base: sqlite3.Connection, origin: str) -> int:
    found = base.execute("select size from metered where origin = ?", (origin,)).fetchone()
    return int(found[0]) if found else 0


def metered(home: Home, reader: LedgerReader) -> Path:
    """The index with what the seals' counts show, brought up to date unless a process keeps it; its path."""
    with alone(home.index) as mine:
        if mine:
            catch_up(home.index, reader)
            Metering(home, reader).advance()
    return home.index
