"""A key's budget: how many calls and tokens it may use in a day and in a month, in UTC; and how they are counted.

Rules of this file: pure; the ledger alone counts, at the index of each record, so that all workers count as one; what is
counted is what went to a model.  A call counts when it is opened.  Its tokens count when its outcome is recorded: none
begins once a bound is reached, and those that run then still end.  Where the provider gave no count, each character
counts as a token, so that nothing passes uncounted; of a call whose end nobody knows, the gateway having died, only the
call counts.  A period is that of the record's own time.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from caveat.terms.moment import moment_text

Bound = Annotated[int, Meta(ge=0, lt=2**53)]
PREFIX: Final = "budget:"
UNBOUND: Final = 2**53
_PATTERNS: Final = {"day": "%Y-%m-%d", "month": "%Y-%m"}
_UNSENT: Final = ("denied", "held", "unknown")


class Budget(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """So many calls and tokens (in and out together) in a day and in a month; 0 for no bound."""

    calls_day: Bound = 0
    calls_month: Bound = 0
    tokens_day: Bound = 0
    tokens_month: Bound = 0

    @property
    def bounds(self) -> dict[tuple[str, str], int]:
        """(calls or tokens, day or month) -> bound, for each that there is."""
        return {kind: bound for kind in KINDS if (bound := getattr(self, "_".join(kind)))}

    @property
    def says(self) -> str:
        """In words."""
        return ", ".join(f"{bound:,} {what} a {period}" for (what, period), bound in self.bounds.items()) or "none"


KINDS: Final = (("calls", "day"), ("calls", "month"), ("tokens", "day"), ("tokens", "month"))


def counter(key: str, what: str, period: str, at_ms: int) -> str:
    """The name under which the ledger counts a key's calls or tokens in the day or month of that time."""
    return f"{PREFIX}{key}:{what}:{datetime.fromtimestamp(at_ms / 1000, UTC).strftime(_PATTERNS[period])}"


def calls(key: str, budget: Budget, at_ms: int) -> tuple[tuple[str, int], ...]:
    """What an allowed call of a key with a budget spends when it is opened: counters, and the most that each may reach."""
    return tuple(
        (counter(key, "calls", period, at_ms), budget.bounds.get(("calls", period), UNBOUND)) for period in _PATTERNS
    )


def under(key: str, budget: Budget, at_ms: int) -> tuple[tuple[str, int], ...]:
    """What such a call stands on: counters of tokens that must not have reached these bounds."""
    return tuple(
        (counter(key, what, period, at_ms), bound)
        for (what, period), bound in budget.bounds.items()
        if what == "tokens"
    )


def tokens(key: str, used: int, at_ms: int) -> tuple[tuple[str, int], ...]:
    """What a call's outcome adds."""
    return tuple((counter(key, "tokens", period, at_ms), used) for period in _PATTERNS) if used else ()


def tokens_used(ending: str, tok: tuple[int, int] | None, chars_in: int, hidden: Mapping[str, Any]) -> int:
    """What a call has used, by its outcome (`hidden` as record.settled takes it): the provider's count, else characters in
    and out; nothing where the model's server failed before it said anything."""
    if ending in _UNSENT:
        return 0
    if tok is not None:
        return sum(tok)
    out = int(hidden["answer"]["chars_left"]) + int(hidden.get("kept", {}).get("len", 0))
    return 0 if ending == "broken" and not out else chars_in + out


def begins_anew(of: str) -> str:
    """When the period of a counter ends, as people read it."""
    text = of.rpartition(":")[2]
    start = datetime.strptime(text if len(text) > 7 else f"{text}-01", "%Y-%m-%d").replace(tzinfo=UTC)
    end = start + timedelta(days=1) if len(text) > 7 else (start + timedelta(days=32)).replace(day=1)
    return moment_text(int(end.timestamp()) * 1000)


def current(names: Iterable[str], at_ms: int) -> set[str]:
    """Those names that are no counter of a period that was over at that time."""
    now = {datetime.fromtimestamp(at_ms / 1000, UTC).strftime(pattern) for pattern in _PATTERNS.values()}
    return {name for name in names if not name.startswith(PREFIX) or name.rpartition(":")[2] >= min(now)}
