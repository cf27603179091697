"""`caveat keys`: callers' keys.  A key is shown once, when it is made; the ledger keeps its digest."""

from typing import Annotated, Any

import msgspec
import typer

from caveat.cli.output import Json, emit, out, say, table
from caveat.cli.remote import Where, at_home
from caveat.errors import BadInput
from caveat.facts import Caller
from caveat.gateway.callers import secret_digest
from caveat.gateway.founding import new_key_text
from caveat.register import ROLES, CallerKey

app = typer.Typer(help="Callers' keys: new, list, revoke.", no_args_is_help=True)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="A name for the key, used once: `anna`, `translation-service`.")],
    home: Where = None,
    *,
    role: Annotated[str, typer.Option(help="caller, operator, approver or auditor.")] = "caller",
    kind: Annotated[str, typer.Option(help="human, service or agent.")] = "human",
    purpose: Annotated[
        list[str] | None, typer.Option(help="A purpose that the key is for; the first is its default.")
    ] = None,
    marking: Annotated[str, typer.Option(help="The lowest marking that its calls bear.")] = "",
    clearance: Annotated[int, typer.Option(help="Rank of the highest marking that its holder may handle.")] = 0,
    language: Annotated[str, typer.Option(help="BCP 47 tag of its refusals and notices.")] = "",
    effect: Annotated[
        str, typer.Option(help="none, informs-human or affects-person: the strictest it may have.")
    ] = "informs-human",
    as_json: Json = False,
) -> None:
    """Make a key and show it, once."""
    if role not in ROLES:
        raise BadInput(f"expected a role of {', '.join(ROLES)}, got `{role}`")
    purposes = tuple(purpose or ())
    fields: dict[str, Any] = {
        "id": name,
        "kind": kind,
        "purposes": purposes,
        "purpose": purposes[0] if purposes else "",
        "marking": marking,
        "clearance_rank": clearance,
        "language": language,
        "effect": effect,
    }
    try:
        caller = msgspec.convert(fields, Caller)
    except msgspec.ValidationError as error:
        raise BadInput(f"a key cannot be made so: {error}") from None
    text = new_key_text()
    at_home(home).add_key(msgspec.json.encode(CallerKey(role, secret_digest(text), caller)))
    if as_json:
        emit({"key": name, "role": role, "text": text})
        return
    say(f"made the key `{name}` ({role}); this is the only time that it is shown:")
    out.print(f"\n  {text}\n")


@app.command("list")
def list_keys(home: Where = None, *, as_json: Json = False) -> None:
    """Keys by name and role; never their text."""
    keys = at_home(home).keys()
    if as_json:
        emit({"keys": keys})
        return
    table(("key", "role", "state"), [(k["id"], k["role"], "live" if k["live"] else "revoked") for k in keys])


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name.")], home: Where = None, *, as_json: Json = False
) -> None:
    """Revoke a key: its next call is refused."""
    at_home(home).revoke_key(name)
    emit({"revoked": name}) if as_json else say(f"the key `{name}` is revoked")
