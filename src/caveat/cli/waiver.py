"""`caveat waiver`: exceptions to named clauses, as files that travel: asked for, approved by persons, put in force, ended."""

import os
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from caveat.cli import approver
from caveat.cli.files import read_bytes, signing_key, write_new
from caveat.cli.output import Json, emit, say, table
from caveat.cli.remote import Where, at_home
from caveat.cli.sections import Sections, examples
from caveat.errors import BadInput
from caveat.gateway.home.directory import home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.past import read_past
from caveat.ledger.reader import LedgerReader
from caveat.terms.document import SignedTerms, Terms
from caveat.terms.sign import claimed_terms
from caveat.waivers.refusal import refuse as sign_refusal
from caveat.waivers.signed import Read, Request, make_request, read_request
from caveat.waivers.signed import approve as add_approval

app = typer.Typer(
    cls=Sections,
    help="Exceptions to clauses: request, approve, refuse, grant, list, end.",
    epilog=examples(
        'caveat waiver request --clause secrets.kept --reason "Audit 17" --requester carl --until +7d --uses 100 --out w.json',
        "caveat waiver approve w.json --key anna.key        on Anna's machine, then on Ben's, in any order",
        "caveat waiver grant w.json                         in force from its record on",
        "caveat waiver list",
    ),
    no_args_is_help=True,
)
app.add_typer(approver.app, name="approver")

File = Annotated[Path, typer.Argument(help="The waiver's file.")]
SPAN = re.compile(r"\+([1-9][0-9]{0,4})([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@app.command("request")
def request(
    clause: Annotated[list[str], typer.Option(help="A clause to be lifted; once for each.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for those who approve and for the record.")],
    requester: Annotated[str, typer.Option(help="The word by which you are known; you cannot approve it yourself.")],
    until: Annotated[str, typer.Option(help="`2026-12-31`, `2026-12-31T18:00:00Z`, or from the beginning: `+7d`.")],
    uses: Annotated[int, typer.Option(help="How many calls it may let through.")],
    output: Annotated[Path, typer.Option("--out", help="Where to write the file that approvers sign.")],
    start: Annotated[str, typer.Option("--from", help="When it begins, written as `--until`; now if left out.")] = "",
    caller: Annotated[list[str] | None, typer.Option(help="Only for this caller's key; any if left out.")] = None,
    purpose: Annotated[list[str] | None, typer.Option(help="Only for this purpose; any if left out.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only for this model; any if left out.")] = None,
    highest_rank: Annotated[int, typer.Option(help="Only up to this marking rank; -1 for any.")] = -1,
    case: Annotated[str, typer.Option(help="Only for calls that bear this `Caveat-Case`.")] = "",
    under: Annotated[Path | None, typer.Option(help="The signed terms, where there is no home here.")] = None,
    home: Where = None,
    as_json: Json = False,
) -> None:
    """Ask for an exception to clauses of the terms in force: a file for two persons to sign."""
    terms = claimed_terms(SignedTerms(read_bytes(under))) if under else _naming(clause, home)
    now = datetime.fromtimestamp(time.time() // 1, UTC)
    begins = _moment(start, now) if start else now
    fields = {
        "v": 1,
        "clauses": clause,
        "terms": terms.digest,
        "reason": reason,
        "from_ms": int(begins.timestamp()) * 1000,
        "until_ms": int(_moment(until, begins).timestamp()) * 1000,
        "max_uses": uses,
        "requester": requester,
        "nonce": secrets.token_hex(16),
        "callers": caller or [],
        "purposes": purpose or [],
        "models": model or [],
        "max_rank": highest_rank,
        "case": case,
    }
    try:
        wanted = msgspec.convert(fields, Request)
    except msgspec.ValidationError as error:
        raise BadInput(f"a waiver cannot be asked for so: {error}") from None
    raw = make_request(wanted, terms.draft)
    write_new(output, raw)
    made = read_request(raw)
    if as_json:
        emit({"waiver": made.id, "file": str(output), "request": wanted})
        return
    _tell(made, terms.draft.name)
    rule = terms.draft.waivers
    vendor = ", one of them of the vendor's side" if rule.vendor else ""
    say(
        f"next: {rule.approvers} approvers who are not `{requester}`{vendor} run `caveat waiver approve {output} --key KEY`"
    )


@app.command("approve")
def approve(
    file: File,
    key: Annotated[Path, typer.Option(help="Your own signing key.")],
    *,
    as_json: Json = False,
) -> None:
    """Sign a waiver that someone else asked for.  Read what it says; the file then goes to the next approver."""
    signer = signing_key(key)
    raw = read_bytes(file)
    approver.check_not_own(read_request(raw).request.requester, signer.name)
    raw = add_approval(raw, signer)
    write_new(file, raw, replacing=True)
    made = read_request(raw)
    keys = [sig.keyid for sig in made.sealed.signatures]
    if as_json:
        emit({"waiver": made.id, "file": str(file), "signatures": keys})
        return
    _tell(made, made.request.terms)
    say(f"signed as `{signer.name}`; {file} bears {len(keys)} signature{'' if len(keys) == 1 else 's'}")
    say(f"next: the other approvers sign it, then `caveat waiver grant {file}` puts it in force")


@app.command("refuse")
def refuse(
    file: File,
    key: Annotated[Path, typer.Option(help="Your own signing key.")],
    output: Annotated[Path, typer.Option("--out", help="Where to write the signed refusal.")],
    *,
    as_json: Json = False,
) -> None:
    """Sign, as an approver, that a waiver is not granted: one person is enough, and its requester may take it back so."""
    signer = signing_key(key)
    raw = read_bytes(file)
    made = read_request(raw)
    write_new(output, sign_refusal(raw, signer))
    if as_json:
        emit({"waiver": made.id, "file": str(output), "signed_as": signer.name})
        return
    _tell(made, made.request.terms)
    say(f"refused as `{signer.name}`; the refusal is in {output}, and {file} is as it was")
    say(f"next: `caveat waiver submit {output}` puts it on record; that request can then be granted no more")


@app.command("submit")
def submit(file: File, home: Where = None, *, as_json: Json = False) -> None:
    """Hand a request, your signature under it, or your refusal, to the gateway: it gathers signatures and puts the waiver in
    force when enough persons have signed; a refusal is put on record.  A held call's file may be handed in as well."""
    done = at_home(home).ask("POST", "/approvals", document_in(read_bytes(file)))
    if as_json:
        emit(done)
    elif done["refused"]:
        say(f"{done['id']} is refused, on record, by the person who signed; nothing grants it any more")
    elif done["in_force"]:
        say(f"{done['id']} has enough signatures and is in force")
    else:
        say(f"{done['id']} is with the gateway; `caveat waiver pending` shows what it lacks")


@app.command("pending")
def pending(
    waiver: Annotated[str, typer.Argument(help="A request's id; left out, all are listed.")] = "",
    home: Where = None,
    *,
    output: Annotated[Path | None, typer.Option("--out", help="Write the request's file here, to sign it.")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Refuse it, on record, without a signature.")] = False,
    as_json: Json = False,
) -> None:
    """Waivers that gather signatures: who has signed, what is lacking."""
    if not waiver:
        found = at_home(home).ask("GET", "/approvals")["approvals"]
        if as_json:
            emit({"approvals": found})
            return
        columns = ("waiver", "clauses", "asked by", "signed by", "lacks")
        rows = [
            (o["id"], ", ".join(o["asked"]["clauses"]), o["asked"]["requester"], ", ".join(o["signed"]), o["lacking"])
            for o in found
        ]
        table(columns, rows, whole="waiver")
        say(
            "next: `caveat waiver pending ID --out FILE` writes one to be signed"
            if found
            else "no waiver gathers signatures; `caveat waiver submit FILE` hands one in"
        )
        return
    one = at_home(home).ask("DELETE" if drop else "GET", f"/approvals/{waiver}")
    if output and not drop:
        write_new(output, one["document"].encode())
    if as_json:
        emit(one)
    else:
        gone = f"{waiver} is refused, on record, without anybody's signature; nothing grants it any more"
        say(gone if drop else f"{waiver} lacks {one['lacking'] or 'nothing'}")


def document_in(raw: bytes) -> bytes:
    """The signed document in a waiver's file, or in a held call's, which carries the words too."""
    try:
        value = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw
    return str(value["sign"]).encode() if isinstance(value, dict) and "sign" in value else raw


@app.command("grant")
def grant(file: File, home: Where = None, *, as_json: Json = False) -> None:
    """Put a waiver in force that enough persons have approved; it counts from its record on."""
    done = at_home(home).ask("POST", "/waivers", read_bytes(file))
    if as_json:
        emit(done)
        return
    say(f"{done['waiver']} is in force for {done['max_uses']} uses, approved by {' and '.join(done['approvers'])}")
    say(f"next: `caveat waiver list` shows it; `caveat waiver end {done['waiver']}` ends it at once")


@app.command("list")
def list_waivers(home: Where = None, *, as_json: Json = False) -> None:
    """Waivers that were granted and not ended."""
    found = at_home(home).ask("GET", "/waivers")["waivers"]
    if as_json:
        emit({"waivers": found})
        return
    columns = ("waiver", "clauses", "terms", "until", "uses", "requester", "approvers", "state")
    table(columns, [_row(one) for one in found], whole="waiver")
    if not found:
        say("no waiver is in force; `caveat waiver request` asks for one")


@app.command("end")
def end(
    waiver: Annotated[str, typer.Argument(help="The waiver's id, `w-...`.")],
    home: Where = None,
    *,
    as_json: Json = False,
) -> None:
    """End a waiver at once: the next call is decided without it.  It does not come back; a new one is asked for."""
    done = at_home(home).ask("DELETE", f"/waivers/{waiver}")
    if as_json:
        emit(done)
    else:
        say(f"{waiver} lifts nothing from here on")


def _naming(clauses: list[str], home: Path | None) -> Terms:
    """The terms in force that have all these clauses.  Raises BadInput."""
    made = open_home(home or home_path(os.environ))
    in_force = read_past(LedgerReader(made.ledger, made.vault), Documents(made.control)).register.terms.values()
    for terms in in_force:
        if set(clauses) <= {clause.id for clause in terms.draft.clauses}:
            return terms
    names = ", ".join(f"`{terms.draft.name}`" for terms in in_force) or "none"
    raise BadInput(
        f"no terms in force have the clauses {', '.join(f'`{id_}`' for id_ in clauses)}",
        hint=f"in force: {names}; `caveat terms show` lists their clauses",
    )


def _moment(text: str, base: datetime) -> datetime:
    """A day's beginning, a time in UTC, or so long after `base`.  Raises BadInput."""
    span = SPAN.fullmatch(text)
    try:
        if span:
            return base + timedelta(**{UNITS[span[2]]: int(span[1])})
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    except (ValueError, OverflowError):
        raise BadInput(f"expected a time such as `2026-12-31`, `2026-12-31T18:00:00Z` or `+7d`, got `{text}`") from None


def day(at_ms: int) -> str:
    """A time as people read it, in UTC."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    clauses, approvers = ", ".join(one["clauses"]), ", ".join(one["approvers"])
    until, uses = day(one["until_ms"]), f"{one['max_uses']:,}"
    return one["id"], clauses, one["terms_name"], until, uses, one["requester"], approvers, one["state"]


def _tell(made: Read, terms: str) -> None:
    """What the file asks for, in sentences."""
    asked = made.request
    say(f"{made.id} lifts {', '.join(f'`{id_}`' for id_ in asked.clauses)} of the terms {terms}")
    say(
        f"for at most {asked.max_uses:,} call{'' if asked.max_uses == 1 else 's'}, from {day(asked.from_ms)} until {day(asked.until_ms)}"
    )
    scope = {"callers": asked.callers, "purposes": asked.purposes, "models": asked.models}
    told = [f"{what}: {', '.join(words)}" for what, words in scope.items() if words]
    told += [f"marking rank up to {asked.max_rank}"] if asked.max_rank >= 0 else []
    told += [f"case {asked.case}"] if asked.case else []
    say(f"only for {'; '.join(told)}" if told else "for any caller, purpose, model and marking")
    say(f"asked for by `{asked.requester}`: {asked.reason}")
