"""`caveat terms claim | claims | review`: what is said about terms, on record beside what holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from caveat.canon import digest
from caveat.cli.files import read_bytes, signing_key
from caveat.cli.output import Json, emit, say
from caveat.cli.remote import Where, at_home
from caveat.errors import BadInput
from caveat.terms.claim import Claim, claim_bytes, sign_claim


def claim(
    about: Annotated[str, typer.Argument(help="The terms' id, with or without version.")],
    says: Annotated[str, typer.Argument(help="What is said.")],
    home: Where = None,
    *,
    said: Annotated[str, typer.Option(help="The day or time (UTC) at which it was said.")],
    clause: Annotated[str, typer.Option(help="The clause that it is about; the whole where not given.")] = "",
    by: Annotated[str, typer.Option(help="Who said it.")] = "",
    through: Annotated[
        list[str] | None, typer.Option(help="Who passed it on, from the source outwards; repeat it.")
    ] = None,
    quoted: Annotated[bool, typer.Option("--quoted", help="These are the words; paraphrased where not given.")] = False,
    link: Annotated[str, typer.Option(help="Where it can be read.")] = "",
    file: Annotated[Path | None, typer.Option(help="A file that holds it; its SHA-256 goes on record.")] = None,
    standing: Annotated[str, typer.Option(help="stated, reported, disputed or unverified.")] = "unverified",
    disputes: Annotated[str, typer.Option(help="The id of a claim that this one says is not so.")] = "",
    review: Annotated[str, typer.Option(help="Ask a person to look into this.")] = "",
    key: Annotated[Path | None, typer.Option(help="A party's signing key: the claim is then signed.")] = None,
    as_json: Json = False,
) -> None:
    """Put on record what somebody says about terms, with its source and its standing.  It changes nothing that holds."""
    values = {
        "v": 1,
        "about": about,
        "says": says,
        "how": "quoted" if quoted else "paraphrased",
        "said": said,
        "standing": standing,
        "clause": clause,
        "by": by,
        "through": through or [],
        "link": link,
        "digest": digest(read_bytes(file)) if file else "",
        "disputes": disputes,
        "review": review,
    }
    try:
        made = msgspec.convert(values, Claim)
    except msgspec.ValidationError as error:
        raise BadInput(f"this is no claim: {error}", hint="only a signature (`--key`) makes a claim `signed`") from None
    document = claim_bytes(made) if key is None else sign_claim(made, signing_key(key))
    row = at_home(home).ask("POST", "/claims", document)
    if as_json:
        emit(row)
        return
    say(f"{row['id']} is on record as {row['standing']}; nothing that holds has changed")
    if row["waits"]:
        say(f"it waits for a person: `caveat terms review {row['id']} TEXT`")


def claims(home: Where = None, *, as_json: Json = False) -> None:
    """List what is said about terms: standing, source, chain, and how many sources the claims go back to."""
    told = at_home(home).ask("GET", "/claims")
    if as_json:
        emit(told)
        return
    if not told["claims"]:
        say("nothing that was said about the terms is on record")
    for row in told["claims"]:
        for line in claim_lines(row):
            say(line)
    for count in told["counts"]:
        what = f"{count['about']} {count['clause']}".strip()
        claims_, sources = (
            f"{n} {one}{'' if n == 1 else 's'}" for n, one in ((count["claims"], "claim"), (count["sources"], "source"))
        )
        say(f"{what}: {claims_}, from {sources}")
    if told["waiting"]:
        say(f"waiting for a person: {', '.join(told['waiting'])}")


def review(
    name: Annotated[str, typer.Argument(help="The claim's id.")],
    found: Annotated[str, typer.Argument(help="What you found.")],
    home: Where = None,
    *,
    as_json: Json = False,
) -> None:
    """Put on record that you have looked into a claim that waits for a person, and what you found."""
    row = at_home(home).ask("POST", f"/claims/{quote(name)}/review", found.encode())
    emit(row) if as_json else say(f"{row['id']} waits no more; what you found is record {row['reviewed_at']}")


def claim_lines(row: dict[str, Any]) -> Sequence[str]:
    """One claim for a person: its standing first, then the words, then where they come from."""
    words = f"“{row['says']}”" if row["how"] == "quoted" else row["says"]
    chain = [row["by"] or "somebody", *row["through"]]
    where = row["link"] or row["digest"]
    signed = f", signed by `{row['signed_by']}`" if row["signed_by"] else ""
    waits = "; waits for a person" if row["waits"] else ""
    about = f" on `{row['clause']}`" if row["clause"] else ""
    return (
        f"{row['standing']}: {row['id']}{about}: {words}",
        f"    said {row['said']} by {' → '.join(chain)}{signed}{waits}" + (f"; {where}" if where else ""),
    )
