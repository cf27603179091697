"""`caveat keys`: callers' keys.  A key is shown once, when it is made; the ledger keeps its digest."""

from typing import Annotated, Any

import msgspec
import typer

from caveat.cli.output import Json, emit, out, say, table
from caveat.cli.remote import Where, at_home
from caveat.cli.sections import Sections, examples
from caveat.errors import BadInput
from caveat.facts import Caller
from caveat.gateway.house.callers import secret_digest
from caveat.gateway.house.founding import new_key_text
from caveat.register import ROLES, CallerKey
from caveat.register.budgets import Budget

app = typer.Typer(
    cls=Sections,
    help="Callers' keys: new, list, budget, revoke.",
    epilog=examples(
        "caveat keys new press-office --purpose summarisation   shown once: give it to its holder",
        "caveat keys revoke press-office",
    ),
    no_args_is_help=True,
)

CallsADay = Annotated[int, typer.Option(min=0, help="So many calls a day (UTC), 0 for no bound.")]
CallsAMonth = Annotated[int, typer.Option(min=0, help="So many calls a month (UTC), 0 for no bound.")]
TokensADay = Annotated[int, typer.Option(min=0, help="So many tokens, in and out, a day (UTC), 0 for no bound.")]
TokensAMonth = Annotated[int, typer.Option(min=0, help="So many tokens, in and out, a month (UTC), 0 for no bound.")]


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
    calls_a_day: CallsADay = 0,
    calls_a_month: CallsAMonth = 0,
    tokens_a_day: TokensADay = 0,
    tokens_a_month: TokensAMonth = 0,
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
    text, budget = new_key_text(), Budget(calls_a_day, calls_a_month, tokens_a_day, tokens_a_month)
    at_home(home).add_key(msgspec.json.encode(CallerKey(role, secret_digest(text), caller, budget=budget)))
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
    rows = [(k["id"], k["role"], "live" if k["live"] else "revoked", _budget_text(k)) for k in keys]
    table(("key", "role", "state", "budget, used so far"), rows)


def _budget_text(key: dict[str, Any]) -> str:
    """`3 of 100 calls a day; 2,310 of 50,000 tokens a month`."""
    parts = [f"{key['used'][name]:,} of {bound:,} {name.replace('_', ' a ')}" for name, bound in key["budget"].items()]
    return "; ".join(parts) or "none"


@app.command("budget")
def budget(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    home: Where = None,
    *,
    calls_a_day: CallsADay = 0,
    calls_a_month: CallsAMonth = 0,
    tokens_a_day: TokensADay = 0,
    tokens_a_month: TokensAMonth = 0,
    as_json: Json = False,
) -> None:
    """Give a key another budget, from its next call on; without any option it has none.  What was used stays counted."""
    given = Budget(calls_a_day, calls_a_month, tokens_a_day, tokens_a_month)
    at_home(home).ask("PUT", f"/keys/{name}/budget", msgspec.json.encode(given))
    if as_json:
        emit({"budgeted": name, "budget": msgspec.to_builtins(given)})
    else:
        say(f"the key `{name}` has this budget from its next call on: {given.says}")


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name.")], home: Where = None, *, as_json: Json = False
) -> None:
    """Revoke a key: its next call is refused."""
    at_home(home).revoke_key(name)
    emit({"revoked": name}) if as_json else say(f"the key `{name}` is revoked")
