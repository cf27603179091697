"""The count itself: which boot this is, which numbers were given, which calls ended how; tickets and beats from it.

Rules of this file: numbers go up by one from 1 in each boot; a number is durable before the request is passed on, a ticket
before it is told; every number gets exactly one ticket, by the next start if the seal died under it; each ticket names the
one before it, over boots too; no boot begins before the one before it is told as ended.
"""

import time
from collections.abc import Callable
from typing import ClassVar, Final

from msgspec import Struct
from msgspec.structs import replace

from caveat.canon import b64, unb64
from caveat.errors import NotVerified, Refused
from caveat.keys import SigningKey
from caveat.meter.beat import LAST_KINDS, MOST_OPEN, Beat, open_beat, sign_beat
from caveat.meter.ticket import NOBODY_KNOWS, START, Counted, Ending, head_of, make_ticket, read_ticket
from caveat.seal.journal import Journal

CALLS_A_BEAT: Final = 1000


class Kept(Struct, frozen=True):
    """What is told to whoever asks what happened: a beat as signed, and the tickets that came since the beat before it."""

    boot: int
    beat: int
    note: bytes
    tickets: tuple[str, ...]


class Count:
    """One seal's count, over its journal.  Its boot begins with `begin`."""

    def __init__(self, journal: Journal, key: SigningKey, model: str) -> None:
        """Read what was counted before.  Raises NotVerified where the journal does not fit together."""
        self._journal = journal
        self._key = key
        self.kept: list[Kept] = []
        self.newest_ms = 0
        self._since: list[str] = []
        self._open: dict[int, Counted] = {}
        self._now = Beat(
            key.name, 0, 0, "close", 0, 0, (), START, (0, 0), 0, 0, None, 0, (0, START), model or "unknown", 0
        )
        self._model = self._now.model
        for line in journal.read():
            self._replay(line)

    # --- what is asked of it ---

    @property
    def boot(self) -> int:
        """This start's number, from 1."""
        return self._now.boot

    @property
    def running(self) -> int:
        """Calls that have a number and no ticket yet."""
        return len(self._open)

    @property
    def state(self) -> tuple[int, str]:
        """Changes with every number that is given and every ticket that is signed."""
        return self._now.last, self._now.head

    @property
    def due(self) -> bool:
        """Whether enough calls have ended for a beat."""
        return len(self._since) >= CALLS_A_BEAT

    # --- a boot's life ---

    def begin(self, records: int, engine: tuple[int, int] | None = None) -> None:
        """Close what the last process left open, and open the next boot.  Durable when it returns."""
        if not self.kept and self._now.kind in LAST_KINDS:
            self._journal.turn(f"{self._now.boot}", f"beat {b64(sign_beat(self._now, self._key))}", self._told())
        if self._now.boot and self._now.kind not in LAST_KINDS:
            self._close_lost(records)
        before = self._now
        self._now = replace(
            before,
            boot=before.boot + 1,
            beat=0,
            last=0,
            tokens=(0, 0),
            unmeasured=0,
            refused=0,
            previous=(before.last, before.head),
            model=self._model,
        )
        self._since = []
        self._journal.add_now(self._beaten("open", records, engine))

    def _close_lost(self, records: int) -> None:
        lines = [f"done {self._ticket(counted, NOBODY_KNOWS)}" for counted in list(self._open.values())]
        self._journal.add_now(*lines, self._beaten("lost", records, None))

    def take(self, call: str, request: str) -> Counted:
        """The next number, for a request that is about to go to the model; `passed` makes it durable."""
        if len(self._open) >= MOST_OPEN:
            raise Refused("too many calls run already", code="overloaded", status=503)
        self._now = replace(self._now, last=self._now.last + 1, total=self._now.total + 1)
        counted = Counted(self._now.boot, self._now.last, call, request)
        self._open[counted.number] = counted
        return counted

    async def passed(self, counted: Counted) -> None:
        """Return when the number is durable: then the request may go on.  Raises Unavailable."""
        await self._journal.add(f"call {counted.boot} {counted.number} {counted.call} {counted.request}")

    async def ended(self, counted: Counted, ending: Ending) -> str:
        """The call's ticket, durable.  Raises Unavailable."""
        line = self._ticket(counted, ending)
        await self._journal.add(f"done {line}")
        return line

    def turned_away(self) -> None:
        """A request came that may not pass."""
        self._now = replace(self._now, refused=self._now.refused + 1)

    async def beat(self, kind: str, records: int, engine: tuple[int, int] | None) -> None:
        """Say how far it is.  Durable when it returns.  Raises Unavailable."""
        await self._journal.add(self._beaten(kind, records, engine))

    # --- its state ---

    def _ticket(self, counted: Counted, ending: Ending) -> str:
        if ending is NOBODY_KNOWS:
            ending = replace(ending, at_ms=self._clock())
        line = make_ticket(self._key, counted, ending, self._now.head)
        head = head_of(line.rpartition(" ")[0].encode("ascii"))
        self._note(counted.number, head, ending.tokens_in, ending.tokens_out)
        self._since.append(line)
        return line

    def _note(self, number: int, head: str, tokens_in: int | None, tokens_out: int | None) -> None:
        now, none = self._now, tokens_in is None and tokens_out is None
        self._open.pop(number)
        self._now = replace(
            now,
            head=head,
            tokens=(now.tokens[0] + (tokens_in or 0), now.tokens[1] + (tokens_out or 0)),
            unmeasured=now.unmeasured + none,
        )

    def _beaten(self, kind: str, records: int, engine: tuple[int, int] | None) -> str:
        """Make the next beat; its line in the journal."""
        self._now = replace(
            self._now,
            beat=self._now.beat + 1,
            kind=kind,
            at_ms=self._clock(),
            open=tuple(self._open),
            engine=engine,
            records=records,
        )
        note = sign_beat(self._now, self._key)
        self._keep(note)
        return f"beat {b64(note)}"

    def _keep(self, note: bytes) -> None:
        self.kept.append(Kept(self._now.boot, self._now.beat, note, tuple(self._since)))
        self._since = []

    async def forget(self, boot: int, beat: int) -> None:
        """Whoever collects has everything up to that beat on record, and need not be told again.  Raises Unavailable."""
        if any((one.boot, one.beat) <= (boot, beat) for one in self.kept):
            self._forget(boot, beat)
            await self._journal.add(f"told {boot} {beat}")

    def _told(self) -> str:
        return f"told {self._now.boot} {self._now.beat}"

    def _forget(self, boot: int, beat: int) -> None:
        self.kept = [one for one in self.kept if (one.boot, one.beat) > (boot, beat)]

    def _clock(self) -> int:
        """POSIX milliseconds that never go back, not over restarts either."""
        self.newest_ms = max(self.newest_ms, time.time_ns() // 1_000_000)
        return self.newest_ms

    # --- what the journal says ---

    def _replay(self, line: str) -> None:
        what, _, rest = line.partition(" ")
        try:
            self._REPLAY[what](self, rest)
        except (ValueError, KeyError, TypeError):
            raise NotVerified("the seal's journal does not fit together", step="seal") from None

    def _replay_call(self, rest: str) -> None:
        boot, number, call, request = rest.split(" ")
        counted = Counted(int(boot), int(number), call, request)
        if (counted.boot, counted.number) != (self._now.boot, self._now.last + 1):
            raise NotVerified("the seal's journal has lost a number", step="seal")
        self._open[counted.number] = counted
        self._now = replace(self._now, last=counted.number, total=self._now.total + 1, kind="tick")

    def _replay_ticket(self, line: str) -> None:
        ticket = read_ticket(line)
        if ticket.prev != self._now.head:
            raise NotVerified("the seal's journal has lost a ticket", step="seal")
        self._note(ticket.number, ticket.head, ticket.tokens_in, ticket.tokens_out)
        self._since.append(line)
        self.newest_ms = max(self.newest_ms, ticket.at_ms)

    def _replay_beat(self, rest: str) -> None:
        note = unb64(rest)
        self._now = open_beat(note, (self._key.verify_key,))
        self.newest_ms = max(self.newest_ms, self._now.at_ms)
        self._keep(note)

    def _replay_told(self, rest: str) -> None:
        boot, beat = rest.split(" ")
        self._forget(int(boot), int(beat))

    _REPLAY: ClassVar[dict[str, Callable[["Count", str], None]]] = {
        "call": _replay_call,
        "done": _replay_ticket,
        "beat": _replay_beat,
        "told": _replay_told,
    }
