"""What the scratch gateway's ledger says of each call: read from its files, as an outsider would."""

from typing import Any

from msgspec import Struct

from caveat import record
from caveat.gateway.home.directory import Home
from caveat.ledger.reader import LedgerReader


class Recorded(Struct, frozen=True):
    """One call.  `request` and `reply` are the decisions on record, {} where there is none; `ending` how it ended; `done`
    what is on record of each duty."""

    request: dict[str, Any]
    reply: dict[str, Any]
    ending: str
    done: tuple[dict[str, Any], ...] = ()

    def of(self, duty: str) -> dict[str, Any]:
        """What was done about a duty that says so in a table, {} where nothing is on record."""
        found = [one["done"] for one in self.done if one["duty"] == duty and isinstance(one["done"], dict)]
        return found[0] if found else {}

    @property
    def held(self) -> frozenset[str]:
        """Every clause that held, of the request or of the reply."""
        return frozenset(self.request.get("held", ())) | frozenset(self.reply.get("held", ()))

    @property
    def asked(self) -> frozenset[str]:
        """The clauses that held of the request."""
        return frozenset(self.request.get("held", ()))


def read_recorded(home: Home) -> dict[str, Recorded]:
    """By call."""
    found: dict[str, dict[str, Any]] = {}
    reader = LedgerReader(home.ledger, home.vault)
    for _, entry in reader.entries():
        leaf = record.read_leaf(entry.leaf)
        if leaf.k not in record.CALL_KINDS:
            continue
        opened = record.disclosed(leaf, record.read_aside(entry.aside).d) if entry.aside else {}
        call = found.setdefault(leaf.call, {"request": {}, "reply": {}, "ending": ""})
        if leaf.k == "opened":
            call["request"] = opened["decision"]
        elif leaf.k == "settled":
            call.update(ending=leaf.o, reply=opened.get("decision", {}), done=tuple(opened.get("duties", ())))
        else:
            call["ending"] = leaf.o
    return {call: Recorded(**values) for call, values in found.items()}
