"""One seal's count against the ledger's records: every number once, boots in a row, sums that agree.

How it goes: tickets are taken in as records bring them; at each beat, those that it counts must all be there, and the chain of
their heads leads from the beat before to this one, so that the one signature of the beat stands for every ticket under it.
What comes behind the last beat is held by the tickets' own signatures.

Rules of this file: bytes and values in, sentences out; memory is bounded by the tickets between two beats; a sentence names
records by index, calls by boot and number, times as the seal's clock had them.
"""

from collections.abc import Callable, Iterable
from typing import Final

from caveat.errors import NotVerified
from caveat.evidence.boots import Boot, Held, less, place, runs, time, tokens
from caveat.keys import VerifyKey
from caveat.meter.beat import LAST_KINDS, Beat
from caveat.meter.ticket import Ticket

SILENT_MS: Final = 130_000
"""A seal that runs beats at least every minute; two missed ones are a silence that is named."""
MOST_AT_ONCE: Final = 5_000_000
"""Numbers between two beats; a beat that counts more is not believed, and nothing is kept for it."""
OFF_MS: Final = 10_000
"""A seal that was off for less was only started anew."""

Say = Callable[[str, int], None]
"""Takes a sentence, and the index of the record that it is about (-1 for none)."""


class SealCount:
    """What one seal counted, record by record.  `fail` and `limit` take what is found."""

    def __init__(self, name: str, fail: Say, limit: Say) -> None:
        self.name = name
        self.last: Beat | None = None
        self.beats = self.calls = 0
        self._fail = fail
        self._limit = limit
        self._boot = Boot(0)
        self._held: dict[str, Held] = {}
        self._numbers: dict[tuple[int, int], str] = {}
        self._recent: dict[str, Held] = {}
        self._quiet: Beat | None = None

    # --- tickets ---

    def ticket(self, index: int, ticket: Ticket, *, late: bool) -> bool:
        """A ticket in a record's clear fields; `late`: in a document of tickets that came by no outcome.  Whether it was not
        known before."""
        head = ticket.head
        known = self._held.get(head) or self._recent.get(head)
        if known is not None:
            if not (late or known.late):
                self._fail(f"records {known.index} and {index} bear one ticket, {place(ticket)}", index)
            return False
        other = self._numbers.get((ticket.boot, ticket.number))
        if other is not None:
            first = self._held[other].index if other in self._held else -1
            self._fail(f"records {first} and {index} bear different tickets under one number, {place(ticket)}", index)
            return True
        if ticket.boot < self._boot.number or (ticket.boot == self._boot.number and self._boot.has(ticket.number)):
            self._fail(f"record {index} bears {place(ticket)}, which was counted before", index)
            return True
        self._held[head] = Held(index, ticket, late)
        self._numbers[ticket.boot, ticket.number] = head
        return True

    # --- beats ---

    def baseline(self, beat: Beat) -> None:
        """A beat before the range: what it counts stands outside, and is another bundle's to show."""
        self.last = beat
        self._boot = Boot(beat.boot, whole=False)
        self._skip(beat)

    def _skip(self, beat: Beat) -> None:
        self._boot.upto = beat.open[0] - 1 if beat.open and beat.last - beat.open[0] < MOST_AT_ONCE else beat.last
        self._boot.more = set(range(self._boot.upto + 1, beat.last + 1)) - set(beat.open)

    def beat(self, index: int, beat: Beat, keys: Iterable[VerifyKey], *, first: bool) -> None:
        """A beat in the range.  `first`: the range does not begin with the log, and no beat of this seal came in it yet, so
        what is missing may stand before the range."""
        before = self.last
        if beat == before:
            return  # told twice: a gateway that was stopped in between took it up again
        self.beats += 1
        self._follows(index, beat, before)
        if before is None or beat.boot != before.boot:
            self._boot = Boot(beat.boot)
        self._silence(before, beat)
        taken = self._take(index, beat, keys, first=first)
        self._sums(index, beat)
        self._engine(index, beat)
        self._recent = {held.ticket.head: held for held in taken}
        self.last = beat

    def _follows(self, index: int, beat: Beat, before: Beat | None) -> None:
        at = f"record {index}"
        if before is None:
            if beat.total > beat.last or beat.beat != 1:
                counted = beat.total - beat.last
                self._fail(
                    f"{at}: the first beat on record is beat {beat.beat} of boot {beat.boot}; what came before it, "
                    f"{counted} calls of earlier boots among it, is not on record",
                    index,
                )
        elif beat.boot == before.boot:
            if beat.beat != before.beat + 1:
                self._fail(f"{at}: beat {before.beat} of boot {beat.boot} is followed by beat {beat.beat}", index)
            elif before.kind in LAST_KINDS:
                self._fail(f"{at}: boot {beat.boot} goes on after its end", index)
            elif beat.last < before.last or beat.total - before.total != beat.last - before.last:
                self._fail(f"{at}: the count went back within boot {beat.boot}", index)
        elif beat.boot < before.boot:
            self._fail(
                f"{at}: the seal's count went back from boot {before.boot} to boot {beat.boot}: its state was restored, or "
                "two run under one key",
                index,
            )
        else:
            self._next_boot(index, beat, before)

    def _next_boot(self, index: int, beat: Beat, before: Beat) -> None:
        at = f"record {index}"
        if beat.boot != before.boot + 1 or beat.kind != "open":
            self._fail(f"{at}: boot {before.boot} is followed by beat {beat.beat} of boot {beat.boot}", index)
        elif before.kind not in LAST_KINDS:
            self._fail(f"{at}: boot {beat.boot} begins, and boot {before.boot} was not told as ended", index)
        elif beat.previous != (before.last, before.head) or beat.total != before.total:
            self._fail(
                f"{at}: boot {beat.boot} names number {beat.previous[0]} as the last of the boot before it, and the record "
                f"has {before.last}",
                index,
            )

    def _silence(self, before: Beat | None, beat: Beat) -> None:
        if before is None:
            return
        pause = beat.at_ms - before.at_ms
        if beat.boot == before.boot and pause > SILENT_MS:
            self._limit(f"the seal was silent from {time(before.at_ms)} to {time(beat.at_ms)} (boot {beat.boot})", -1)
        elif beat.boot != before.boot and pause > OFF_MS:
            self._limit(
                f"the seal was off from {time(before.at_ms)} to {time(beat.at_ms)}, before boot {beat.boot}", -1
            )

    def _take(self, index: int, beat: Beat, keys: Iterable[VerifyKey], *, first: bool) -> list[Held]:
        """Everything that the beat counts and no beat before it did, on record and under its signature."""
        if beat.last - self._boot.upto > MOST_AT_ONCE:
            self._fail(f"record {index}: the beat counts {beat.last} calls, more than can be", index)
            self._boot = Boot(beat.boot, upto=beat.last, whole=False)
        wanted = {n for n in range(self._boot.upto + 1, beat.last + 1) if n not in self._boot.more} - set(beat.open)
        found = [self._held.pop(head) for n in sorted(wanted) if (head := self._numbers.pop((beat.boot, n), ""))]
        missing = wanted - {held.ticket.number for held in found}
        if missing:
            self._miss(index, beat, missing, first=first)
        if not self._chained(beat, found):
            self._check_each(found, keys, index, beat, broken=bool(missing))
        for held in found:
            self._boot.add(held.ticket)
        for number in missing:
            self._boot.more.add(number)
        self._boot.whole = self._boot.whole and not missing
        self.calls += len(found)
        return found

    def _miss(self, index: int, beat: Beat, missing: set[int], *, first: bool) -> None:
        since = f"between {time(self.last.at_ms)} and " if self.last and self.last.boot == beat.boot else "until "
        what = f"{runs(missing)} of boot {beat.boot}, counted {since}{time(beat.at_ms)}"
        if first:
            self._limit(f"calls that may stand before the range: {what}", -1)
        else:
            self._fail(f"record {index}: no record bears {what}", index)

    def _chained(self, beat: Beat, found: list[Held]) -> bool:
        """Whether the heads lead from the beat before through exactly these tickets to this beat."""
        by_head = {held.ticket.head: held.ticket.prev for held in found}
        start = self._start(beat)
        at = beat.head
        while at in by_head:
            at = by_head.pop(at)
        return not by_head and at == start

    def _start(self, beat: Beat) -> str:
        if self.last is not None and self.last.boot == beat.boot:
            return self.last.head
        return beat.previous[1]

    def _check_each(
        self, found: list[Held], keys: Iterable[VerifyKey], index: int, beat: Beat, *, broken: bool
    ) -> None:
        """The chain has a gap: each ticket by its own signature."""
        keys = tuple(keys)
        for held in found:
            _signed(held, keys, self._fail)
        if not broken:
            self._fail(f"record {index}: the tickets of boot {beat.boot} are not the ones that the seal chained", index)

    def _sums(self, index: int, beat: Beat) -> None:
        boot = self._boot
        if not boot.whole:
            return
        counted = (boot.tokens_in, boot.tokens_out)
        if (counted, boot.unmeasured) != (beat.tokens, beat.unmeasured):
            self._fail(
                f"record {index}: the tickets on record add up to {tokens(counted)}, the seal says {tokens(beat.tokens)}",
                index,
            )

    def _engine(self, index: int, beat: Beat) -> None:
        """The engine's own counters, from one quiet beat to the next."""
        if beat.engine is None or beat.open:
            return
        quiet, self._quiet = self._quiet, beat
        if quiet is None or quiet.engine is None or quiet.boot != beat.boot:
            return
        engine = less(beat.engine, quiet.engine)
        seal = less(beat.tokens, quiet.tokens)
        if min(engine) < 0:
            self._limit(f"the engine was started anew before {time(beat.at_ms)}, so its counters begin again there", -1)
        elif engine != seal and (beat.unmeasured == quiet.unmeasured or min(less(engine, seal)) < 0):
            self._fail(
                f"record {index}: from {time(quiet.at_ms)} to {time(beat.at_ms)} the engine counted {tokens(engine)}, and "
                f"{tokens(seal)} came through the seal",
                index,
            )

    # --- the end ---

    def finish(self, keys: Iterable[VerifyKey], newest_ms: int) -> int:
        """The range is over; how many tickets stand behind the last beat."""
        keys = tuple(keys)
        for held in self._held.values():
            _signed(held, keys, self._fail)
        if self.last is not None and newest_ms - self.last.at_ms > SILENT_MS and self.last.kind not in LAST_KINDS:
            self._limit(f"what the seal counted since {time(self.last.at_ms)}, its last beat", -1)
        return len(self._held)


def _signed(held: Held, keys: tuple[VerifyKey, ...], fail: Say) -> None:
    try:
        held.ticket.verify(keys)
    except NotVerified:
        fail(f"record {held.index}: the seal did not sign the ticket for {place(held.ticket)}", held.index)
