"""`caveat ledger`: look at the log, prove a record's place, check everything from its bytes."""

import os
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from caveat import record
from caveat.cli.files import read_bytes, write_new
from caveat.cli.output import Json, emit, err, say, table
from caveat.cli.remote import Where
from caveat.cli.sections import Sections
from caveat.errors import BadInput, Refused
from caveat.gateway.home.directory import Home, home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.index.ask import Lists
from caveat.gateway.index.base import drop
from caveat.gateway.index.follow import Index
from caveat.gateway.index.metering import metered
from caveat.gateway.index.write import alone, catch_up
from caveat.gateway.proof.explaining import opened_record
from caveat.gateway.proof.finding import find_record
from caveat.gateway.proof.witnessing import cosigned_receipt, take_cosignature
from caveat.ledger.fsck import fsck as check
from caveat.ledger.reader import LedgerReader
from caveat.register.notices import read_notice

app = typer.Typer(
    cls=Sections, help="The ledger: show, find, prove, witnessed, notices, fsck, index, meter.", no_args_is_help=True
)


@app.command("show")
def show(
    home: Where = None,
    *,
    last: Annotated[int, typer.Option(help="How many of the newest records.", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> None:
    """The newest records and the newest checkpoint."""
    reader = reader_of(open_home(home or home_path(os.environ)))
    size = reader.size()
    found = list(reader.entries(max(0, size - last), size))
    leaves = [(index, record.read_leaf(entry.leaf)) for index, entry in found]
    if as_json:
        records = [(index, asdict(leaf)) for index, leaf in leaves]  # each field, those at their defaults too
        emit({"origin": reader.origin, "size": size, "checkpoint": reader.checkpoint().decode(), "records": records})
        return
    rows = [
        (str(index), leaf.k, leaf.what or leaf.o, (leaf.call or leaf.id)[:32], leaf.terms[7:19])
        for index, leaf in leaves
    ]
    table(("index", "kind", "what", "call or subject", "pair"), rows, title=f"{reader.origin}, {size} records")
    say(f"\n{reader.checkpoint().decode().splitlines()[1]} of them are under the newest checkpoint")


@app.command("find")
def find(
    what: Annotated[str, typer.Argument(help="An index, a call's id, a leaf's hash, a document's or a pair's digest.")],
    home: Where = None,
    *,
    as_json: Json = False,
) -> None:
    """The record that an index, a call, a hash or a digest names, with what opens it."""
    made = open_home(home or home_path(os.environ))
    index = Index(made.index, reader_of(made))
    try:
        found = opened_record(index, find_record(index, what))
    except Refused as error:
        raise BadInput(error.message, hint=error.hint) from None
    if as_json:
        emit({"index": found.index, "leaf": asdict(found.leaf), "opened": found.values, "closed": found.closed})
        return
    say(f"record {found.index}")
    typer.echo(found.entry.leaf.decode("utf-8", "replace"))


@app.command("prove")
def prove(
    what: Annotated[str, typer.Argument(help="A call's id, or a record's index.")],
    home: Where = None,
    *,
    output: Annotated[Path | None, typer.Option("--out", help="Write the receipt to this file.")] = None,
    as_json: Json = False,
) -> None:
    """A receipt (c2sp.org/tlog-proof) for a call's first record, or for the record at an index."""
    made = open_home(home or home_path(os.environ))
    reader = reader_of(made)
    index = int(what) if what.isdigit() and len(what) < 20 else first_of(made, reader, what)
    receipt = cosigned_receipt(made, made.settings(), reader, index) or reader.proof(index)
    if output:
        output.write_bytes(receipt)
    if as_json:
        emit({"index": index, "receipt": receipt.decode()})
    elif not output:
        typer.echo(receipt.decode(), nl=False)
    else:
        say(f"the receipt for record {index} is in {output}")


@app.command("witnessed")
def witnessed(
    file: Annotated[Path, typer.Argument(help="A cosigned checkpoint that a witness gave by hand.")],
    home: Where = None,
    *,
    as_json: Json = False,
) -> None:
    """Keep a cosignature that came back by hand: receipts and bundles bear it from now on."""
    made = open_home(home or home_path(os.environ))
    name, size = take_cosignature(made, made.settings(), reader_of(made), read_bytes(file))
    emit({"witness": name, "size": size}) if as_json else say(f"`{name}` has cosigned the log's first {size} records")


@app.command("notices")
def notices(
    home: Where = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--out", help="Write each signed note to a file in this folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The notes for the vendor (duty `notify.vendor`), oldest first: evidence carries them, and a courier can."""
    made = open_home(home or home_path(os.environ))
    documents = Documents(made.control)
    leaves = (record.read_leaf(entry.leaf) for _, entry in reader_of(made).entries())
    raws = [documents.read(leaf.doc) for leaf in leaves if leaf.what == "vendor.notified"]
    found = [read_notice(raw)[0] for raw in raws]
    if output:
        output.mkdir(parents=True, exist_ok=True)
        for notice, raw in zip(found, raws, strict=True):
            write_new(output / f"notice-{notice.call}.json", raw, replacing=True)
    if as_json:
        emit({"notices": found, "folder": str(output or "")})
        return
    rows = [(n.call, ", ".join(n.clauses), n.ending, n.terms[7:19], str(n.index)) for n in found]
    table(("call", "clauses", "ended", "pair", "record"), rows)
    say(f"{len(found)} notes for the vendor" + (f", written to {output}" if output else ""))


@app.command("fsck")
def fsck(home: Where = None, *, as_json: Json = False) -> None:
    """Recompute everything from bytes: entries, tiles, roots, signatures, the tail that is not published yet."""
    made = open_home(home or home_path(os.environ))
    keys, _ = house_keys(made, made.settings().gateway.origin)
    report = check(made.ledger, keys.verify_keys, made.vault)
    if as_json:
        emit({"clean": report.clean, "report": report})
    else:
        for finding in report.findings:
            where = "" if finding.index is None else f", entry {finding.index:,}"
            say(f"{finding.path}{where}: {finding.what}")
        state = "clean" if report.clean else f"{len(report.findings)} finding(s)"
        say(f"{report.origin}: {report.published} records recomputed, {report.waiting} not yet published: {state}")
    if not report.clean:
        raise typer.Exit(1)


@app.command("index")
def index(
    home: Where = None,
    *,
    rebuild: Annotated[bool, typer.Option(help="Throw the index away and build it again.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the derived index of calls up to date, and say how far it is.  It holds nothing that the ledger does not."""
    made = open_home(home or home_path(os.environ))
    reader = reader_of(made)
    with alone(made.index) as mine:
        if mine:
            if rebuild:
                drop(made.index)
            with Progress(
                TextColumn("the index"), BarColumn(), MofNCompleteColumn(), console=err, transient=True
            ) as bar:
                task = bar.add_task("", total=None)
                catch_up(made.index, reader, lambda seen, size: bar.update(task, completed=seen, total=size))
        elif rebuild:
            raise BadInput(
                "a gateway keeps this index", hint="stop it first, or delete index.sqlite: it is built again"
            )
    reach = Lists(Index(made.index, reader, followed=True)).reach()
    if as_json:
        emit({"seen": reach.seen, "size": reach.size})
    else:
        say(f"the index has seen {reach.seen} of {reach.size} records")


@app.command("meter")
def meter(home: Where = None, *, as_json: Json = False) -> None:
    """Where the seals' counts and the ledger differ, as `caveat verify` would find it: missing numbers, silences."""
    made = open_home(home or home_path(os.environ))
    reader = reader_of(made)
    metered(made, reader)
    lists = Lists(Index(made.index, reader, followed=True))
    found, upto = lists.gaps(), lists.metered()
    gaps = [one for one in found if one.kind == "gap"]
    if as_json:
        emit({"clean": not gaps, "compared": upto, "found": found})
    else:
        for one in found:
            say(f"{one.kind}: {one.says}")
        say(f"{len(gaps)} gap(s) between the seals' counts and the ledger, in its first {upto} records")
    if gaps:
        raise typer.Exit(1)


def reader_of(home: Home) -> LedgerReader:
    """The reading side of a home's ledger; it takes no lock."""
    return LedgerReader(home.ledger, home.vault)


def first_of(home: Home, reader: LedgerReader, call: str) -> int:
    """The index of a call's first record.  Raises BadInput where the ledger has none."""
    at = Index(home.index, reader).find(call).at
    if not at:
        raise BadInput(f"the ledger has no call `{call}`", hint="its id stands in the answer's header x-caveat-call")
    return min(at.values())
