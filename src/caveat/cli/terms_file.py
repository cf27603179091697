"""Terms as a file that a person names: YAML that a party wrote, or the signed JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from caveat.cli.files import read_bytes, signing_key
from caveat.errors import BadInput
from caveat.gateway.parties.directory import PartyDir
from caveat.gateway.parties.session import Session
from caveat.keys import SigningKey
from caveat.talks.draft import read_draft
from caveat.terms.document import Draft, SignedTerms, Terms
from caveat.terms.sign import claimed_draft, claimed_terms

File = Annotated[Path, typer.Argument(help="Terms as YAML, or signed terms (JSON).")]


def signed_terms(file: Path, party: Path | None, keys: Sequence[Path]) -> tuple[Terms, tuple[SigningKey, ...]]:
    """Signed terms that a party speaks about, and the keys that it signs with: a file and key files, or what its directory
    holds, where `file` is the terms' id.  Raises BadInput, Refused."""
    if party is None:
        if not file.exists():
            raise BadInput(f"there is no file `{file}`", hint="`--party DIRECTORY` takes finalized terms by their id")
        raw = read_bytes(file)
        if not is_signed(raw):
            raise BadInput(f"`{file}` is not signed terms", hint="expected terms that both parties signed")
        signers = tuple(signing_key(one) for one in keys)
    else:
        session = Session(PartyDir(party), keys=keys)
        raw, signers = session.finalized(str(file)), session.terms_keys()
    if not signers:
        raise BadInput("no key to sign with is at hand", hint="name its file with `--key`")
    return claimed_terms(SignedTerms(raw)), signers


def draft_of(file: Path) -> Draft:
    """The terms in a file, whoever signed them.  Raises BadInput, NotVerified."""
    raw = read_bytes(file)
    return claimed_draft(SignedTerms(raw)) if is_signed(raw) else written(file, raw)


def written(file: Path, raw: bytes) -> Draft:
    """The terms in a party's own words.  Raises BadInput, which names the file beside the line."""
    try:
        return read_draft(raw)
    except BadInput as error:
        raise BadInput(f"{file}, {error.message}", hint=error.hint) from None


def is_signed(raw: bytes) -> bool:
    """Whether these are signed terms rather than YAML."""
    return raw.lstrip()[:1] == b"{"
