"""`caveat evidence export` and `view`: what leaves the house, and what a release officer sees of it."""

import os
import time
from hashlib import file_digest
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from caveat.cli.files import existing, read_bytes, write_new
from caveat.cli.ledger import reader_of
from caveat.cli.output import Json, emit, say
from caveat.cli.remote import Where, at_home
from caveat.decide.policy import ENGINE
from caveat.errors import BadInput
from caveat.evidence.cose import cose_receipts
from caveat.evidence.export import Order, Source
from caveat.evidence.guarded import SIZE, write_guarded
from caveat.evidence.manifest import Manifest
from caveat.evidence.view import view_text
from caveat.gateway.home.directory import Home, home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.proof.answering import share_key_of
from caveat.gateway.proof.exporting import exports_of, next_order, on_record, order_again, write_again, write_out
from caveat.gateway.proof.guarding import day_of, yesterday
from caveat.gateway.proof.trusting import source_of
from caveat.keys import SigningKey
from caveat.register import Export
from caveat.register.exports import write_export

GUARDED = "guarded"


def export(
    output: Annotated[Path, typer.Argument(help="The bundle to write, a .zip.")],
    home: Where = None,
    *,
    start: Annotated[int, typer.Option("--from", help="First record, by index.", min=0)] = 0,
    to: Annotated[
        int | None, typer.Option(help="The record after the last; all that a checkpoint covers where not given.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="What is disclosed: full, audit, counts or none; guarded: one day's counts alone.")
    ] = "audit",
    previous: Annotated[Path | None, typer.Option(help="The last checkpoint that the receiver holds.")] = None,
    receiver: Annotated[
        str, typer.Option(help="Number it as this receiver's next bundle: it goes on where the last one ended.")
    ] = "",
    again: Annotated[
        int | None, typer.Option(help="Make the receiver's bundle of this number once more, byte for byte.", min=1)
    ] = None,
    challenged: Annotated[
        bool,
        typer.Option("--challenge/--no-challenge", help="Commit to a share, so that the bundle can be challenged."),
    ] = True,
    release_view: Annotated[
        Path | None, typer.Option(help="Write every value that leaves to this file, a line each.")
    ] = None,
    day: Annotated[str, typer.Option(help="For `guarded`: which day of UTC; yesterday where not given.")] = "",
    cose: Annotated[
        Path | None, typer.Option(help="Write a COSE receipt (RFC 9942) of each record into this directory too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a bundle: a sparse mirror of the log, the terms, and what the profile discloses."""
    made = open_home(home or home_path(os.environ))
    if profile == GUARDED:
        _write_guarded(output, made, day, as_json=as_json)
        return
    _check_use(receiver, again, ranged=bool(start or to is not None or previous))
    order = Order(start, to, profile, ENGINE, previous=read_bytes(previous) if previous else b"")
    source, order, earlier = _ordered(made, order, receiver, again)
    share_key = share_key_of(made) if challenged or again else b""
    order = msgspec.structs.replace(order, share_key=share_key, check=True)
    signer = house_keys(made, made.settings().gateway.origin)[0].plain

    def leaving(part: Path, manifest: Manifest) -> None:
        if release_view:
            _write_view(part, release_view)
        if receiver and not again:
            document = write_export(receiver, on_record(manifest, source.checkpoint))
            at_home(home).ask("POST", "/exports", document)

    if earlier:
        manifest = write_again(output, source, order, signer, earlier, leaving)
    else:
        manifest = write_out(output, source, order, signer, leaving)
    if cose:
        _write_receipts(cose, source, manifest, signer)
    emit(manifest) if as_json else _tell(output, manifest)


def _ordered(home: Home, order: Order, receiver: str, again: int | None) -> tuple[Source, Order, Export | None]:
    """From where it is read and what is to leave: as it was asked for, or as the receiver's sequence has it; and the bundle
    that is made again.  Raises BadInput, Refused."""
    reader = reader_of(home)
    exports = exports_of(reader, Documents(home.control), receiver) if receiver else []
    source = source_of(home, reader, max(order.to or 0, exports[-1].size if exports else 0))
    if again:
        order, checkpoint = order_again(exports, receiver, again)
        return msgspec.structs.replace(source, checkpoint=checkpoint), order, exports[again - 1]
    return source, next_order(exports, receiver, order.profile) if receiver else order, None


def _tell(output: Path, manifest: Manifest) -> None:
    number = f", number {manifest.number} for `{manifest.receiver}`" if manifest.number else ""
    records = f"records {manifest.start} to {manifest.to - 1} of {manifest.origin}"
    say(f"{output}: {records}, profile `{manifest.profile}`{number}")
    say("next: `caveat verify BUNDLE --trust FILE`; the trust file comes from `caveat evidence trust`, by another way")


def _write_guarded(output: Path, home: Home, day: str, *, as_json: bool) -> None:
    """One day's statement of fixed size; see evidence/guarded.py."""
    keys, _ = house_keys(home, home.settings().gateway.origin)
    now_ms = time.time_ns() // 1_000_000
    said = day_of(reader_of(home), Documents(home.control), day or yesterday(now_ms), now_ms)
    write_new(output, write_guarded(said, keys.plain))
    told = {"file": str(output), "day": said.day, "number": said.number, "size": said.size}
    emit(told) if as_json else say(f"{output}: the day {said.day}, number {said.number}, {SIZE} bytes")


def _write_receipts(directory: Path, source: Source, manifest: Manifest, signer: SigningKey) -> None:
    directory.mkdir(exist_ok=True)
    for index, receipt in cose_receipts(source, manifest.start, manifest.to, signer):
        write_new(directory / f"{index}.receipt", receipt)


def _check_use(receiver: str, again: int | None, *, ranged: bool) -> None:
    """Raises BadInput for options that do not go together."""
    if receiver and ranged:
        raise BadInput(
            "a numbered bundle begins where the last one ended",
            hint="leave out --from, --to and --previous, or --receiver",
        )
    if again and not receiver:
        raise BadInput("`--again` needs the receiver whose bundle it is", hint="--receiver NAME")


def view(
    bundle: Annotated[Path, typer.Argument(help="The bundle.")],
    output: Annotated[Path | None, typer.Argument(help="Where to write; standard output where not given.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Every value that a bundle carries, a line each, for whoever releases it; needs no home."""
    if output is not None:
        lines = _write_view(existing(bundle), output)
        emit({"lines": lines, "file": str(output)}) if as_json else say(f"{output}: {lines} lines")
        return
    with existing(bundle).open("rb") as file:
        shown = view_text(file, _digest(bundle))
        if as_json:
            emit({"view": list(shown)})
            return
        for line in shown:
            typer.echo(line)


def _write_view(bundle: Path, output: Path) -> int:
    """How many lines were written.  Raises BadInput where the file exists."""
    if output.exists():
        raise BadInput(f"`{output}` exists and is not written over")
    count = 0
    with bundle.open("rb") as file, output.open("x", encoding="ascii") as out:
        for line in view_text(file, _digest(bundle)):
            out.write(line + "\n")
            count += 1
    return count


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + file_digest(file, "sha256").hexdigest()
