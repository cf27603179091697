"""The release view: every value that a bundle carries out, a line each, for the officer who lets it go.

    manifest profile = "audit"
    control 4 terms.adopted office = <the document, a line each>
    record 12 k = "opened"
    record 12 who.caller = "clerk-7"
    opaque: 27 commitments that stay closed, 864 bytes

Rules of this file: it is made from the bundle's own bytes, after it was written; every value is shown as JSON in ASCII, so
no letter can hide another; what a person cannot read (hashes, signatures) is counted and named, never left out.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from caveat.evidence.bundle import Bundle, Disclosure, open_bundle
from caveat.evidence.gathered import moment_of
from caveat.evidence.mirror import leaf_tiles, tiles_needed
from caveat.ledger.tiles import TILE_WIDTH, width_at
from caveat.record import Leaf, disclosed, read_leaf

_CLEAR: Final = ("k", "g", "t", "call", "terms", "o", "at", "tok", "what", "id", "doc", "w", "m")
_SHOWN_BYTES: Final = 1 << 20


def release_view(file: BinaryIO) -> Iterator[str]:
    """The lines about the bundle in a binary file that can seek.  Raises NotVerified for what is no bundle."""
    bundle = open_bundle(file)
    yield from _values("manifest", msgspec.json.decode(bundle.manifest_bytes))
    for name, note in (("checkpoint", bundle.checkpoint), ("checkpoint.prev", bundle.previous_checkpoint)):
        for line in note.decode().splitlines():
            yield f"{name}: {_json(_short(line))}"
    yield from _controls(bundle)
    closed = 0
    times: list[int] = []
    shown = bundle.disclosures()
    upcoming = next(shown, None)
    for index, leaf in _records(bundle):
        opens: Disclosure | None = None
        if upcoming is not None and upcoming.i == index:
            opens, upcoming = upcoming, next(shown, None)
        yield from _record(index, leaf, opens)
        closed += len(leaf.c) - (len(opens.d) if opens else 0)
        times = [*times[:1], leaf.t]
    yield from _opaque(bundle, closed)
    if times:
        yield (
            f"times: each record above bears its gateway's clock to the millisecond, the first {moment_of(times[0])}, the last "
            f"{moment_of(times[-1])} UTC; no profile makes them coarser, but `guarded`, which has no record and no time but the day"
        )


def _controls(bundle: Bundle) -> Iterator[str]:
    manifest = bundle.manifest
    for index in manifest.controls:
        if not manifest.start <= index < manifest.to:
            yield from _record(index, read_leaf(bundle.entry(index)), None)
    for doc in bundle.documents():
        yield from _document(doc, bundle.document(doc))


def _records(bundle: Bundle) -> Iterator[tuple[int, Leaf]]:
    """Every record that is in the bundle: tiles are rounded outward, so some stand outside the range."""
    for n in leaf_tiles(bundle.manifest.start, bundle.manifest.to):
        for index, data in enumerate(bundle.bundle(n), start=n * TILE_WIDTH):
            yield index, read_leaf(data)


def _record(index: int, leaf: Leaf, opens: Disclosure | None) -> Iterator[str]:
    place = f"record {index}"
    for name in _CLEAR:
        value = getattr(leaf, name)
        if value != getattr(_PLAIN, name):
            yield f"{place} {name} = {_json(value)}"
    if leaf.c:
        yield f"{place} commits to {', '.join(sorted(leaf.c))}"
    for name, value in (disclosed(leaf, opens.d) if opens else {}).items():
        yield from _values(f"{place} {name}", value)
    if opens:
        yield f"{place} salts of {len(opens.d)} disclosures, 16 bytes each, derived from the record's key"


_PLAIN: Final = Leaf(0, "", "", 0)


def _document(doc: str, data: bytes) -> Iterator[str]:
    """A control document: as text where it is text, an envelope's payload opened."""
    name = f"document {doc[7:19]}"
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield f"{name} = {len(data)} bytes that are no JSON: {_json(data[:_SHOWN_BYTES].decode('latin-1'))}"
        return
    if isinstance(value, dict) and isinstance(value.get("payload"), str):
        payload = _payload(value.pop("payload"))
        for number, line in enumerate(payload.splitlines(), start=1):
            yield f"{name} line {number}: {_json(line)}"
    yield from _values(name, value)


def _payload(text: str) -> str:
    """What an envelope carries, as text; as it stands where it is no base64."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except ValueError:
        return text


def _values(place: str, value: Any) -> Iterator[str]:
    """A value's leaves, each with the way to it."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _values(f"{place}.{key}" if " " in place else f"{place} {key}", item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield from _values(f"{place}[{number}]", item)
    else:
        yield f"{place} = {_json(value)}"


def _opaque(bundle: Bundle, closed: int) -> Iterator[str]:
    manifest = bundle.manifest
    leaves = {*leaf_tiles(manifest.start, manifest.to), *(i // TILE_WIDTH for i in manifest.controls)}
    earlier = manifest.previous.size if manifest.previous else 0
    places = tiles_needed(manifest.size, leaves, earlier)
    hashes = sum(width_at(manifest.size, level, n) for level, n in places)
    outside = sum(width_at(manifest.size, 0, n) for n in leaf_tiles(manifest.start, manifest.to)) - (
        manifest.to - manifest.start
    )
    yield f"opaque: {closed} commitments that stay closed, {32 * closed} bytes"
    yield f"opaque: {hashes} hashes of the tree in {len(places)} tiles, {32 * hashes} bytes"
    yield f"outside the range: {outside} records that share a tile of 256 with it, shown above"
    yield f"withheld: {len(manifest.withheld)} control documents, and the values counted in the manifest as withheld"


def _short(line: str) -> str:
    return line if len(line) <= 200 else f"{line[:120]}... ({len(line)} characters)"


def _json(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=True, sort_keys=True)


def view_text(file: BinaryIO, digest: str) -> Iterator[str]:
    """The view with a head and an end that name the bundle's digest."""
    yield f"release view of the bundle {digest}"
    yield from release_view(file)
    yield f"end of the release view of the bundle {digest}"
