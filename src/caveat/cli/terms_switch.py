"""`caveat terms standby | switch`: another vendor's terms, ready to take over an alias, and the move to them."""

from typing import Annotated, Any

import msgspec
import typer

from caveat.cli.output import Json, emit, say, table
from caveat.cli.remote import Where, at_home
from caveat.errors import BadInput

Alias = Annotated[str, typer.Argument(help="The model's alias, as callers write it.")]
Model = Annotated[str, typer.Option(help="The model's alias in those terms, where it is another.")]


def standby(
    alias: Annotated[str, typer.Argument(help="The model's alias, as callers write it; all are shown without.")] = "",
    home: Where = None,
    *,
    to: Annotated[str, typer.Option(help="The id of other terms in force: they take over when the first end.")] = "",
    model: Model = "",
    on_lapse: Annotated[
        bool, typer.Option("--on-lapse", help="They take over when the first ones' lease lapses, too.")
    ] = False,
    none: Annotated[bool, typer.Option("--none", help="Nothing stands by for the alias any more.")] = False,
    as_json: Json = False,
) -> None:
    """Let another vendor's terms stand by for an alias; they take over at the very record that ends the first."""
    operations = at_home(home)
    if (to or none) and not alias:
        raise BadInput("which alias?", hint="`caveat terms standby ALIAS --to TERMS`")
    if on_lapse and not to:
        raise BadInput("`--on-lapse` goes with `--to TERMS`")
    if alias and (to or none):
        operations.ask("POST", f"/standby/{alias}", _target("" if none else to, model, on_lapse=on_lapse))
    rows = [row for row in operations.ask("GET", "/aliases")["aliases"] if alias in ("", row["alias"])]
    if as_json:
        emit({"aliases": rows})
        return
    table(("alias", "under", "upstreams", "stands by"), [_row(row) for row in rows])
    if to:
        say(f"next: `{alias}` moves when its terms end, or now with `caveat terms switch {alias}`")


def switch(
    alias: Alias,
    home: Where = None,
    *,
    to: Annotated[str, typer.Option(help="The id of other terms in force; those that stand by, where not given.")] = "",
    model: Model = "",
    as_json: Json = False,
) -> None:
    """Move an alias to another vendor's model: every call from here on is decided under that vendor's terms."""
    row = at_home(home).ask("POST", f"/switch/{alias}", _target(to, model) if to else b"")
    if as_json:
        emit(row)
        return
    say(f"`{alias}` is served under {row['terms']} since record {row['moved']['at']}, and by nobody else")
    if not row["upstreams"]:
        say("note: no upstream serves it as those terms identify it; `caveat models list` shows what is served")
    say(f"to move it back: `caveat terms switch {alias} --to TERMS`")


def _target(terms: str, model: str, *, on_lapse: bool = False) -> bytes:
    return msgspec.json.encode({"terms": terms, "model": model, **({"on_lapse": True} if on_lapse else {})})


def _row(row: dict[str, Any]) -> tuple[str, str, str, str]:
    target = row["standby"]
    stands_by = f"{target['terms']} ({target['model']})" if target else ""
    stands_by += ", at a lapse too" if target and target["on_lapse"] else ""
    return row["alias"], row["terms"] or "nothing in force", ", ".join(row["upstreams"]) or "none", stands_by
