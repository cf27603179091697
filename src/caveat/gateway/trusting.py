"""A house seen from outside: where its evidence is read, and the trust file to check it by (evidence/trust.py)."""

from collections.abc import Iterable

from caveat.evidence.export import Source
from caveat.gateway.documents import Documents
from caveat.gateway.home import Home
from caveat.keys import VerifyKey
from caveat.ledger.reader import LedgerReader
from caveat.ledger.vault import read_asides
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


def source_of(home: Home, reader: LedgerReader) -> Source:
    """Where an export of this home reads, a running gateway's too."""
    documents = Documents(home.control)
    return Source(reader.checkpoint(), reader.file, lambda n: read_asides(home.vault, n), documents.read)
