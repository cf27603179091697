"""`caveat keys`: callers' keys.  A key is shown once, when it is made; the ledger keeps its digest."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import msgspec
import typer

from caveat.cli.output import Json, emit, out, say, table
from caveat.cli.remote import Operations, Where, at_home
from caveat.cli.sections import Sections, examples
from caveat.errors import BadInput
from caveat.facts import Caller
from caveat.gateway.house.callers import new_key_text, secret_digest
from caveat.register import ROLES, CallerKey
from caveat.register.budgets import Budget
from caveat.talks.draft import read_draft

app = typer.Typer(
    cls=Sections,
    help="Callers' keys: new, list, budget, revoke.",
    epilog=examples(
        "caveat keys new press-office --purpose summarisation   shown once: give it to its holder",
        "caveat keys revoke press-office",
    ),
    no_args_is_help=True,
)

MAY_BE = {
    "kind": "human, service or agent",
    "effect": "none, informs-human or affects-person",
    "clearance_rank": "a whole number from 0 to 15",
    "group": "small letters, digits, dots and dashes, such as `archive`",
}
"""What a person may give of these; the others are free words."""

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
    group: Annotated[
        str, typer.Option(help="To which its holder belongs, such as `archive`: `terms replay` counts by it.")
    ] = "",
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
        "group": group,
        "effect": effect,
    }
    try:
        caller = msgspec.convert(fields, Caller)
    except msgspec.ValidationError as error:
        raise _not_so(str(error), fields) from None
    text, budget = new_key_text(), Budget(calls_a_day, calls_a_month, tokens_a_day, tokens_a_month)
    operations = at_home(home)
    operations.add_key(msgspec.json.encode(CallerKey(role, secret_digest(text), caller, budget=budget)))
    if as_json:
        emit({"key": name, "role": role, "text": text})
        return
    say(f"made the key `{name}` ({role}); this is the only time that it is shown:")
    out.print(f"\n  {text}\n")
    _note_odd(purposes, operations)


def _not_so(error: str, fields: Mapping[str, Any]) -> BadInput:
    """What a field may be, for the one that is not."""
    field = next((name for name in MAY_BE if f"$.{name}`" in error), "")
    if not field:
        return BadInput(f"a key cannot be made so: {error}")
    return BadInput(f"`{fields[field]}` is no {field.replace('_rank', '')} of a key", hint=f"expected {MAY_BE[field]}")


def _note_odd(purposes: Collection[str], operations: Operations) -> None:
    """Say where a key is for what no terms in force know: its calls would all be refused."""
    drafts = (
        [read_draft(one["yaml"].encode()) for one in operations.ask("GET", "/terms")["in_force"]] if purposes else []
    )
    known = sorted({purpose for draft in drafts for purpose in draft.purposes})
    for odd in sorted(set(purposes).difference(known)) if drafts else ():
        say(
            f"note: no terms in force have the purpose `{odd}`, so calls for it are refused; they have {', '.join(known)}"
        )


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
