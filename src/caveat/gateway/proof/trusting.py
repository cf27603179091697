"""A house seen from outside: where its evidence is read, and the trust file to check it by (evidence/trust.py)."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from caveat.evidence.export import Source
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.proof.witnessing import witness_keys
from caveat.keys import VerifyKey
from caveat.ledger.cosigned import size_of, witnessed
from caveat.ledger.reader import LedgerReader
from caveat.ledger.vault import read_asides
from caveat.register import Register

NO_WITNESSES: Mapping[str, VerifyKey] = MappingProxyType({})


def trust_text(log: Iterable[VerifyKey], register: Register, witnesses: Mapping[str, VerifyKey] = NO_WITNESSES) -> str:
    """The log's keys, both parties' and the witnesses', as text; where there are witnesses, any of them must have cosigned."""
    held = [f"witness {name} {key.text}" for name, key in witnesses.items()]
    quorum = [f"group witnesses any {' '.join(witnesses)}", "quorum witnesses"] if held else ["quorum none"]
    lines = [
        "# Whose keys count, for `caveat verify`.  Compare the keys with their owners by another way before you rely on it.",
        *(f"log {key.text}" for key in log),
        *held,
        *quorum,
        *(f"party {party.role} {party.vkey}" for party in register.parties),
    ]
    return "\n".join(lines) + "\n"


def source_of(home: Home, reader: LedgerReader, least: int = 0) -> Source:
    """Where an export of this home reads, a running gateway's too: as far as witnesses have cosigned, if they have cosigned
    `least` records or more, else as far as the log's newest checkpoint."""
    documents = Documents(home.control)
    checkpoint = reader.checkpoint()
    cosigned = witnessed(home.ledger, witness_keys(home.settings()), checkpoint)
    if size_of(cosigned) >= least:
        checkpoint = cosigned
    return Source(checkpoint, reader.file, lambda n: read_asides(home.vault, n), documents.read)
