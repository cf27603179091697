"""Where each call's records stand: a look-up derived from the ledger, to be thrown away and built again at will.

It never holds anything that the ledger does not; a call that it does not know is looked for again after catching up.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from caveat.errors import CaveatError, Unavailable
from caveat.ledger.reader import LedgerReader
from caveat.record import CALL_KINDS, read_leaf

_SCHEMA = """
create table if not exists seen (origin text primary key, size integer not null);
create table if not exists call (id text not null, kind text not null, at integer not null, primary key (id, kind));
"""
_BATCH = 5_000


class Places(Struct, frozen=True):
    """Indices of a call's records by kind: opened, settled, refused."""

    at: dict[str, int]


class Index:
    """index.sqlite of a home.  Safe to use from any thread; each use opens its own connection."""

    def __init__(self, path: Path, reader: LedgerReader) -> None:
        self._path = path
        self._reader = reader

    def find(self, call: str) -> Places:
        """Where the call's records stand; empty where the ledger has none.  Catches up with the ledger first."""
        try:
            with sqlite3.connect(self._path) as base:
                base.executescript(_SCHEMA)
                self._catch_up(base)
                rows = base.execute("select kind, at from call where id = ?", (call,)).fetchall()
        except sqlite3.DatabaseError as error:
            raise Unavailable(
                f"the index of calls cannot be used: {error}",
                hint="delete index.sqlite; it is built again from the ledger",
            ) from None
        return Places(dict(rows))

    def _catch_up(self, base: sqlite3.Connection) -> None:
        row = base.execute("select size from seen where origin = ?", (self._reader.origin,)).fetchone()
        start, end = (row[0] if row else 0), self._reader.size()
        while start < end:
            stop = min(start + _BATCH, end)
            base.executemany("insert or replace into call values (?, ?, ?)", self._rows(start, stop))
            base.execute("insert or replace into seen values (?, ?)", (self._reader.origin, stop))
            base.commit()
            start = stop

    def _rows(self, start: int, stop: int) -> Iterator[tuple[str, str, int]]:
        for index, entry in self._reader.entries(start, stop):
            try:
                leaf = read_leaf(entry.leaf)
            except CaveatError:
                continue  # a foreign leaf is fsck's to report, not a call
            if leaf.k in CALL_KINDS:
                yield leaf.call, leaf.k, index
