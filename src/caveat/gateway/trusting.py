"""The trust file of a house: what an outsider needs to check its evidence (evidence/trust.py has the syntax)."""

from collections.abc import Iterable

from caveat.keys import VerifyKey
from caveat.register import Register


def trust_text(log: Iterable[VerifyKey], register: Register) -> str:
    """The log's keys and both parties', as text."""
    lines = [
        "# Whose keys count, for `caveat verify`.  Compare the keys with their owners by another way before you rely on it.",
        *(f"log {key.text}" for key in log),
        "quorum none",
        *(f"party {party.role} {party.vkey}" for party in register.parties),
    ]
    return "\n".join(lines) + "\n"
