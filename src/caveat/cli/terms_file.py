"""Terms as a file that a person names: YAML that a party wrote, or the signed JSON."""

from pathlib import Path
from typing import Annotated

import typer

from caveat.cli.files import read_bytes
from caveat.talks.draft import read_draft
from caveat.terms.document import Draft, SignedTerms
from caveat.terms.sign import claimed_draft

File = Annotated[Path, typer.Argument(help="Terms as YAML, or signed terms (JSON).")]


def draft_of(file: Path) -> Draft:
    """The terms in a file, whoever signed them.  Raises BadInput, NotVerified."""
    raw = read_bytes(file)
    return claimed_draft(SignedTerms(raw)) if is_signed(raw) else read_draft(raw)


def is_signed(raw: bytes) -> bool:
    """Whether these are signed terms rather than YAML."""
    return raw.lstrip()[:1] == b"{"
