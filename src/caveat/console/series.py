"""Counts of calls over time, put together for plots and the tables under them: pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from msgspec import Struct

from caveat.console.values import Count

GROUPS = {
    "completed": ("completed",),
    "denied": ("denied", "stopped"),
    "held": ("held", "withheld"),
    "other": ("broken", "aborted", "unknown", "running"),
}
"""Outcomes by the colour that they share."""
_GROUP = {outcome: group for group, outcomes in GROUPS.items() for outcome in outcomes}


class Series(Struct, frozen=True):
    """`values` by group, one a start; `starts` are POSIX seconds, ascending."""

    starts: tuple[int, ...]
    values: dict[str, tuple[int, ...]]

    def total(self, group: str) -> int:
        """All of a group."""
        return sum(self.values[group])

    @property
    def rows(self) -> list[tuple[int, dict[str, int]]]:
        """Starts that have any call, newest first, with their counts by group."""
        rows = [
            (start, {group: values[i] for group, values in self.values.items()}) for i, start in enumerate(self.starts)
        ]
        return [row for row in reversed(rows) if any(row[1].values())]

    def labels(self, zone: tzinfo = UTC) -> tuple[list[str], list[str]]:
        """What stands under each bar, and which of them are written out: hours in the zone, days in UTC, as they are counted."""
        step = self.starts[1] - self.starts[0] if len(self.starts) > 1 else 60
        pattern, every = ("%H:%M", 900) if step < 3600 else (("%H:%M", 21_600) if step < 86_400 else ("%d %b", 604_800))
        moments = [datetime.fromtimestamp(start, zone if step < 86_400 else UTC) for start in self.starts]
        labels = [moment.strftime(pattern) for moment in moments]
        return labels, [label for label, moment in zip(labels, moments, strict=True) if _wall(moment) % every < step]


def _wall(moment: datetime) -> int:
    """Seconds since 1970 as the clock on the wall there counts them."""
    return int(moment.replace(tzinfo=UTC).timestamp())


def series(counts: Iterable[Count], unit: int, n: int, now_s: int) -> Series:
    """The newest `n` units of so many seconds, up to now."""
    last = now_s // unit * unit
    starts = tuple(range(last - (n - 1) * unit, last + 1, unit))
    place = {start: i for i, start in enumerate(starts)}
    values = {group: [0] * n for group in GROUPS}
    for count in counts:
        start = count.start // unit * unit
        if start in place:
            values[_GROUP[count.outcome]][place[start]] += count.n
    return Series(starts, {group: tuple(numbers) for group, numbers in values.items()})


class Share(Struct, frozen=True):
    """One word's calls, by group."""

    word: str
    n: int
    parts: dict[str, int]


def shares(counts: Sequence[Count], most: int = 6) -> tuple[Share, ...]:
    """The words with the most calls."""
    found: dict[str, dict[str, int]] = {}
    for count in counts:
        parts = found.setdefault(count.word, dict.fromkeys(GROUPS, 0))
        parts[_GROUP[count.outcome]] += count.n
    made = [Share(word, sum(parts.values()), parts) for word, parts in found.items()]
    return tuple(sorted(made, key=lambda share: (-share.n, share.word))[:most])
