"""The index's one writer: it takes the ledger's records in and keeps up with them.

Rules of this file: one writer at a time, whichever process it is in (a lock beside the base, which ends with its holder);
what a batch holds is in the base whole or not at all, with the size up to which it was seen; a batch is small enough that
whoever reads sees progress.
"""

import fcntl
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caveat.gateway.index.base import ORDERS, opened
from caveat.gateway.index.rows import OUTCOME, First, Last, row
from caveat.ledger.reader import LedgerReader
from caveat.record import Leaf

BATCH = 20_000
"""Records in one transaction."""
FEW = 50_000
"""A build of no more than this keeps the orders while it runs."""
MINUTE, QUARTER, HOUR = 60, 900, 3600
HELD = "select 1 from held where clause = ? and at = ?"
CALL = "insert or replace into call values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
DIMENSIONS = ("caller", "purpose", "model", "rank")
LET = {"allow": "completed", "hold": "held"}
"""What a clause that held of a request counts under: the call was let through, held, else denied."""

Progress = Callable[[int, int], None]
"""(records seen, records there are)"""


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Whether this is the one writer now; it is until the end of the block."""
    handle = os.open(path.with_name(path.name + "-lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def catch_up(path: Path, reader: LedgerReader, progress: Progress = lambda _seen, _size: None) -> int:
    """Take in what the ledger has and the index has not; the size then.  Call it as the one writer (`alone`).

    Raises Unavailable, NotVerified for a ledger whose bytes do not lead to its root.
    """
    with opened(path, writing=True) as base:
        start, end = seen(base, reader.origin), reader.size()
        if end < start:  # another ledger lies here now
            _forget(base)
            start = 0
        if end - start <= FEW:
            base.executescript(ORDERS)
        batch = _Batch(base, reader.origin)
        for index, entry in reader.entries(start, end):
            batch.take(index, row(entry))
            if (index + 1) % BATCH == 0:
                batch.write(index + 1)
                progress(index + 1, end)
        batch.write(end)
        if end - start > FEW:
            base.executescript(ORDERS)
        progress(end, end)
        return end


def seen(base: sqlite3.Connection, origin: str) -> int:
    """How many of the ledger's records the base holds."""
    found = base.execute("select size from seen where origin = ?", (origin,)).fetchone()
    return int(found[0]) if found else 0


def _forget(base: sqlite3.Connection) -> None:
    for table in ("seen", "call", "held", "tally", "control", "spend", "word", "metered", "gap"):
        base.execute(f"delete from {table}")  # noqa: S608 - names of ours


class _Batch:
    """Rows on their way into the base."""

    def __init__(self, base: sqlite3.Connection, origin: str) -> None:
        self._base = base
        self._origin = origin
        self._words = {(kind, text): n for n, kind, text in base.execute("select n, kind, text from word")}
        self._clear()

    def _clear(self) -> None:
        self._new_words: list[tuple[int, str, str]] = []
        self._calls: dict[int, list[Any]] = {}
        self._ends: list[tuple[Any, ...]] = []
        self._held: set[tuple[int, int]] = set()
        self._controls: list[tuple[Any, ...]] = []
        self._tally: Counter[tuple[int, int, str, int, int]] = Counter()
        self._settled: list[tuple[int, Last]] = []
        self._spent: list[tuple[str, int]] = []

    def take(self, index: int, found: First | Last | Leaf | None) -> None:
        """One record."""
        if found is not None:
            leaf = found if isinstance(found, Leaf) else found.leaf
            self._spent += [(lift, index) for lift in leaf.w]
        match found:
            case First():
                self._first(index, found)
            case Last():
                self._settled.append((index, found))
            case Leaf():
                self._controls.append((index, found.t, found.what, found.id, found.doc))

    def _first(self, index: int, call: First) -> None:
        leaf, outcome = call.leaf, OUTCOME["denied" if call.leaf.k == "refused" else "running"]
        words = [
            self._word(kind, text)
            for kind, text in (
                ("verdict", call.verdict),
                ("rule", call.rule),
                ("caller", call.caller),
                ("purpose", call.purpose),
                ("model", call.model),
                ("case", call.case),
                ("terms", leaf.terms),
                ("dialect", call.dialect),
            )
        ]
        id_, kind = bytes.fromhex(leaf.call), int(leaf.k == "refused")
        rank = call.rank if call.rank >= 0 else None
        self._calls[index] = [
            index, id_, kind, leaf.t, None, outcome, *words, rank, call.streams, None, None, call.waived,
        ]  # fmt: skip
        self._hold(call.held, index, leaf.t, OUTCOME[LET.get(call.verdict, "denied")])
        if leaf.k == "refused":
            self._count(leaf.t, outcome, (words[2], None, None, None))

    def write(self, size: int) -> None:
        """Put all that was taken into the base, with the size that it reaches."""
        base = self._base
        base.execute("begin immediate")
        try:
            for index, last in self._settled:
                self._settle(index, last)
            base.executemany("insert or ignore into word values (?, ?, ?)", self._new_words)
            base.executemany(CALL, self._calls.values())
            base.executemany("update call set settled = ?, outcome = ?, tin = ?, tout = ? where at = ?", self._ends)
            base.executemany("insert or ignore into held values (?, ?)", sorted(self._held))
            base.executemany("insert or ignore into spend values (?, ?)", self._spent)
            base.executemany("insert or replace into control values (?, ?, ?, ?, ?)", self._controls)
            base.executemany(
                "insert into tally values (?, ?, ?, ?, ?, ?) on conflict do update set n = n + excluded.n",
                [(unit, start, dim, word, outcome, n) for (unit, start, dim, word, outcome), n in self._tally.items()],
            )
            base.execute("insert or replace into seen values (?, ?)", (self._origin, size))
            base.execute("commit")
        except BaseException:
            base.execute("rollback")
            raise
        self._clear()

    def _settle(self, index: int, last: Last) -> None:
        leaf = last.leaf
        at = leaf.at if leaf.at >= 0 else index - 1
        outcome, tokens = OUTCOME.get(leaf.o, OUTCOME["unknown"]), leaf.tok
        tokens_in, tokens_out = tokens if tokens is not None else (None, None)
        mine = self._calls.get(at)
        if mine is not None:
            mine[4], mine[5], mine[16], mine[17] = index, outcome, tokens_in, tokens_out
            about = mine[8], mine[9], mine[10], mine[14]
        else:
            found = self._base.execute("select caller, purpose, model, rank from call where at = ?", (at,)).fetchone()
            if found is None:
                return  # its first record is foreign
            about = found
            self._ends.append((index, outcome, tokens_in, tokens_out, at))
        self._hold(last.held, at, leaf.t, outcome)
        self._count(leaf.t, outcome, about, tokens)

    def _hold(self, clauses: tuple[str, ...], at: int, t: int, outcome: int) -> None:
        """Clauses that held: those of the request count by what was decided, those that a reply brought by its end."""
        hour, quarter = t // 3_600_000 * HOUR, t // 900_000 * QUARTER
        for id_ in clauses:
            word = self._word("clause", id_)
            assert word is not None
            if (word, at) not in self._held and (at in self._calls or not self._known(word, at)):
                self._held.add((word, at))
                self._tally[HOUR, hour, "clause", word, outcome] += 1
                if quarter != hour:  # days of some zones begin within an hour
                    self._tally[QUARTER, quarter, "clause", word, outcome] += 1

    def _known(self, word: int, at: int) -> bool:
        return self._base.execute(HELD, (word, at)).fetchone() is not None

    def _count(
        self, t: int, outcome: int, about: tuple[int | None, ...], tokens: tuple[int, int] | None = None
    ) -> None:
        """One call that has ended, by minute and hour; `about` is caller, purpose, model, rank."""
        hour = t // 3_600_000 * HOUR
        self._tally[MINUTE, t // 60_000 * MINUTE, "all", 0, outcome] += 1
        self._tally[HOUR, hour, "all", 0, outcome] += 1
        for dim, n in zip(("tokens_in", "tokens_out"), tokens or (0, 0), strict=True):
            if n and about[0] is not None:
                self._tally[HOUR, hour, dim, about[0], outcome] += n
        for dim, word in zip(DIMENSIONS, about, strict=True):
            if word is not None:
                self._tally[HOUR, hour, dim, word, outcome] += 1

    def _word(self, kind: str, text: str) -> int | None:
        if not text:
            return None
        known = self._words.get((kind, text))
        if known is None:
            known = self._words[kind, text] = len(self._words) + 1
            self._new_words.append((known, kind, text))
        return known
