"""Writing a bundle: from a log's files to one zip, without ever holding more than a tile of it.

Rules of this file: pure over ports (readers in, a stream out); every tile and record is checked against the checkpoint
before it leaves; what a record's salts and commitments say must derive from its key, else nothing leaves, for they could
carry a message; what the profile does not name stays closed, and is counted.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from typing import BinaryIO

import msgspec
from msgspec import Struct

from caveat.canon import digest
from caveat.errors import BadInput, NotVerified
from caveat.evidence.challenge import operators_share
from caveat.evidence.container import Writer
from caveat.evidence.history import History
from caveat.evidence.manifest import (
    FORMAT,
    Counts,
    Manifest,
    Opened,
    Previous,
    sign_manifest,
    write_manifest,
)
from caveat.evidence.mirror import Mirror, entries_name, leaf_tiles, tile_name, tiles_needed
from caveat.evidence.profiles import Profile, profile
from caveat.keys import SigningKey
from caveat.ledger.tiles import TILE_WIDTH, Read, TreeReader, encode_bundle
from caveat.note import TreeHead, open_note, read_tree_head
from caveat.record import CONTROL, Leaf, named_disclosures, read_aside, read_leaf


class Source(Struct, frozen=True):
    """Where an export reads.

    checkpoint  the newest checkpoint, a signed note
    read        a file of the log by its tlog-tiles path, None where there is none
    asides      what opens the records from 256 n on, in order: b"" for one that has none or whose was destroyed; as many
                as there are, 256 at most
    document    a control document by its digest; raises NotVerified where it is missing
    controls    indices of all control records below the checkpoint's size, ascending; None: look for them
    """

    checkpoint: bytes
    read: Read
    asides: Callable[[int], Sequence[bytes]]
    document: Callable[[str], bytes]
    controls: tuple[int, ...] | None = None


class Order(Struct, frozen=True):
    """What is to be exported.

    start, to  the records start <= index < to <= size of the checkpoint; None: all that it covers
    profile    name of the redaction profile
    engine     what evaluated the decisions, for information
    number     of the bundle in the receiver's sequence, None outside one
    receiver   whose sequence it is, "" outside one
    previous   the last checkpoint that the receiver holds, b"" where there is none
    before     digest of the manifest of the bundle before in the sequence, "" where there is none
    share_key  from it the operator's share for a challenge derives (challenge.py), b"" where the bundle commits to none
    check      check what opens each record even where the profile opens nothing of it: its commitments leave all the same
    policy     a trust file to send along, for information only; b"" for none
    """

    start: int
    to: int | None
    profile: str
    engine: str
    number: int | None = None
    receiver: str = ""
    previous: bytes = b""
    before: str = ""
    share_key: bytes = b""
    check: bool = False
    policy: bytes = b""


def export(source: Source, order: Order, signer: SigningKey, out: BinaryIO) -> Manifest:
    """Write the bundle to a binary file that can seek; the same source and order give the same bytes.

    `signer` is the log's Ed25519 key.  Raises BadInput for an order that does not fit the log, NotVerified where the
    log's own files do not hold; what was written by then is no bundle.
    """
    return _Export(source, order, signer, out).run()


def control_indices(source: Source, size: int) -> tuple[int, ...]:
    """Where the control records stand below `size`, by reading every record: for want of an index."""
    tree = TreeReader(source.read, size)
    return tuple(
        n * TILE_WIDTH + i
        for n in leaf_tiles(0, size)
        for i, leaf in enumerate(tree.bundle(n))
        if read_leaf(leaf).k == CONTROL
    )


class _Export:
    """One export; its attributes are what earlier members of the zip found out for later ones."""

    def __init__(self, source: Source, order: Order, signer: SigningKey, out: BinaryIO) -> None:
        self._source = source
        self._order = order
        self._signer = signer
        self._zip = Writer(out)
        self._profile: Profile = profile(order.profile)
        self._head = _open(source.checkpoint, signer)
        self._start = order.start
        self._to = self._head.size if order.to is None else order.to
        if not 0 <= self._start <= self._to <= self._head.size:
            raise BadInput(
                f"expected a range within 0 to {self._head.size}, got {self._start} to {self._to}",
                hint="a record can be exported once a checkpoint covers it, within about a second",
            )
        self._mirror = Mirror(TreeReader(source.read, self._head.size), self._head)
        self._counts = Counts()
        self._opened: dict[str, Opened] = {}
        self._hash = sha256()
        self._history = History()
        self._withheld: set[str] = set()

    def run(self) -> Manifest:
        previous = self._previous()
        controls = self._controls()
        leaves = self._leaves(controls)
        documents = self._fold(leaves)
        self._add("checkpoint", self._source.checkpoint)
        if previous is not None:
            self._add("checkpoint.prev", self._order.previous)
        for name, document in sorted(documents.items()):
            self._add(name, document)
        self._zip.add("disclosures.jsonl", self._disclosures())
        outside = {f"entry/{i}": leaf for i, leaf in leaves.items() if not self._start <= i < self._to}
        for name, leaf in sorted(outside.items()):
            self._add(name, leaf)
        manifest = self._manifest(controls, previous)
        data = write_manifest(manifest)
        self._add("manifest.json", data)
        self._add("manifest.note", sign_manifest(manifest, data, self._signer))
        if self._order.policy:
            self._add("policy", self._order.policy)
        self._tiles(controls, previous)
        self._zip.close()
        return manifest

    def _add(self, name: str, content: bytes) -> None:
        self._zip.add(name, (content,))

    def _previous(self) -> Previous | None:
        """The receiver's checkpoint, once it is found to be a beginning of this log."""
        if not self._order.previous:
            return None
        head = _open(self._order.previous, self._signer)
        if head.size > self._head.size or self._mirror.root_at(head.size) != head.root:
            raise NotVerified("the earlier checkpoint is not a beginning of this log", step="consistency")
        return Previous(digest(self._order.previous), head.size, self._order.before)

    def _controls(self) -> tuple[int, ...]:
        if self._source.controls is not None:
            return tuple(i for i in self._source.controls if i < self._head.size)
        return control_indices(self._source, self._head.size)

    def _leaves(self, indices: tuple[int, ...]) -> dict[int, bytes]:
        """The leaves at ascending indices, tile by tile."""
        leaves: dict[int, bytes] = {}
        for n, group in groupby(indices, lambda index: index // TILE_WIDTH):
            entries = self._mirror.entries(n)
            leaves.update((index, entries[index % TILE_WIDTH]) for index in group)
        return leaves

    def _fold(self, leaves: dict[int, bytes]) -> dict[str, bytes]:
        """Fold all control records; the documents that they name, by the name of their file."""
        documents: dict[str, bytes] = {}
        for index, data in leaves.items():
            leaf = read_leaf(data)
            if leaf.k != CONTROL:
                raise NotVerified(f"record {index} is no control record", step="control")
            document = self._source.document(leaf.doc) if leaf.doc else b""
            if document and leaf.what in self._profile.closes:
                self._withheld.add(leaf.doc)
                self._history.add_closed(index, leaf)
                continue
            self._history.add(index, leaf, document)
            if document:
                documents[document_name(leaf.doc)] = document
        return documents

    def _records(self) -> Iterator[tuple[int, Leaf, bytes]]:
        """The records of the range, with what opens them where the profile opens anything."""
        start, to = self._start, self._to
        for n in leaf_tiles(start, to):
            asides = self._source.asides(n) if self._profile.opens or self._order.check else ()
            for i, data in enumerate(self._mirror.entries(n)):
                if start <= n * TILE_WIDTH + i < to:
                    yield n * TILE_WIDTH + i, read_leaf(data), asides[i] if i < len(asides) else b""

    def _disclosures(self) -> Iterator[bytes]:
        """The lines of disclosures.jsonl, counting records and commitments on the way."""
        for index, leaf, aside in self._records():
            self._counts.add(leaf)
            shown = self._disclose(index, leaf, aside)
            if shown:
                line = _encode({"i": index, "d": shown}) + b"\n"
                self._hash.update(line)
                yield line

    def _disclose(self, index: int, leaf: Leaf, aside: bytes) -> list[str]:
        """The disclosures of one record that the profile shows."""
        shows = {name for name in leaf.c if self._profile.shows(name)}
        for name in leaf.c:
            counted = self._opened.setdefault(name, Opened())
            counted.made += 1
            what = "withheld" if name not in shows else "disclosed" if aside else "destroyed"
            setattr(counted, what, getattr(counted, what) + 1)
        if not aside or not (shows or (self._order.check and leaf.c)):
            return []
        opens = read_aside(aside)
        named = named_disclosures(leaf, opens)
        if named is None:
            raise NotVerified(
                f"record {index}: what opens it does not derive from its key, so it could carry a message out",
                step="disclosure",
            )
        return [disclosure for name, disclosure in named.items() if name in shows]

    def _manifest(self, controls: tuple[int, ...], previous: Previous | None) -> Manifest:
        order = self._order
        manifest = Manifest(
            format=FORMAT,
            origin=self._head.origin,
            start=self._start,
            to=self._to,
            size=self._head.size,
            checkpoint=digest(self._source.checkpoint),
            previous=previous,
            receiver=order.receiver,
            number=order.number,
            profile=order.profile,
            share="",
            engine=order.engine,
            controls=controls,
            withheld=tuple(sorted(self._withheld)),
            terms=self._history.spans(self._start, self._to),
            counts=self._counts,
            opened=self._opened,
            disclosures="sha256:" + self._hash.hexdigest(),
            policy=digest(order.policy) if order.policy else "",
        )
        if not order.share_key:
            return manifest
        share = operators_share(order.share_key, write_manifest(manifest))
        return msgspec.structs.replace(manifest, share=digest(share))

    def _tiles(self, controls: tuple[int, ...], previous: Previous | None) -> None:
        size = self._head.size
        wanted = leaf_tiles(self._start, self._to)
        places = tiles_needed(size, {*wanted, *(i // TILE_WIDTH for i in controls)}, previous.size if previous else 0)
        files: dict[str, Callable[[], bytes]] = {
            tile_name(size, (level, n)): lambda level=level, n=n: self._mirror.tile(level, n)  # type: ignore[misc]
            for level, n in places
        }
        for n in wanted:
            files[entries_name(size, n)] = lambda n=n: encode_bundle(self._mirror.entries(n))  # type: ignore[misc]
        for name in sorted(files):
            self._add(name, files[name]())


_encode = msgspec.json.Encoder(order="sorted").encode


def document_name(doc: str) -> str:
    """The file in which the control document of that digest is."""
    return "control/" + doc.removeprefix("sha256:")


def _open(checkpoint: bytes, signer: SigningKey) -> TreeHead:
    """A checkpoint of the signer's log.  Raises NotVerified."""
    head = read_tree_head(open_note(checkpoint, [signer.verify_key]).text)
    if head.origin != signer.name:
        raise BadInput(f"expected the key of the log `{head.origin}`, got that of `{signer.name}`")
    return head
