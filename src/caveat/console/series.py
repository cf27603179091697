"""Counts of calls over time, put together for plots and the tables under them: pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from msgspec import Struct

from caveat.console.values import Count
from caveat.console.zones import days

GROUPS = {
    "completed": ("completed",),
    "denied": ("denied", "stopped"),
    "held": ("held", "withheld"),
    "other": ("broken", "aborted", "unknown", "running"),
}
"""Outcomes by the colour that they share."""
MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
}
HOUR_S, DAY_S = 3600, 86_400
SHORTEST_DAY_S = 22 * HOUR_S
_GROUP = {outcome: group for group, outcomes in GROUPS.items() for outcome in outcomes}


class Series(Struct, frozen=True):
    """`values` by group, one a start; `starts` are POSIX seconds, ascending."""

    starts: tuple[int, ...]
    values: dict[str, tuple[int, ...]]

    def total(self, group: str) -> int:
        """All of a group."""
        return sum(self.values[group])

    @property
    def parts(self) -> dict[str, int]:
        """All of each group."""
        return {group: self.total(group) for group in self.values}

    @property
    def rows(self) -> list[tuple[int, dict[str, int]]]:
        """Starts that have any call, newest first, with their counts by group."""
        rows = [
            (start, {group: values[i] for group, values in self.values.items()}) for i, start in enumerate(self.starts)
        ]
        return [row for row in reversed(rows) if any(row[1].values())]

    def labels(self, zone: tzinfo = UTC, language: str = "en") -> tuple[list[str], list[str]]:
        """What stands under each bar, and which of them are written out: hours, or days, of the zone."""
        step = self.starts[1] - self.starts[0] if len(self.starts) > 1 else 60
        every = 900 if step < HOUR_S else 21_600 if step < SHORTEST_DAY_S else 604_800
        moments = [datetime.fromtimestamp(start, zone) for start in self.starts]
        labels = [_day(moment, language) if every > DAY_S else moment.strftime("%H:%M") for moment in moments]
        width = min(step, DAY_S)
        return labels, [label for label, moment in zip(labels, moments, strict=True) if _wall(moment) % every < width]


def _wall(moment: datetime) -> int:
    """Seconds since 1970 as the clock on the wall there counts them."""
    return int(moment.replace(tzinfo=UTC).timestamp())


def _day(moment: datetime, language: str) -> str:
    """A day without its year: `26 Nov`, `26 nov.`."""
    return f"{moment.day} {MONTHS.get(language, MONTHS['en'])[moment.month - 1]}"


def within(n: int, now_s: int, zone: tzinfo) -> tuple[int, ...]:
    """The quarters of an hour that lie behind the beginning of one of these days and within its hour: what an hour that
    begins on the day before holds of the day.  None in zones that are whole hours from UTC."""
    starts = days(n, now_s, zone)
    return tuple(
        quarter for start in starts if start % HOUR_S for quarter in range(start, -(-start // 3600) * 3600, 900)
    )


def daily(counts: Iterable[Count], n: int, now_s: int, zone: tzinfo, late: Iterable[Count] = ()) -> Series:
    """The newest `n` days of the zone, from counts by hour; an hour counts for the day in which it begins, but for the counts
    in `late`, of quarters that `within` names."""
    starts = days(n, now_s, zone)
    values = {group: [0] * n for group in GROUPS}

    def put(outcome: str, start: int, number: int) -> None:
        place = bisect_right(starts, start) - 1
        if place >= 0:
            values[_GROUP[outcome]][place] += number

    for count in counts:
        put(count.outcome, count.start, count.n)
    for count in late:
        if count.start // HOUR_S * HOUR_S >= starts[0]:
            put(count.outcome, count.start // HOUR_S * HOUR_S, -count.n)
        put(count.outcome, count.start, count.n)
    return Series(starts, {group: tuple(numbers) for group, numbers in values.items()})


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
