"""Reading a bundle: what is in it, within bounds, believed by nobody yet.

    checkpoint              the signed head of the tree
    checkpoint.prev         an earlier one that the exporter was given
    control/<sha256>        documents that control records name
    disclosures.jsonl       {"d":["<disclosure>",...],"i":<index>}, a line for each record opened, ascending
    entry/<index>           control records outside the range
    manifest.json, .note    what the bundle says of itself, and the log's signature on it
    policy                  a trust file for information: no key is ever taken from it
    tile/<L>/<N>[.p/<W>]    hashes          tile/entries/<N>[.p/<W>]   records, rounded out to tiles of 256

Rules of this file: the set of files follows from the manifest, and a file more or less is refused; the names `meters/`,
`tsr/` and `challenge/` are kept for later formats; everything has a limit; NotVerified is the only way to fail.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.evidence.container import Archive
from caveat.evidence.manifest import MAX_BYTES as MAX_MANIFEST_BYTES
from caveat.evidence.manifest import Manifest, read_manifest
from caveat.evidence.mirror import entries_name, leaf_tiles, tile_name, tiles_needed
from caveat.ledger.tiles import MAX_BUNDLE_BYTES, MAX_LEAF_BYTES, TILE_WIDTH, decode_bundle, width_at
from caveat.ledger.tree import HASH_BYTES
from caveat.note import MAX_NOTE_BYTES

MAX_LINE_BYTES: Final = 2 << 20
MAX_DOCUMENT_BYTES: Final = 16 << 20
MAX_POLICY_BYTES: Final = 1 << 20
ALWAYS: Final = frozenset({"checkpoint", "disclosures.jsonl", "manifest.json", "manifest.note"})


class Disclosure(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A line of disclosures.jsonl: what is opened of the record at index `i`."""

    d: tuple[str, ...]
    i: int


class Bundle:
    """A bundle's content by what it means.  Methods raise NotVerified for what is missing, too large or malformed.

    manifest, manifest_bytes, manifest_note, checkpoint   as they stand in the file, nothing in them checked
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.manifest_bytes = archive.read("manifest.json", MAX_MANIFEST_BYTES)
        self.manifest_note = archive.read("manifest.note", MAX_NOTE_BYTES)
        self.manifest: Manifest = read_manifest(self.manifest_bytes)
        self.checkpoint = archive.read("checkpoint", MAX_NOTE_BYTES)
        self.disclosures_digest = ""

    def check_members(self) -> None:
        """Return if the files are those that the manifest needs, and those that it names by digest are the ones."""
        manifest, names = self.manifest, self._archive.names
        wanted = self._wanted()
        documents = {name for name in names if name.startswith("control/")}
        if names - documents != wanted:
            odd = min((names - documents) ^ wanted)
            what = "is missing" if odd in wanted else "does not belong into this bundle"
            raise NotVerified(f"`{odd}` {what}", step="manifest")
        digests = {"checkpoint": manifest.checkpoint, "policy": manifest.policy}
        if manifest.previous is not None:
            digests["checkpoint.prev"] = manifest.previous.checkpoint
        for name, expected in digests.items():
            if expected and digest(self._archive.read(name, MAX_POLICY_BYTES)) != expected:
                raise NotVerified(f"`{name}` is not the file that the manifest names", step="manifest")

    def check_documents(self, docs: frozenset[str]) -> None:
        """Return if control/ holds just the documents that control records name."""
        wanted = {f"control/{doc.removeprefix('sha256:')}" for doc in docs}
        odd = {name for name in self._archive.names if name.startswith("control/")} ^ wanted
        if odd:
            name = min(odd)
            what = "is missing" if name in wanted else "is named by no control record"
            raise NotVerified(f"`{name}` {what}", step="control")

    def documents(self) -> tuple[str, ...]:
        """Digests of the control documents in it, sorted."""
        names = sorted(name for name in self._archive.names if name.startswith("control/"))
        return tuple("sha256:" + name.removeprefix("control/") for name in names)

    @property
    def previous_checkpoint(self) -> bytes:
        """The earlier checkpoint that comes with the bundle, b"" where none does."""
        return self._archive.read("checkpoint.prev", MAX_NOTE_BYTES) if self.manifest.previous else b""

    def document(self, doc: str) -> bytes:
        """The control document of that digest; whoever folds it compares the digest."""
        return self._archive.read(f"control/{doc.removeprefix('sha256:')}", MAX_DOCUMENT_BYTES)

    def entry(self, index: int) -> bytes:
        """A control record outside the range."""
        return self._archive.read(f"entry/{index}", MAX_LEAF_BYTES)

    def tile(self, level: int, n: int) -> bytes:
        """The hashes of a tile, of the length that the size demands."""
        name = tile_name(self.manifest.size, (level, n))
        data = self._archive.read(name, TILE_WIDTH * HASH_BYTES)
        if len(data) != width_at(self.manifest.size, level, n) * HASH_BYTES:
            raise NotVerified(f"`{name}` has the wrong length", step="tiles")
        return data

    def bundle(self, n: int) -> list[bytes]:
        """The entries from 256 n on, just as many as the tree has."""
        name = entries_name(self.manifest.size, n)
        data = self._archive.read(name, MAX_BUNDLE_BYTES)
        leaves = decode_bundle(data, width_at(self.manifest.size, 0, n))
        if sum(len(leaf) + 2 for leaf in leaves) != len(data):
            raise NotVerified(f"`{name}` holds more entries than the tree has", step="tiles")
        return leaves

    def disclosure_places(self) -> Iterator[tuple[int, int]]:
        """Where the lines of disclosures.jsonl end, each with the index of its record, ascending; once all were taken,
        `disclosures_digest` is that of the file."""
        seen = sha256()
        last, at = self.manifest.start - 1, 0
        for line in self._archive.lines("disclosures.jsonl", MAX_LINE_BYTES):
            seen.update(line + b"\n")
            at += len(line) + 1
            index = _index_of(line)
            if not last < index < self.manifest.to:
                raise NotVerified(f"a disclosure for record {index} is out of place", step="disclosure")
            last = index
            yield index, at
        self.disclosures_digest = "sha256:" + seen.hexdigest()

    def disclosures_at(self, at: int, size: int) -> dict[int, "Disclosure | NotVerified"]:
        """The lines of so many bytes of disclosures.jsonl, by index; instead of one that cannot be read, why."""
        lines = self._archive.read_at("disclosures.jsonl", at, size).split(b"\n")[:-1] if size else []
        read = [(line, _read_line(line)) for line in lines]
        return {one.i if isinstance(one, Disclosure) else _index_of(line): one for line, one in read}

    def disclosures(self) -> Iterator[Disclosure]:
        """All lines, in ascending order of indices.  Raises NotVerified."""
        at = 0
        for index, end in self.disclosure_places():
            line = self.disclosures_at(at, end - at)[index]
            if isinstance(line, NotVerified):
                raise line
            at = end
            yield line

    def _wanted(self) -> set[str]:
        """Every file that the manifest calls for, but those in control/."""
        manifest, size = self.manifest, self.manifest.size
        tiles = leaf_tiles(manifest.start, manifest.to)
        outside = [i for i in manifest.controls if not manifest.start <= i < manifest.to]
        if max(len(tiles), len(outside)) > len(self._archive.names):
            raise NotVerified("the bundle has fewer files than its range needs", step="manifest")
        earlier = manifest.previous.size if manifest.previous else 0
        leaves = {*tiles, *(i // TILE_WIDTH for i in manifest.controls)}
        wanted = set(ALWAYS)
        wanted |= {"checkpoint.prev"} if manifest.previous else set()
        wanted |= {"policy"} if manifest.policy else set()
        wanted |= {f"entry/{index}" for index in outside}
        wanted |= {entries_name(size, n) for n in tiles}
        wanted |= {tile_name(size, place) for place in tiles_needed(size, leaves, earlier)}
        return wanted


def open_bundle(file: BinaryIO) -> Bundle:
    """The bundle in a binary file that can seek.  Raises NotVerified for anything that is none."""
    return Bundle(Archive(file))


_line_decoder = msgspec.json.Decoder(Disclosure)


_LINE_END: Final = re.compile(rb',"i":(0|[1-9][0-9]{0,15})\}\Z')


def _index_of(line: bytes) -> int:
    """The record that a line is about, by its end, where the one way to write it has the index.  Raises NotVerified."""
    found = _LINE_END.search(line, max(0, len(line) - 24))
    if found is None:
        raise _unread()
    return int(found[1])


def _read_line(line: bytes) -> Disclosure | NotVerified:
    try:
        read = _line_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _unread()
    return read if line.endswith(b',"i":%d}' % read.i) else _unread()


def _unread() -> NotVerified:
    return NotVerified("a line of disclosures.jsonl cannot be read", step="disclosure")
