"""`caveat terms lint | show | sample`: read terms, and know what they are worth before anyone signs."""

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from caveat.cli.output import Json, emit, out, say
from caveat.cli.remote import Where
from caveat.cli.terms_claim import claim_lines
from caveat.cli.terms_file import File, draft_of
from caveat.cli.trial import trial_of
from caveat.errors import BadInput
from caveat.gateway.home.directory import home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.past import read_past
from caveat.gateway.proof.claiming import listed
from caveat.ledger.reader import LedgerReader
from caveat.register import Register
from caveat.terms.compile import duty_text
from caveat.terms.document import Agreed, Clause, Draft, Kind
from caveat.terms.lease import FOREVER
from caveat.terms.lint import lint as lint_draft
from caveat.terms.moment import moment_text
from caveat.terms.samples import sample_names, sample_terms

Language = Annotated[str, typer.Option("--language", "-l", help="BCP 47 tag; the terms' first where it is not given.")]

KINDS: dict[Kind, str] = {
    "enforced": "the gateway makes it hold",
    "recorded": "it shows, and a declaration can escape it",
    "promised": "no machine checks it",
}
STYLES = {"permit": "green", "forbid": "red", "hold": "yellow", "oblige": "blue"}
LEVELS = {"error": "red", "warning": "yellow", "note": "dim"}


def lint(file: File, *, as_json: Json = False) -> None:
    """Check terms before anyone signs: every clause compiled, every probe run, every doubt named with its line."""
    draft = draft_of(file)
    remarks = lint_draft(draft, time.time_ns() // 1_000_000, trial_of(draft))
    errors = sum(1 for remark in remarks if remark.level == "error")
    if as_json:
        emit({"terms": draft.name, "errors": errors, "remarks": remarks})
    else:
        for remark in remarks:
            style = LEVELS[remark.level]
            where = f"{file.name}:{remark.line}" + (f" {remark.clause}" if remark.clause else "")
            out.print(f"[{style}]{remark.level:<8}[/{style}]{escape(where)}: {escape(remark.message)}")
            if remark.hint:
                out.print(f"        [dim]→ {escape(remark.hint)}[/dim]")
        counted = Counter(remark.level for remark in remarks)
        say(f"{draft.name}: {counted['error']} errors, {counted['warning']} warnings, {counted['note']} notes")
    if errors:
        raise typer.Exit(1)


def show(
    file: Annotated[
        Path | None, typer.Argument(help="Terms as YAML or signed; those in force where it is not given.")
    ] = None,
    home: Where = None,
    *,
    language: Language = "",
    yaml: Annotated[str, typer.Option("--yaml", help="Write the text of the terms of that id, to work on.")] = "",
    as_json: Json = False,
) -> None:
    """Show each clause with its sentence and its kind, and how much of it all is enforced."""
    register = Register() if file else _in_force(home)
    drafts = [draft_of(file)] if file else [terms.draft for terms in register.terms.values()]
    if yaml:
        typer.echo(_text_of(yaml, drafts), nl=False)
        return
    if as_json:
        emit({"terms": [_as_value(draft) for draft in drafts], "claims": listed(register)["claims"]})
        return
    if not drafts:
        say("no terms are in force; `caveat terms adopt FILE` puts signed terms in force")
    for draft in drafts:
        _print(draft, language or draft.languages[0], listed(register)["claims"])


def sample(
    name: Annotated[str, typer.Argument(help="Which; left out, they are listed.")] = "", *, as_json: Json = False
) -> None:
    """Write sample terms to standard output, to start from."""
    if not name:
        emit({"samples": sample_names()}) if as_json else say("\n".join(sample_names()))
        return
    text = sample_terms(name).decode()
    emit({"sample": name, "yaml": text}) if as_json else typer.echo(text, nl=False)


def _text_of(name: str, drafts: Sequence[Draft]) -> str:
    for draft in drafts:
        if name in (draft.id, draft.name):
            return draft.yaml.decode()
    names = ", ".join(f"`{draft.id}`" for draft in drafts) or "none"
    raise BadInput(f"there are no terms `{name}` here", hint=f"there are {names}")


def _in_force(home: Path | None) -> Register:
    made = open_home(home or home_path(os.environ))
    return read_past(LedgerReader(made.ledger, made.vault), Documents(made.control)).register


def _as_value(draft: Draft) -> dict[str, object]:
    return {
        "terms": draft.name,
        "title": draft.title,
        "vocabulary": draft.vocabulary,
        "parties": {"vendor": draft.vendor.name, "operator": draft.operator.name},
        "recognizer": draft.recognizer,
        "lease": draft.lease,
        "continuity": draft.continuity,
        "cut_after_s": draft.cut_after_s,
        "challenges": draft.challenges,
        "seals": draft.seals,
        "coverage": dict(Counter(clause.kind for clause in draft.clauses)),
        "clauses": draft.clauses,
    }


def _print(draft: Draft, language: str, claims: Sequence[dict[str, Any]] = ()) -> None:
    """The terms, each clause with what is said about it: claims stand apart, for they are not what holds."""
    claims = [row for row in claims if row["about"] in (draft.id, draft.name)]
    title = draft.title.get(language) or next(iter(draft.title.values()))
    out.print(f"\n[bold]{escape(title)}[/bold]  {draft.name}")
    out.print(f"[dim]between {escape(draft.vendor.name)} (vendor) and {escape(draft.operator.name)} (operator)[/dim]")
    out.print(f"[dim]vocabulary {draft.vocabulary}[/dim]\n")
    if draft.challenges:
        promised = draft.challenges
        say(f"challenges: {promised.openings} records of a bundle are opened, for {promised.days} days after it\n")
    if draft.recognizer:
        _print_recognizer(draft.recognizer, draft.thresholds)
    for seal in draft.seals:
        say(f"seal: `{seal.name}` stands before {', '.join(seal.models)} and counts every call to it")
    if not draft.seals:
        say("seal: none is asked for, so nothing shows calls made around the gateway")
    for line in _lasts(draft):
        say(line)
    _print_claims([row for row in claims if row["clause"] not in {clause.id for clause in draft.clauses}])
    for clause in draft.clauses:
        _print_clause(clause, language)
        _print_claims([row for row in claims if row["clause"] == clause.id])
    counted = Counter(clause.kind for clause in draft.clauses)
    out.print(f"[bold]Coverage[/bold] of {len(draft.clauses)} clauses:")
    for kind, meaning in KINDS.items():
        out.print(f"  {counted[kind]:>3}  {kind:<9} [dim]{meaning}[/dim]")


def _print_recognizer(agreed: Agreed, thresholds: Mapping[str, int]) -> None:
    out.print(f"every call is read by [bold]{escape(agreed.name)}@{escape(agreed.version)}[/bold]  {agreed.weights}")
    for code, rates in agreed.measured.items():
        both = ((rates.false_alarms, "false alarms"), (rates.misses, "misses"))
        said = ", ".join(f"{n} {what} in 1,000" for n, what in both if n is not None)
        out.print(f"        [dim]{code} at {thresholds[code]}: {said}[/dim]")
    out.print("        [dim]a recognizer can be fooled; terms should not rest on it alone[/dim]\n")


def _print_claims(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        for line in claim_lines(row):
            out.print(f"        [dim]said, not agreed: {escape(line.strip())}[/dim]")


def _lasts(draft: Draft) -> list[str]:
    """How long the terms hold, and what goes on or is cut after that."""
    lines = []
    if draft.lease is not None:
        bounds = [f"until {moment_text(draft.lease.until_ms)}"] * (draft.lease.until_ms < FOREVER)
        bounds += [f"for {draft.lease.calls:,} calls"] * (draft.lease.calls < FOREVER)
        lines.append(f"lease: {' or '.join(bounds)}, whichever comes first, unless the vendor renews it")
    if draft.continuity is not None:
        grant = draft.continuity
        bounds = [f"{grant.days} days"] * bool(grant.days) + [f"{grant.calls:,} calls"] * bool(grant.calls)
        what = f"for {', '.join(grant.purposes)}" if grant.purposes else "for everything"
        lines.append(f"continuity: {' or '.join(bounds)} more {what}, after {' or '.join(grant.after)}")
    if draft.cut_after_s is not None:
        lines.append(f"wind-down: calls that run are cut {draft.cut_after_s} seconds after a party ends the terms")
    return [*lines, ""] if lines else []


def _print_clause(clause: Clause, language: str) -> None:
    style = STYLES[clause.effect]
    says = clause.says.get(language) or next(iter(clause.says.values()))
    waivable = "  [dim]waivable[/dim]" if clause.waivable else ""
    out.print(
        f"[{style}]{clause.effect:<7}[/{style}] [bold]{escape(clause.id)}[/bold]  [dim]{clause.kind}[/dim]{waivable}"
    )
    out.print(f"        {escape(says)}")
    if clause.duties:
        out.print(f"        [dim]duties: {escape(', '.join(duty_text(duty) for duty in clause.duties))}[/dim]")
    out.print()
