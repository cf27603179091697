"""How far each witness has cosigned: a look of `caveat doctor`."""

from typing import Literal

from caveat.gateway.home.directory import Home
from caveat.gateway.home.tables import Settings
from caveat.ledger.cosigned import newest_of, size_of
from caveat.ledger.reader import LedgerReader

LAG = 10_000
"""Records that a witness may lie behind before that is a doubt."""


def look_at_witnesses(home: Home, settings: Settings) -> tuple[Literal["good", "doubt"], str, str]:
    """Level, sentence, hint.  That there is no witness is nothing wrong here, and is said."""
    if not settings.witness:
        return "good", "no witness is set: only outsiders' own checkpoints would show a forked history", ""
    size = LedgerReader(home.ledger).head().size
    told, behind = [], False
    for name, witness in settings.witness.items():
        note = newest_of(home.ledger, witness.verify_key)
        reached = size_of(note) if note else 0
        behind |= reached == 0 or size - reached > LAG
        told.append(f"`{name}` has cosigned {reached} of {size} records")
    return ("doubt" if behind else "good"), "; ".join(told), ("ask its keeper what became of it" if behind else "")
