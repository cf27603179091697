"""Taking on record what seals say beside calls: their beats, and tickets that came by no call's reply.

Rules of this file: a beat goes on record behind every ticket that it counts, so that whoever reads the records up to it
misses none; a ticket that an outcome bears already is left out where that is known, and does no harm where it is not;
the seal forgets only what is on record.
"""

import asyncio
from contextlib import suppress

import msgspec

from caveat import record
from caveat.errors import CaveatError, NotVerified, Unavailable
from caveat.gateway.house.house import House
from caveat.gateway.index.follow import Index
from caveat.gateway.upstream.client import HttpUpstream
from caveat.gateway.upstream.sealing import Sealer
from caveat.ledger.reader import LedgerReader
from caveat.meter.beat import Tickets
from caveat.meter.ticket import read_ticket
from caveat.seal.seal import Line, Report, Told

PAUSE_S = 2.0


class Collector:
    """Everything that seals say to one house, on record.  Runs where the ledger is written."""

    def __init__(self, house: House, index: Index, reader: LedgerReader) -> None:
        self._house = house
        self._index = index
        self._reader = reader

    async def run(self, upstreams: list[HttpUpstream]) -> None:
        """Collect from each of these until cancelled."""
        await asyncio.gather(*(self._keep_collecting(upstream) for upstream in upstreams))

    async def _keep_collecting(self, upstream: HttpUpstream) -> None:
        while True:
            with suppress(CaveatError):  # told at the next call, or tried again
                await self.collect(upstream)
            await asyncio.sleep(PAUSE_S)

    async def collect(self, upstream: HttpUpstream, *, beat: bool = False) -> int:
        """Take on record what the seal before that upstream has to say, after a fresh `beat` where that is wanted; how many
        beats that were.  Raises Unavailable, NotVerified."""
        sealer = upstream.sealer
        if sealer is None or sealer.key.text not in self._house.view.register.seals:
            return 0  # no terms enrol it, so its word does not count here
        async with self._house.collecting:
            return await self._collect(upstream, sealer, beat=beat)

    async def _collect(self, upstream: HttpUpstream, sealer: Sealer, *, beat: bool) -> int:
        if beat:
            await _asked(upstream, "beat")
        status, said = await upstream.tell_seal("report", method="GET")
        if status != 200:
            raise Unavailable(f"the seal before `{upstream.name}` does not say what it has counted")
        lines = _read(said).lines
        for line in lines:
            await self._take(sealer.key.name, line)
        if lines:
            told = msgspec.json.encode(Told(lines[-1].boot, lines[-1].beat))
            await _asked(upstream, "told", told)
        return len(lines)

    async def _take(self, seal: str, line: Line) -> None:
        missing = [text for text in line.tickets if text not in self._house.tickets]
        missing = await asyncio.to_thread(self._not_on_record, missing)
        if missing:
            await self._house.amend("meter.tickets", seal, msgspec.json.encode(Tickets(tuple(missing))))
        known = self._house.view.register.meters.get(seal)
        if known is None or (known.boot, known.beat) != (line.boot, line.beat):
            await self._house.amend("meter.beat", seal, line.note.encode())
        self._house.tickets.difference_update(line.tickets)

    def _not_on_record(self, tickets: list[str]) -> list[str]:
        return [text for text in tickets if not self._on_record(text)]

    def _on_record(self, text: str) -> bool:
        """Whether the call's outcome, as far as it is published, bears this ticket."""
        try:
            at = self._index.find(read_ticket(text).call).at.get("settled", -1)
            return at >= 0 and record.read_leaf(self._reader.entry(at).leaf).m == text
        except CaveatError:
            return False


async def _asked(upstream: HttpUpstream, page: str, body: bytes = b"") -> None:
    status, _ = await upstream.tell_seal(page, body)
    if status != 200:
        raise Unavailable(f"the seal before `{upstream.name}` does not answer as it should")


def _read(said: bytes) -> Report:
    try:
        return msgspec.json.decode(said, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotVerified("what a seal tells cannot be read", step="seal") from None
