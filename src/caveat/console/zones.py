"""The viewer's time zone: where a day of theirs begins, and what a time means that they write.

The zone is the one that the browser's script tells in a cookie; without a script it is UTC, and whoever shows a day says of
which zone it is.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2}")
HOUR_S = 3600


def zone_of(name: str) -> tzinfo:
    """The time zone of that name (IANA), UTC for one that is not known here."""
    try:
        return ZoneInfo(name) if _ZONE.fullmatch(name) else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def begins(day: date, zone: tzinfo) -> int:
    """When that day begins there, in POSIX seconds; 0 for one that no calendar has."""
    try:
        return int(datetime.combine(day, time(), zone).timestamp())
    except (OverflowError, ValueError):
        return 0


def days(n: int, now_s: int, zone: tzinfo) -> tuple[int, ...]:
    """When the newest `n` days begin there, up to today, ascending: 23 to 25 hours apart."""
    today = datetime.fromtimestamp(now_s, zone).date()
    return tuple(begins(today - timedelta(days=back), zone) for back in range(n - 1, -1, -1))


def moment_ms(text: str, zone: tzinfo) -> int:
    """POSIX milliseconds of a date, or of a time, as a form of the page has it; 0 for what is neither."""
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.replace(tzinfo=moment.tzinfo or zone).timestamp() * 1000)
    except (OverflowError, ValueError):
        return 0


def end_ms(day: str, zone: tzinfo) -> int:
    """When a day ends there, in POSIX milliseconds; 0 for what is no day."""
    try:
        return begins(date.fromisoformat(day) + timedelta(days=1), zone) * 1000
    except (OverflowError, ValueError):
        return 0


def stamp(at_ms: int) -> str:
    """A moment for the command line, RFC 3339 in UTC; "" for 0."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at_ms else ""
