"""What a check-up says of the parties' repositories that a home has seen: until when their lists may be believed."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from caveat.register import Register
from caveat.terms.lint import DAY_MS, SOON_DAYS
from caveat.terms.listing import named

Level = Literal["good", "doubt", "bad"]


def look_at_parties(register: Register, now_ms: int) -> Iterable[tuple[Level, str, str]]:
    """Level, sentence and what to do for each repository; nothing where parties sign with bare keys."""
    for party, seen in sorted(register.repositories.items()):
        repository = seen.repository
        who = named(party, repository.role)
        if seen.listing is None:
            yield "doubt", f"nothing was seen of the repository of {who} yet", "`caveat terms adopt --party DIRECTORY`"
            continue
        day = datetime.fromtimestamp(repository.until_ms / 1000, UTC).strftime("%Y-%m-%d")
        keys = f"root {repository.version}, {repository.threshold} of {len(repository.keys)} terms keys sign"
        left = (repository.until_ms - now_ms) // DAY_MS
        if left < 0:
            yield "doubt", f"the list of {who} expired on {day}: new terms cannot be adopted with it", _ask(party)
        elif left < SOON_DAYS:
            yield "doubt", f"the list of {who} expires on {day}", _ask(party)
        else:
            yield "good", f"the list of {who} may be believed until {day}; {keys}", ""


def _ask(party: str) -> str:
    return f"{party} runs `caveat party renew` and hands its repository over; what is in force stays in force meanwhile"
