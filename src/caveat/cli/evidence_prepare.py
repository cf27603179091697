"""`caveat evidence prepare`, `prepared`, `release`, `drop`: a receiver's next bundle, made now and let go later."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from caveat.cli.output import Json, emit, say, table
from caveat.cli.remote import Where, at_home
from caveat.errors import BadInput
from caveat.gateway.home.directory import home_path, open_home
from caveat.gateway.proof.preparing import Bundles

Id = Annotated[str, typer.Argument(help="The prepared bundle's id, as `caveat evidence prepared` lists it.")]


def prepare(
    receiver: Annotated[str, typer.Argument(help="Whose next bundle: it goes on where their last one ended.")],
    home: Where = None,
    *,
    profile: Annotated[str, typer.Option(help="What is disclosed: full, audit, counts or none.")] = "audit",
    as_json: Json = False,
) -> None:
    """Make a receiver's next bundle and keep it in the home, to be looked at: nothing leaves, nothing is on record yet."""
    bundles = Bundles(open_home(home or home_path(os.environ)))
    id_ = bundles.prepare(receiver, profile)
    if as_json:
        emit({"id": id_, "file": str(bundles.file(id_))})
        return
    say(f"prepared `{id_}`: look at it with `caveat evidence view {bundles.file(id_)}`")
    say(f"next: `caveat evidence release {id_} --out FILE`, or `caveat evidence drop {id_}`")


def prepared(home: Where = None, *, as_json: Json = False) -> None:
    """Bundles that were prepared here: waiting to be let go, or let go."""
    found = Bundles(open_home(home or home_path(os.environ))).listed()
    if as_json:
        emit({"bundles": found})
        return
    columns = ("bundle", "receiver", "number", "profile", "records", "state")
    rows = [
        (
            one["id"],
            one["receiver"],
            str(one["number"]),
            one["profile"],
            f"{one['start']} to {one['to'] - 1}",
            "let go" if one["released"] else "waits",
        )
        for one in found
    ]
    table(columns, rows)


def release(
    bundle: Id,
    home: Where = None,
    *,
    output: Annotated[Path | None, typer.Option("--out", help="Copy the bundle to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Let a prepared bundle go: its number goes on record first."""
    if output is not None and output.exists():
        raise BadInput(f"`{output}` exists and is not written over")
    bundles = Bundles(open_home(home or home_path(os.environ)))
    at_home(home).ask("POST", f"/bundles/{bundle}/release")
    path = bundles.released(bundle)
    if output is not None:
        shutil.copyfile(path, output)
    emit({"released": bundle, "file": str(output or path)}) if as_json else say(f"let go: {output or path}")


def drop(bundle: Id, home: Where = None, *, as_json: Json = False) -> None:
    """Throw a prepared bundle away; what is on record of one that was let go stays."""
    at_home(home).ask("DELETE", f"/bundles/{bundle}")
    emit({"dropped": bundle}) if as_json else say(f"`{bundle}` is gone")
