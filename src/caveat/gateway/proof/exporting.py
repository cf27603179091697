"""Numbered exports: each bundle of a receiver's sequence goes on where the last one ended, and is put on record as it leaves.

Rules of this file: what left is known from the ledger alone, so no file of ours can tell another story; a bundle is whole
on disk before its number is put on record, and has its name only afterwards.  A crash in between leaves a number on record
whose bundle did not leave: `--again` makes the same bytes anew from what the record says.
"""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from caveat.canon import digest
from caveat.decide.policy import ENGINE
from caveat.errors import BadInput, NotVerified
from caveat.evidence.export import Order, Source, export
from caveat.evidence.manifest import Manifest, write_manifest
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.past import read_past
from caveat.keys import SigningKey
from caveat.ledger.reader import LedgerReader
from caveat.record import read_leaf
from caveat.register import Export
from caveat.register.exports import read_export


def exports_of(reader: LedgerReader, documents: Documents, receiver: str) -> list[Export]:
    """Every bundle that left for a receiver, by the ledger's word, oldest first."""
    found: list[Export] = []
    for index in read_past(reader, documents).controls:
        leaf = read_leaf(reader.entry(index).leaf)
        if leaf.what == "evidence.exported" and leaf.id == receiver and leaf.doc:
            found.append(read_export(documents.read(leaf.doc))[1])
    return found


def next_order(exports: list[Export], receiver: str, profile: str, policy: bytes = b"") -> Order:
    """The order for the receiver's next bundle: it begins where the last one ended."""
    last = exports[-1] if exports else None
    return Order(
        start=last.to if last else 0,
        to=None,
        profile=profile,
        engine=ENGINE,
        number=last.number + 1 if last else 1,
        receiver=receiver,
        previous=last.checkpoint.encode() if last else b"",
        before=last.manifest if last else "",
        policy=policy,
    )


def order_again(exports: list[Export], receiver: str, number: int) -> tuple[Order, bytes]:
    """The order of a bundle that is on record, and the checkpoint that it stood on.  Raises BadInput."""
    if not 1 <= number <= len(exports):
        raise BadInput(f"the ledger has no bundle {number} for `{receiver}` on record; {len(exports)} are")
    chosen, before = exports[number - 1], exports[:number][-2:-1]
    order = next_order(before, receiver, chosen.profile)
    return Order(chosen.start, chosen.to, chosen.profile, ENGINE, number, receiver, order.previous, order.before), (
        chosen.checkpoint.encode()
    )


def on_record(manifest: Manifest, checkpoint: bytes) -> Export:
    """What the ledger keeps of a bundle."""
    return Export(
        number=manifest.number or 0,
        start=manifest.start,
        to=manifest.to,
        size=manifest.size,
        profile=manifest.profile,
        manifest=digest(write_manifest(manifest)),
        checkpoint=checkpoint.decode(),
    )


def write_out(
    output: Path, source: Source, order: Order, signer: SigningKey, leaving: Callable[[Path, Manifest], None]
) -> Manifest:
    """Write a bundle beside its place, let `leaving` look at it and put it on record, then give it its name.

    Raises BadInput where there is such a file already; whatever `leaving` raises: then nothing left.
    """
    if output.exists():
        raise BadInput(f"`{output}` exists and is not written over")
    part = output.with_name(output.name + ".part")
    try:
        with part.open("xb") as file:
            manifest = export(source, order, signer, file)
            file.flush()
            os.fsync(file.fileno())
        leaving(part, manifest)
        part.rename(output)
    except FileExistsError:
        raise BadInput(f"`{part}` is left over from another export", hint="remove it first") from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return manifest


def write_again(  # noqa: PLR0913, PLR0917 - as write_out, and what is on record
    output: Path,
    source: Source,
    order: Order,
    signer: SigningKey,
    record: Export,
    leaving: Callable[[Path, Manifest], None],
) -> Manifest:
    """The same for a bundle that is on record: byte for byte what left.  Raises NotVerified where it cannot be made again.

    What is on record does not say whether the bundle committed to a share: its digest does, so both are tried.
    """

    def same(part: Path, manifest: Manifest) -> None:
        check_same(manifest, record)
        leaving(part, manifest)

    try:
        return write_out(output, source, order, signer, same)
    except NotVerified:
        return write_out(output, source, msgspec.structs.replace(order, share_key=b""), signer, same)


def check_same(manifest: Manifest, export: Export) -> None:
    """Raises NotVerified where a bundle that was made again is not the one on record."""
    if digest(write_manifest(manifest)) != export.manifest:
        raise NotVerified(
            f"bundle {export.number} cannot be made again: what it held is not what is here now",
            hint="was something that opens its records destroyed since?",
        )
