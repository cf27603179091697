"""`caveat terms`: the agreement as a file that people read, check, sign and put in force."""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from caveat.cli.changes import print_diff
from caveat.cli.files import existing, read_bytes, write_new
from caveat.cli.output import Json, emit, out, say
from caveat.cli.remote import Where, at_home
from caveat.cli.trial import trial_of
from caveat.gateway.documents import Documents
from caveat.gateway.home import home_path, open_home
from caveat.gateway.past import read_past
from caveat.keys import read_signing_key, read_verify_key
from caveat.ledger.reader import LedgerReader
from caveat.register import Register
from caveat.talks.diff import diff as compare
from caveat.talks.draft import read_draft
from caveat.talks.patch import patched, read_patch
from caveat.terms.compile import duty_text
from caveat.terms.document import Clause, Draft, Kind, SignedTerms
from caveat.terms.ending import sign_ending
from caveat.terms.lint import lint as lint_draft
from caveat.terms.samples import sample_names, sample_terms
from caveat.terms.sign import add_signature, claimed_draft, claimed_keys, claimed_terms, open_terms, sign_terms

app = typer.Typer(
    help="Terms between a vendor and an operator: lint, show, sign, adopt, diff, end.", no_args_is_help=True
)

File = Annotated[Path, typer.Argument(help="Terms as YAML, or signed terms (JSON).")]
Language = Annotated[str, typer.Option("--language", "-l", help="BCP 47 tag; the terms' first where it is not given.")]

KINDS: dict[Kind, str] = {
    "enforced": "the gateway makes it hold",
    "recorded": "it shows, and a declaration can escape it",
    "promised": "no machine checks it",
}
STYLES = {"permit": "green", "forbid": "red", "hold": "yellow", "oblige": "blue"}
LEVELS = {"error": "red", "warning": "yellow", "note": "dim"}


@app.command("lint")
def lint(file: File, *, as_json: Json = False) -> None:
    """Check terms before anyone signs: every clause compiled, every probe run, every doubt named with its line."""
    draft = _draft(file)
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


@app.command("show")
def show(
    file: Annotated[
        Path | None, typer.Argument(help="Terms as YAML or signed; those in force where it is not given.")
    ] = None,
    home: Where = None,
    *,
    language: Language = "",
    as_json: Json = False,
) -> None:
    """Show each clause with its sentence and its kind, and how much of it all is enforced."""
    drafts = [_draft(file)] if file else [terms.draft for terms in _in_force(home).terms.values()]
    if as_json:
        emit({"terms": [_as_value(draft) for draft in drafts]})
        return
    if not drafts:
        say("no terms are in force; `caveat terms adopt FILE` puts signed terms in force")
    for draft in drafts:
        _print(draft, language or draft.languages[0])


@app.command("sample")
def sample(name: Annotated[str, typer.Argument(help="Which; left out, they are listed.")] = "") -> None:
    """Write sample terms to standard output, to start from."""
    if not name:
        say("\n".join(sample_names()))
        return
    typer.echo(sample_terms(name).decode(), nl=False)


@app.command("sign")
def sign(
    file: File,
    key: Annotated[Path, typer.Option(help="Your signing key (`caveat party init` makes one).")],
    output: Annotated[
        Path | None, typer.Option("--out", help="Where to write; FILE.signed.json where not given.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Sign terms: the YAML for the first party, the signed file for the second.  Read them first: `caveat terms show`."""
    signer = read_signing_key(read_bytes(key).decode("ascii", "replace").strip())
    raw = read_bytes(file)
    if _is_signed(raw):
        signed, target = add_signature(SignedTerms(raw), signer), output or file
    else:
        signed, target = sign_terms(read_draft(raw), signer), output or file.with_suffix(".signed.json")
    write_new(target, signed.raw, replacing=target == file)
    keys = claimed_keys(signed)
    if as_json:
        emit({"terms": claimed_draft(signed).name, "file": str(target), "signatures": keys})
        return
    say(f"signed {claimed_draft(signed).name} as `{signer.name}`; {target} bears {len(keys)} signature(s)")
    say("next: the other party signs this file, then the operator runs `caveat terms adopt` on it")


@app.command("adopt")
def adopt(file: File, home: Where = None, *, as_json: Json = False) -> None:
    """Put terms in force that both parties signed.  Calls from the next one on are decided under them."""
    done = at_home(home).adopt(read_bytes(file))
    if as_json:
        emit(done)
    else:
        say(f"{done['adopted']} is in force; the pair's digest is {done['digest']}")


@app.command("verify")
def verify(
    file: File,
    vendor: Annotated[list[str], typer.Option(help="A verify key of the vendor.")],
    operator: Annotated[list[str], typer.Option(help="A verify key of the operator.")],
    *,
    as_json: Json = False,
) -> None:
    """Check both parties' signatures over the exact bytes."""
    trust = {"vendor": [read_verify_key(k) for k in vendor], "operator": [read_verify_key(k) for k in operator]}
    terms = open_terms(SignedTerms(read_bytes(file)), trust)
    signers = {signature.role: signature.key for signature in terms.signatures}
    if as_json:
        emit({"terms": terms.draft.name, "digest": terms.digest, "signatures": signers})
        return
    for role, name in signers.items():
        say(f"signed by the {role}: {name}")
    say(f"{terms.draft.name} holds; the pair's digest is {terms.digest}")


@app.command("revoke")
def revoke(
    file: Annotated[Path, typer.Argument(help="The signed terms that end.")],
    key: Annotated[Path, typer.Option(help="Your signing key, a party's.")],
    reason: Annotated[str, typer.Option(help="Why, in one line.")],
    output: Annotated[Path, typer.Option("--out", help="Where to write the signed ending.")],
    *,
    as_json: Json = False,
) -> None:
    """Sign, as either party, that terms end.  The operator's gateway stops once it has `caveat terms end --notice`."""
    signer = read_signing_key(read_bytes(key).decode("ascii", "replace").strip())
    terms = claimed_terms(SignedTerms(read_bytes(file)))
    write_new(output, sign_ending(terms, signer, reason))
    if as_json:
        emit({"terms": terms.draft.name, "digest": terms.digest, "file": str(output)})
    else:
        say(f"{output} says, signed by `{signer.name}`, that {terms.draft.name} ends")
        say(f"next: the operator runs `caveat terms end {terms.draft.id} --notice {output}`")


@app.command("end")
def end(
    name: Annotated[str, typer.Argument(help="The terms' id, without version.")],
    home: Where = None,
    *,
    notice: Annotated[Path | None, typer.Option(help="A party's signed ending (`caveat terms revoke`).")] = None,
    as_json: Json = False,
) -> None:
    """End terms in force: every call under them is refused from the next one on."""
    at_home(home).end_terms(name, read_bytes(notice) if notice else b"")
    if as_json:
        emit({"ended": name})
    else:
        say(f"`{name}` is no longer in force")


@app.command("patch")
def patch(
    file: File,
    change: Annotated[Path, typer.Argument(help="The patch: which clauses change, and why.")],
    output: Annotated[Path, typer.Option("--out", help="Where to write the next version, as YAML.")],
    *,
    as_json: Json = False,
) -> None:
    """Make the next version of terms from a patch of clauses."""
    before = _draft(file)
    after = patched(before, read_patch(read_bytes(change)))
    write_new(output, after.yaml)
    if as_json:
        emit({"terms": after.name, "file": str(output), "changes": compare(before, after)})
        return
    print_diff(compare(before, after))
    say(f"wrote {after.name} to {output}; next: `caveat terms lint`, then both parties sign")


@app.command("diff")
def diff(
    before: File, after: Annotated[Path, typer.Argument(help="The other version.")], *, as_json: Json = False
) -> None:
    """What changed between two versions, clause by clause."""
    changes = compare(_draft(before), _draft(after))
    if as_json:
        emit(changes)
    else:
        print_diff(changes)


def _draft(file: Path) -> Draft:
    raw = read_bytes(existing(file))
    return claimed_draft(SignedTerms(raw)) if _is_signed(raw) else read_draft(raw)


def _is_signed(raw: bytes) -> bool:
    return raw.lstrip()[:1] == b"{"


def _in_force(home: Path | None) -> Register:
    made = open_home(home or home_path(os.environ))
    return read_past(LedgerReader(made.ledger, made.vault), Documents(made.control)).register


def _as_value(draft: Draft) -> dict[str, object]:
    return {
        "terms": draft.name,
        "title": draft.title,
        "parties": {"vendor": draft.vendor.name, "operator": draft.operator.name},
        "coverage": dict(Counter(clause.kind for clause in draft.clauses)),
        "clauses": draft.clauses,
    }


def _print(draft: Draft, language: str) -> None:
    title = draft.title.get(language) or next(iter(draft.title.values()))
    out.print(f"\n[bold]{escape(title)}[/bold]  {draft.name}")
    out.print(f"[dim]between {escape(draft.vendor.name)} (vendor) and {escape(draft.operator.name)} (operator)[/dim]\n")
    for clause in draft.clauses:
        _print_clause(clause, language)
    counted = Counter(clause.kind for clause in draft.clauses)
    out.print(f"[bold]Coverage[/bold] of {len(draft.clauses)} clauses:")
    for kind, meaning in KINDS.items():
        out.print(f"  {counted[kind]:>3}  {kind:<9} [dim]{meaning}[/dim]")


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
