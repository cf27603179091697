"""`caveat evidence` and `caveat verify`: what leaves the house, and what it proves to someone outside."""

import os
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer

from caveat.cli import evidence_challenge, evidence_export, evidence_prepare
from caveat.cli.evidence_verdict import signer, write_for_bundle
from caveat.cli.files import existing, read_bytes, write_new
from caveat.cli.ledger import reader_of
from caveat.cli.output import Json, emit, hang, out, say, spoken_language, table
from caveat.cli.remote import Where
from caveat.cli.sections import Sections
from caveat.errors import BadInput
from caveat.evidence.guarded import COUNTS, FORMAT, follows, open_guarded
from caveat.evidence.report import Report
from caveat.evidence.report_page import verify_with_page
from caveat.evidence.trust import Trust, read_trust
from caveat.evidence.verify import verify as verify_bundle
from caveat.gateway.home.directory import home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.house.past import read_past
from caveat.gateway.proof.trusting import trust_text
from caveat.sentences.said import phrase, said

app = typer.Typer(
    cls=Sections,
    help="Evidence for an outsider: export, view, prepare, release, trust, challenge, receive, answer, audit, open.",
    no_args_is_help=True,
)

MARKS = {"proved": "[green]✓[/green]", "failed": "[bold red]✗[/bold red]", "not proved": "[yellow]–[/yellow]"}


app.command("export")(evidence_export.export)
app.command("view")(evidence_export.view)
app.command("prepare")(evidence_prepare.prepare)
app.command("prepared")(evidence_prepare.prepared)
app.command("release")(evidence_prepare.release)
app.command("drop")(evidence_prepare.drop)
app.command("challenge")(evidence_challenge.challenge)
app.command("receive")(evidence_challenge.receive)
app.command("answer")(evidence_challenge.answer)
app.command("audit")(evidence_challenge.audit)
app.command("open")(evidence_challenge.open_on_site)


@app.command("trust")
def trust(
    output: Annotated[Path | None, typer.Argument(help="Where to write; standard output where not given.")] = None,
    home: Where = None,
    *,
    as_json: Json = False,
) -> None:
    """The trust file for verifiers: this log's keys and both parties'.  Compare its keys by voice before you rely on it."""
    made = open_home(home or home_path(os.environ))
    keys, _ = house_keys(made, made.settings().gateway.origin)
    register = read_past(reader_of(made), Documents(made.control)).register
    witnesses = {name: witness.verify_key for name, witness in made.settings().witness.items()}
    text = trust_text(keys.verify_keys, register, witnesses)
    if output is not None:
        write_new(output, text.encode())
    if as_json:
        emit({"trust": text, "file": str(output or "")})
    elif output is None:
        typer.echo(text, nl=False)
    else:
        say(f"wrote {output}")


def verify(
    bundle: Annotated[Path, typer.Argument(help="The bundle.")],
    trust_file: Annotated[Path, typer.Option("--trust", help="Whose keys count: a tlog-policy file with party lines.")],
    *,
    last: Annotated[Path | None, typer.Option(help="The newest checkpoint of this log that you held before.")] = None,
    after: Annotated[Path | None, typer.Option(help="The bundle before it in your sequence.")] = None,
    ticket: Annotated[
        list[Path] | None,
        typer.Option(help="A ticket (`x-caveat-ticket`) that a caller was given; may come more than once."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--report", help="Write the result as one HTML file, which checks itself again.")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            help="How many processes read the records; one a core where not given, four at most.", min=1, max=64
        ),
    ] = None,
    language: Annotated[
        str, typer.Option(help="Of the result in words and of the report: en or fr.  Otherwise as LANG says, else en.")
    ] = "",
    verdict: Annotated[
        Path | None, typer.Option(help="Write what was found here, signed, for the other side's record.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Your signing key, for the verdict.")] = None,
    as_json: Json = False,
) -> None:
    """Verify a bundle offline: needs no home, no gateway and no network."""
    spoken = spoken_language(language, os.environ)
    keys, signs = read_trust(read_bytes(trust_file)), signer(verdict, key)
    if _is_guarded(bundle):
        if signs:
            raise BadInput("a verdict is about a bundle, and this is a day's guarded statement")
        _verify_guarded(bundle, keys, after, as_json=as_json)
        return
    with ExitStack() as files:
        file = files.enter_context(existing(bundle).open("rb"))
        before = files.enter_context(existing(after).open("rb")) if after else None
        known = read_bytes(last) if last else b""
        tickets = tuple(read_bytes(path) for path in ticket or ())
        if page is None:
            report = verify_bundle(file, keys, known, before, tickets, processes)
        else:
            report, html = verify_with_page(file, keys, known, before, tickets, processes, language=spoken)
            write_new(page, html.encode(), replacing=True)
    if verdict and signs:
        write_for_bundle(verdict, bundle, report, signs)
    if as_json:
        emit(report)
    else:
        print_report(report, spoken)
    if not report.verified:
        raise typer.Exit(1)


def _is_guarded(file: Path) -> bool:
    with existing(file).open("rb") as opened:
        return opened.read(len(FORMAT)) == FORMAT.encode()


def _verify_guarded(file: Path, trust: Trust, after: Path | None, *, as_json: bool) -> None:
    """A guarded statement: signed, in its one form, and behind the one of the day before."""
    day = open_guarded(read_bytes(file), trust.logs)
    if after is not None:
        follows(day, open_guarded(read_bytes(after), trust.logs))
    grew = "it goes on from the day before" if after else "the day before was not given (`--after`)"
    counts = dict(zip(COUNTS, day.counts, strict=True))
    if as_json:
        emit(
            {
                "verified": True,
                "day": day.day,
                "number": day.number,
                "size": day.size,
                "counts": counts,
                "seals": day.seals,
            }
        )
        return
    say(f"{day.origin}, {day.day}, number {day.number}: {day.size} records, signed by the log; {grew}")
    table(("what", "count"), [(name, f"{count:,}") for name, count in counts.items() if count])
    for name, boot, calls, tokens_in, tokens_out in day.seals:
        say(f"seal {name}: boot {boot}, {calls:,} calls, {tokens_in:,} tokens in, {tokens_out:,} out")
    say("Not proved: the counts are the gateway's own. On site the statement is made again and compared byte by byte.")


def verify_bytes(bundle: bytes, trust_bytes: bytes) -> Report:
    """The same for bytes in memory."""
    return verify_bundle(BytesIO(bundle), read_trust(trust_bytes))


def print_report(report: Report, language: str = "en") -> None:
    """Each step with its mark; what was not proved, and why."""
    for step in report.steps:
        hang(f"{MARKS[step.outcome]} {step.number:>2}.", said(step.title, language))
        if step.says:
            hang("     ", said(step.says, language), "dim")
        for also in step.also:
            hang("     ", phrase("also: {what}", language, what=said(also, language)), "dim")
        for limit in step.limits:
            hang("     ", phrase("not proved: {what}", language, what=said(limit, language)), "yellow")
    told = phrase("Verified", language) if report.verified else phrase("Not verified", language)
    out.print(f"[bold {'green' if report.verified else 'red'}]{told}.[/]")
    say(phrase("No bundle of this kind can prove:", language))
    for what in report.beyond:
        hang("  -", said(what, language), "dim")
