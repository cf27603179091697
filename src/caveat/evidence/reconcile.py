"""All seals' counts against all calls of a range: each ticket belongs to one call, and each call that was sent has its ticket.

Rules of this file: it sees each record once, in order; a ticket that came by no outcome (`meter.tickets`) must be for a call
that was let through and whose outcome bears none; what was denied or held has no ticket at all.
"""

from collections.abc import Callable
from typing import Any, Final

from caveat.errors import NotVerified
from caveat.evidence.history import History
from caveat.evidence.meter import Say, SealCount
from caveat.evidence.watch import Watch
from caveat.keys import VerifyKey, read_verify_key
from caveat.meter.beat import claimed_beat, read_tickets
from caveat.meter.ticket import Ticket, read_ticket
from caveat.record import Leaf
from caveat.terms.document import Terms

NEVER_SENT: Final = frozenset({"denied", "held"})
ANSWERED: Final = frozenset({"completed", "stopped", "withheld"})


class Reconciliation(Watch):
    """The watch of step 13.  `fail` and `limit` take what is found; `earlier` a counted call, and the record that bears its
    ticket, where the call may have begun before the range: whoever can look there sets it.

    What it keeps: calls that are open or bear no ticket, and, once terms enrol a seal, calls that were never sent.
    """

    def __init__(self, history: Callable[[], History], within: Callable[[], range], fail: Say, limit: Say) -> None:
        self.seals: dict[str, SealCount] = {}
        self.tickets = self.young = 0
        self._history = history
        self._range = within
        self._fail = fail
        self._limit = limit
        self.earlier = self._may_be_earlier
        self._late: dict[str, int] = {}
        self._sent: set[int] = set()
        self._never: dict[int, int] = {}
        self._bare: dict[str, int] = {}
        self._strangers = 0
        self._seen: frozenset[str] = frozenset()
        self._names: frozenset[str] = frozenset()
        self._newest_ms = 0

    @property
    def enrolled(self) -> dict[str, tuple[VerifyKey, ...]]:
        """Keys of the seals that terms have enrolled so far, by name."""
        keys: dict[str, tuple[VerifyKey, ...]] = {}
        for text in sorted(self._history().register.seals):
            key = read_verify_key(text)
            keys[key.name] = (*keys.get(key.name, ()), key)
        return keys

    def record(self, index: int, leaf: Leaf, _values: dict[str, Any]) -> None:
        """See Watch."""
        self._newest_ms = max(self._newest_ms, leaf.t)
        if leaf.k == "opened":
            self._sent.add(_short(leaf.call))
        elif leaf.k == "refused":
            self._note_never(index, leaf)
        elif leaf.k == "settled":
            self._settled(index, leaf)

    def _settled(self, index: int, leaf: Leaf) -> None:
        if leaf.o in NEVER_SENT:
            self._note_never(index, leaf)
        if leaf.m or not self._history().register.seals:
            self._sent.discard(_short(leaf.call))
        if not leaf.m:
            if leaf.o in ANSWERED and self._demanded(leaf.terms):
                self._bare[leaf.call] = index
            return
        self._late.pop(leaf.call, None)
        self.tickets += 1
        try:
            ticket = read_ticket(leaf.m)
        except NotVerified as error:
            self._fail(f"record {index}: {error.message}", index)
            return
        if ticket.call != leaf.call:
            self._fail(f"record {index} bears the ticket of another call, `{ticket.call}`", index)
        if leaf.o in NEVER_SENT:
            self._fail(f"record {index}: the call ended `{leaf.o}`, and the seal counted it ({_words(ticket)})", index)
        self._compare(index, leaf, ticket)
        self._count(index, ticket, late=False)

    def _compare(self, index: int, leaf: Leaf, ticket: Ticket) -> None:
        """The record's token counts against the seal's; the engine's cache may make the record's input the larger."""
        if leaf.tok is None:
            return
        (tokens_in, tokens_out), seal_in, seal_out = leaf.tok, ticket.tokens_in, ticket.tokens_out
        if (seal_in is not None and tokens_in < seal_in) or (seal_out is not None and tokens_out != seal_out):
            self._fail(
                f"record {index} says {tokens_in} tokens in and {tokens_out} out, the seal {seal_in} and {seal_out}",
                index,
            )

    def control(self, index: int, leaf: Leaf, document: bytes) -> None:
        """See Watch."""
        if leaf.what == "meter.tickets":
            self._take_late(index, document)
        elif leaf.what == "meter.beat":
            self._beat(index, leaf, document)

    def _take_late(self, index: int, document: bytes) -> None:
        if not self._inside(index):
            return
        for ticket in map(read_ticket, read_tickets(document)):
            if self._count(index, ticket, late=True):
                self._late.setdefault(ticket.call, index)

    def _beat(self, index: int, leaf: Leaf, document: bytes) -> None:
        seal, beat = self._seal(leaf.id), claimed_beat(document)  # the fold has checked its signature
        if index < self._range().start:
            seal.baseline(beat)
        elif index < self._range().stop:
            first = self._range().start > 0 and not seal.beats
            seal.beat(index, beat, self.enrolled.get(leaf.id, ()), first=first)

    def _count(self, index: int, ticket: Ticket, *, late: bool) -> bool:
        """Whether the ticket is new."""
        if self._is_enrolled(ticket.seal):
            return self._seal(ticket.seal).ticket(index, ticket, late=late)
        self._strangers += 1
        return True

    def _is_enrolled(self, name: str) -> bool:
        """Whether terms have enrolled a seal of that name so far."""
        seals = self._history().register.seals
        if seals is not self._seen:
            self._seen, self._names = seals, frozenset(text.partition("+")[0] for text in seals)
        return name in self._names

    def _seal(self, name: str) -> SealCount:
        if name not in self.seals:
            self.seals[name] = SealCount(name, self._named(name, self._fail), self._named(name, self._limit))
        return self.seals[name]

    @staticmethod
    def _named(name: str, say: Say) -> Say:
        return lambda words, index: say(f"seal `{name}`: {words}", index)

    def _inside(self, index: int) -> bool:
        return index in self._range()

    def _note_never(self, index: int, leaf: Leaf) -> None:
        if self._history().register.seals:
            self._never[_short(leaf.call)] = index

    def _demanded(self, digest: str) -> bool:
        """Whether every model of these terms must stand behind a seal."""
        terms: Terms | None = self._history().terms.get(digest)
        return terms is not None and all(terms.draft.seals_of(model.alias) for model in terms.draft.models)

    def judge(self, before: int) -> None:
        """Judge the calls and tickets that stand before that index: the other half of each has come by now, or never will."""
        for call in self._bare.keys() & self._late.keys():
            del self._bare[call]
        for call, index in [pair for pair in self._late.items() if pair[1] < before]:
            del self._late[call]
            never = self._never.get(_short(call))
            if never is not None:
                self.not_sent(never, index)
            elif _short(call) not in self._sent:
                self._unknown(call, index)
        for call, index in [pair for pair in self._bare.items() if pair[1] < before]:
            del self._bare[call]
            self._fail(f"record {index}: the terms demand a seal, and the answered call bears no ticket", index)

    def finish(self) -> None:
        """The range is over."""
        self.judge(self._range().stop)
        keys = self.enrolled
        for seal in self.seals.values():
            self.young += seal.finish(keys.get(seal.name, ()), self._newest_ms)
        if self._strangers:
            self._limit(f"{self._strangers} tickets of seals that no terms enrol", -1)

    def _unknown(self, call: str, index: int) -> None:
        if self._range().start > 0:
            self.earlier(call, index)
        else:
            self.no_record(call, index)

    def no_record(self, call: str, index: int) -> None:
        """A seal counted a call that no record knows."""
        self._fail(f"record {index}: the seal counted a call `{call}` that no record knows", index)

    def not_sent(self, never: int, index: int) -> None:
        """A seal counted a call that was not sent, by its record at `never`."""
        self._fail(f"record {never} says that the call was not sent, and record {index} has the seal's ticket", never)

    def _may_be_earlier(self, call: str, index: int) -> None:
        self._limit(
            f"the call `{call}`, which the seal counted (record {index}): it may have begun before the range", -1
        )


def _short(call: str) -> int:
    """Enough of a call's id to find it again, in less memory."""
    return int(call[-15:], 16) if call else -1


def _words(ticket: Ticket) -> str:
    return f"number {ticket.number} of boot {ticket.boot}"
