"""What was seen of a seal's boots, and how its numbers, times and tokens are told in a sentence."""

from datetime import UTC, datetime

from msgspec import Struct

from caveat.meter.ticket import Ticket


class Held(Struct, frozen=True):
    """A ticket that waits for the beat that counts it; `late` where it came by no outcome."""

    index: int
    ticket: Ticket
    late: bool


class Boot(Struct):
    """What was seen of one boot.  Numbers up to `upto` and those in `more` have their ticket under a beat."""

    number: int
    upto: int = 0
    more: set[int] = set()
    tokens_in: int = 0
    tokens_out: int = 0
    unmeasured: int = 0
    whole: bool = True

    def has(self, number: int) -> bool:
        """Whether a beat has counted a ticket of that number."""
        return number <= self.upto or number in self.more

    def add(self, ticket: Ticket) -> None:
        """Count a ticket under a beat."""
        self.more.add(ticket.number)
        while self.upto + 1 in self.more:
            self.upto += 1
            self.more.discard(self.upto)
        self.tokens_in += ticket.tokens_in or 0
        self.tokens_out += ticket.tokens_out or 0
        self.unmeasured += ticket.tokens_in is None and ticket.tokens_out is None


def place(ticket: Ticket) -> str:
    """Which call a ticket is for."""
    return f"number {ticket.number} of boot {ticket.boot}"


def runs(numbers: set[int]) -> str:
    """`number 4`, `numbers 4, 7 to 9`: the first eight runs."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [f"{a}" if a == b else f"{a} to {b}" for a, b in runs[:8]]
    more = f" and {len(runs) - 8} more runs" if len(runs) > 8 else ""
    return f"number{'s' if len(numbers) > 1 else ''} {', '.join(words)}{more}"


def time(at_ms: int) -> str:
    """A seal's clock, as people read it."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"


def tokens(pair: tuple[int, int]) -> str:
    """Tokens in and out, in words."""
    return f"{pair[0]} tokens in and {pair[1]} out"


def less(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """What one pair of counts is beyond another."""
    return a[0] - b[0], a[1] - b[1]
