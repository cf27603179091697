"""`caveat seal`: the process beside the model, the folder that it needs, and what its maker must know of the gateway."""

import os
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from caveat.cli.output import Json, emit, say
from caveat.cli.remote import Where
from caveat.cli.sections import Sections
from caveat.gateway.home.directory import home_path, open_home
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.model.ownseal import permit_key
from caveat.seal.making import Wanted, make_seal, terms_line
from caveat.seal.process import run as run_seal
from caveat.seal.settings import load

app = typer.Typer(
    cls=Sections,
    help="The seal: the only way to a model, which counts every call under a key of its own.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Argument(help="The seal's folder: seal.toml, seal.key, what it counted.")]


@app.command("serve")
def serve(folder: Folder, *, as_json: Json = False) -> None:
    """Stand before the model: take permits, count, sign.  Ctrl-C ends it in order."""

    def tell(address: str) -> None:
        if as_json:
            emit({"address": address})
        else:
            say(f"the seal stands before its model at {address}")

    uvloop.run(run_seal(folder, load(folder), "", tell))


@app.command("init")
def init(
    folder: Folder,
    *,
    name: Annotated[str, typer.Option(help="The seal's name, such as labs.example.org/seal-1.")],
    model: Annotated[str, typer.Option(help="Which model it stands before: weights:sha256:... as in the terms.")],
    engine: Annotated[str, typer.Option(help="Address of the model's server, or the path of its unix socket.")],
    permits: Annotated[list[str], typer.Option(help="The gateway's permit key; may be given again.")],
    log: Annotated[list[str], typer.Option(help="A key of the gateway's log; give all of them.")],
    alias: Annotated[str, typer.Option(help="The model's alias in the terms.")] = "MODEL",
    as_json: Json = False,
) -> None:
    """Make a seal's folder with a fresh key: the vendor does this, and gives the folder to whoever runs the model."""
    key = make_seal(folder, Wanted(name, model, engine, permits, log))
    if as_json:
        emit({"folder": str(folder), "vkey": key.text})
        return
    say(f"the seal's folder is {folder}; terms enrol it so:")
    say(terms_line(key, alias, permits))


@app.command("keys")
def keys(home: Where = None, *, as_json: Json = False) -> None:
    """Say what a seal must know of this gateway: the key of its permits, the keys of its log."""
    made = open_home(home or home_path(os.environ))
    settings = made.settings()
    log, _ = house_keys(made, settings.gateway.origin)
    permits = permit_key(made, settings).verify_key.text
    if as_json:
        emit({"permits": [permits], "log": [key.text for key in log.verify_keys]})
        return
    say(f"permits  {permits}")
    for key in log.verify_keys:
        say(f"log      {key.text}")
