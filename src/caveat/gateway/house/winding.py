"""Winding down: what becomes of calls that run when a party ends their terms.

Rules of this file: calls under terms that were replaced by a newer version run on; those under terms that ended are cut
once the seconds that the terms grant have passed, and not at all where they say nothing of it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from caveat.gateway.house.watch import Watch
from caveat.register import Register
from caveat.terms.document import Terms
from caveat.wire.reply import Halt

HALT = Halt("terms_ended", "a party has ended the terms that this call ran under, and they say that it is cut")


class Running:
    """The calls of this process that are at their models, by the pair that they were decided under, with their times."""

    def __init__(self) -> None:
        self._terms: dict[str, Terms] = {}
        self._calls: dict[str, dict[Watch, int]] = {}

    @contextmanager
    def entered(self, terms: Terms, watch: Watch, at_ms: int) -> Iterator[None]:
        """While a call runs that began then."""
        self._terms[terms.digest] = terms
        calls = self._calls.setdefault(terms.digest, {})
        calls[watch] = at_ms
        try:
            yield
        finally:
            del calls[watch]
            if not calls:
                self._terms.pop(terms.digest, None)
                self._calls.pop(terms.digest, None)

    def wind_down(self, register: Register, now_ms: int) -> None:
        """What is in force has changed: cut, in time, what runs under terms that a party or the operator has ended."""
        for pair, terms in self._terms.items():
            ends_ms = _ends(register, terms, now_ms)
            if ends_ms is not None and terms.draft.cut_after_s is not None:
                wait = max(0.0, (ends_ms - now_ms) / 1000 + terms.draft.cut_after_s)
                asyncio.get_running_loop().call_later(wait, self._cut, pair, ends_ms)

    def _cut(self, pair: str, ends_ms: int) -> None:
        """End the calls that began before; those after it run under what the terms grant beyond their end."""
        for watch, at_ms in list(self._calls.get(pair, {}).items()):
            if at_ms <= ends_ms:
                watch.cut()


def _ends(register: Register, terms: Terms, now_ms: int) -> int | None:
    """When terms that a call runs under end, or have ended; None where they have not, or a newer version holds."""
    lease = register.leases.get(terms.digest)
    if terms.draft.id in register.ended and register.newest.get(terms.draft.id, (0, ""))[1] == terms.digest:
        return now_ms
    return lease.until_ms if lease is not None and lease.revoked_by else None
