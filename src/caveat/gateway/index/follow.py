"""Where each call's records stand: derived from the ledger, to be thrown away and built again at will.

It never holds anything that the ledger does not.  While a gateway runs, a process of its own keeps it (indexing.py), and
whoever looks meanwhile reads the newest records from the ledger itself.
"""

import re
from pathlib import Path

from msgspec import Struct

from caveat.errors import CaveatError, Unavailable
from caveat.gateway.index.base import opened, ready
from caveat.gateway.index.write import alone, catch_up, seen
from caveat.ledger.reader import LedgerReader
from caveat.record import CALL_KINDS, read_leaf

MOST_UNSEEN = 100_000
"""So many of the newest records are looked through for a call that the index does not know."""
ID = re.compile(r"[0-9a-f]{32}")


class Places(Struct, frozen=True):
    """Indices of a call's records by kind: opened, settled, refused."""

    at: dict[str, int]


class Index:
    """index.sqlite of a home.  Safe to use from any thread; each use opens its own connection.

    `followed` says that another process keeps it up to date: then nothing is written here.
    """

    def __init__(self, path: Path, reader: LedgerReader, *, followed: bool = False) -> None:
        self.path = path
        self.reader = reader
        self._followed = followed

    def refresh(self) -> None:
        """See to it that the index can be asked.  Raises Unavailable while it is being built for the first time."""
        if not self._followed:
            with alone(self.path) as mine:
                if mine:
                    catch_up(self.path, self.reader)
        if not ready(self.path):
            raise Unavailable("the index of calls is being built", hint="`caveat ledger index` shows how far it is")

    def find(self, call: str) -> Places:
        """Where the call's records stand; empty where the ledger has none.

        Raises Unavailable where index.sqlite cannot be used.
        """
        if not ID.fullmatch(call):
            return Places({})
        if not self._followed:
            self.refresh()
        start, found = self._kept(call)
        if "settled" not in found and "refused" not in found:
            found |= self._newest(call, start)
        return Places(found)

    def controls(self) -> tuple[int, ...]:
        """Indices of the control records that it has seen, ascending."""
        self.refresh()
        with opened(self.path) as base:
            return tuple(at for (at,) in base.execute("select at from control order by at"))

    def _kept(self, call: str) -> tuple[int, dict[str, int]]:
        """How many records the index has seen, and where it has the call."""
        if not ready(self.path):
            return 0, {}
        with opened(self.path) as base:
            row = base.execute("select at, kind, settled from call where id = ?", (bytes.fromhex(call),)).fetchone()
            start = seen(base, self.reader.origin)
        if row is None:
            return start, {}
        at, kind, settled = row
        found = {"refused" if kind else "opened": at}
        return start, found if settled is None else {**found, "settled": settled}

    def _newest(self, call: str, start: int) -> dict[str, int]:
        """The call among the records that the index has not seen."""
        found: dict[str, int] = {}
        size = self.reader.size()
        if size - start > MOST_UNSEEN:
            raise Unavailable(
                f"the index of calls has seen {start} of {size} records",
                hint="`caveat ledger index` shows how far it is",
            )
        for index, entry in self.reader.entries(start, size):
            try:
                leaf = read_leaf(entry.leaf)
            except CaveatError:
                continue  # a foreign leaf is fsck's to report, not a call
            if leaf.k in CALL_KINDS and leaf.call == call:
                found[leaf.k] = index
        return found
