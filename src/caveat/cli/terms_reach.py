"""`caveat terms reach`: what a waiver could let through, over every request there could be, before anyone approves it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from caveat.cli.files import read_bytes
from caveat.cli.output import Json, emit, out, say
from caveat.cli.terms_file import File, draft_of
from caveat.errors import BadInput
from caveat.talks.reach import Reach
from caveat.talks.reach import reach as reach_of
from caveat.talks.solvers import names
from caveat.terms.document import Draft
from caveat.waivers.signed import read_request
from caveat.waivers.waiver import Waiver

TITLES = {
    "hazardsIn": "hazards in the request",
    "hazardsOut": "hazards in the reply",
    "caveats": "handling caveats",
    "tools": "tools offered",
    "purpose": "purposes",
    "outputUse": "uses of the output",
    "regulatedArea": "regulated areas",
    "personalData": "personal data",
    "sideEffect": "side effects",
    "labelRank": "marking rank of the request",
    "labelRankOut": "marking rank of the reply",
    "secretsIn": "secrets in the request",
    "secretsOut": "secrets in the reply",
}


def reach(
    file: File,
    waiver: Annotated[Path | None, typer.Argument(help="A waiver's file (`caveat waiver request`).")] = None,
    *,
    clause: Annotated[
        list[str] | None, typer.Option(help="Without a file: a clause to be lifted; once for each.")
    ] = None,
    caller: Annotated[list[str] | None, typer.Option(help="Only for this caller; any if left out.")] = None,
    purpose: Annotated[list[str] | None, typer.Option(help="Only for this purpose; any if left out.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only for this model; any if left out.")] = None,
    highest_rank: Annotated[int, typer.Option(help="Only up to this marking rank; -1 for any.")] = -1,
    as_json: Json = False,
) -> None:
    """What a waiver could let through that the terms alone do not, and what it provably cannot."""
    if (waiver is None) == (not clause):
        raise BadInput("expected either a waiver's file or `--clause ID`")
    asked = _read(waiver) if waiver else _scope(clause or [], caller, purpose, model, highest_rank)
    draft = draft_of(file)
    found = reach_of(draft, asked)
    if as_json:
        emit({"terms": draft.name, "clauses": asked.clauses, "solvers": names(), "reach": found})
        return
    _print(draft, asked, found)


def _read(file: Path) -> Waiver:
    request = read_request(read_bytes(file, 1 << 20)).request
    return _scope(request.clauses, request.callers, request.purposes, request.models, request.max_rank)


def _scope(
    clauses: Sequence[str],
    callers: Sequence[str] | None,
    purposes: Sequence[str] | None,
    models: Sequence[str] | None,
    rank: int,
) -> Waiver:
    """A waiver of that scope that nobody has approved: only its scope is looked at."""
    return Waiver(
        id="",
        clauses=tuple(clauses),
        callers=tuple(callers or ()),
        purposes=tuple(purposes or ()),
        models=tuple(models or ()),
        reason="",
        from_ms=0,
        until_ms=0,
        max_uses=1,
        requester="",
        approvers=(),
        digest="",
        max_rank=rank,
    )


def _print(draft: Draft, asked: Waiver, found: Sequence[Reach]) -> None:
    lifted = ", ".join(f"`{id_}`" for id_ in asked.clauses)
    if all(one.says == "cannot" for one in found):
        say(f"lifting {lifted} of {draft.name} lets nothing through that was not allowed before: proved")
        return
    say(f"over every request there could be, lifting {lifted} of {draft.name}, in this scope:")
    for says, style, title in (
        ("can", "yellow", "can let through"),
        ("cannot", "green", "cannot let through (proved)"),
        ("unknown", "red", "unknown, which is no proof"),
    ):
        lines = _lines([one for one in found if one.says == says])
        if lines:
            out.print(f"  [{style}]{escape(title)}[/{style}]")
            for line in lines:
                say(f"    {line}")
    say("next: `caveat waiver request` asks for it; two other persons approve it")


def _lines(found: Sequence[Reach]) -> list[str]:
    grouped: dict[str, list[str]] = {}
    for one in found:
        grouped.setdefault(one.fact, []).append(one.word)
    return [f"{TITLES[fact]}: {_words(words)}" for fact, words in grouped.items()]


def _words(words: Sequence[str]) -> str:
    """`>= 1, >= 2, ...` is told by its strongest part alone."""
    ranks = [int(word.removeprefix(">= ")) for word in words if word.startswith(">= ")]
    if ranks:
        return f"{min(ranks)} to {max(ranks)}" if len(ranks) > 1 else str(ranks[0])
    return "any" if list(words) == ["true"] else ", ".join(words)
