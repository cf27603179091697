"""`caveat party cosign | publish`: a list that one holder of a party's keys began, signed by others on their own machines."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from caveat.cli.at_table import Party, party_dir
from caveat.cli.files import read_bytes, write_new
from caveat.cli.output import Json, emit, say
from caveat.dsse import read
from caveat.errors import BadInput, CaveatError
from caveat.gateway.parties.directory import read_key
from caveat.gateway.parties.pending import MAX_BYTES, Pending, pending_bytes, read_pending
from caveat.gateway.parties.session import Session
from caveat.talks.publishing import add_keys
from caveat.talks.steps import KIND, Step

File = Annotated[Path, typer.Argument(help="The file that `--pending` wrote.")]
Keys = Annotated[list[Path] | None, typer.Option("--key", help="A terms key of the party; once for each.")]


def cosign(file: File, *, key: Keys = None, as_json: Json = False) -> None:
    """Sign, on your own machine, a list that another holder of your party's keys began.  It shows what you sign."""
    waiting = read_pending(read_bytes(file, MAX_BYTES))
    contents = waiting.contents()
    if not as_json:
        say(f"{waiting.party} would list:")
        for path, data in contents.items():
            say(f"  {path}: {_told(data)}")
    before = set(waiting.signers()[0])
    targets = add_keys(waiting.targets, waiting.root, [read_key(one) for one in key or ()])
    after = msgspec.structs.replace(waiting, targets=targets)
    signed, unsigned, threshold = after.signers()
    if set(signed) == before:
        raise BadInput(
            "none of these keys is one of the party's that has not signed yet", hint=f"wanted: {', '.join(unsigned)}"
        )
    write_new(file, pending_bytes(after.party, after.root, after.targets, contents), replacing=True)
    if as_json:
        emit({"pending": str(file), "signed": signed, "unsigned": unsigned, "threshold": threshold})
        return
    say(f"{file} bears {len(signed)} of {threshold} signatures")
    enough = (
        f"`caveat party publish {file}` where the party's directory lies"
        if len(signed) >= threshold
        else "another signs"
    )
    say(f"next: {enough}")


def publish(
    file: File,
    party: Party = None,
    *,
    key: Keys = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Hand the repository over to this directory afterwards.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish a list that enough holders of the party's keys have signed."""
    waiting: Pending = read_pending(read_bytes(file, MAX_BYTES))
    session = Session(party_dir(party), keys=key or ())
    session.finish(waiting.targets, waiting.contents(), session.terms_keys())
    if to:
        session.hand(to)
    if as_json:
        emit({"published": sorted(waiting.files), "until_ms": session.own.until_ms})
        return
    say(f"{session.own.party} lists {', '.join(sorted(waiting.files))}")
    say(f"next: take {to} to the other party" if to else "next: `caveat party hand` copies it for the other party")


def _told(data: bytes | None) -> str:
    """What a file is, as far as whoever signs must know."""
    if data is None:
        return "no more"
    try:
        step = msgspec.json.decode(read(KIND, data).payload, type=Step)
    except (CaveatError, msgspec.DecodeError, UnicodeDecodeError):
        return f"{len(data):,} bytes"
    return f"{step.verb} of {step.terms} by the {step.by}" + (f", {step.note}" if step.note else "")
