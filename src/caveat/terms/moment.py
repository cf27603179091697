"""Days and times in terms, leases and notes: a date such as `2026-12-31` (a whole day in UTC), or RFC 3339 in UTC."""

import re
from datetime import UTC, datetime, timedelta

from caveat.errors import BadInput

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
DAY = timedelta(days=1)


def moment_ms(text: str, *, whole_day: bool = False) -> int:
    """POSIX milliseconds of a date's beginning (its end, where `whole_day`) or of a time.  Raises BadInput."""
    try:
        if DATE.fullmatch(text):
            moment = datetime.fromisoformat(text).replace(tzinfo=UTC) + (DAY if whole_day else timedelta())
        elif TIME.fullmatch(text):
            moment = datetime.fromisoformat(text)
        else:
            raise BadInput(f"expected a date such as `2026-12-31`, got `{text}`")
    except (ValueError, OverflowError):
        raise BadInput(f"there is no day `{text}`") from None
    if moment.year < 1970:
        raise BadInput(f"expected a date after 1970, got `{text}`")
    return int(moment.timestamp()) * 1000


def moment_text(at_ms: int) -> str:
    """RFC 3339 in UTC, to the second below."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
