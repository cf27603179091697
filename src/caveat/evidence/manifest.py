"""The manifest: what a bundle claims to be, signed by the log's key; `verify` works every number of it out again.

    {"checkpoint":"sha256:...","controls":[0,1,2],"counts":{...},"disclosures":"sha256:...","engine":"cedar/4.12.0",
     "format":"caveat-bundle/v1","from":0,"number":1,"opened":{...},"origin":"example.org/caveat","policy":"",
     "previous":null,"profile":"audit","receiver":"vendor","share":"sha256:...","size":70000,"terms":[...],"to":70000,"withheld":[]}

It stands in `manifest.json`; `manifest.note` is a signed note (c2sp.org/signed-note) over its digest:

    caveat-bundle/v1
    example.org/caveat
    sha256:5f...

Rules: canonical bytes, so there is one way to write a manifest; no clock in it, so two exports of one range are equal.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import msgspec
from msgspec import Struct, field

from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.note import open_note, sign_note
from caveat.record import Leaf

FORMAT: Final = "caveat-bundle/v1"
MAX_BYTES: Final = 16 << 20
MAX_INDEX: Final = 2**53 - 1


class Previous(Struct, frozen=True, forbid_unknown_fields=True):
    """The earlier checkpoint that the bundle shows to be a beginning of its own: digest of the note, and its size; within
    a sequence, also the digest of the manifest of the bundle before, "" otherwise."""

    checkpoint: str
    size: int
    manifest: str = ""


class InForce(Struct, frozen=True, forbid_unknown_fields=True):
    """Terms in force somewhere in the range: from the record at `adopted` on, up to the one at `ended` (-1: still)."""

    id: str
    digest: str
    adopted: int
    ended: int = -1


class Opened(Struct, forbid_unknown_fields=True):
    """Commitments of one name in the range: how many were made, opened here, withheld, or can no longer be opened."""

    made: int = 0
    disclosed: int = 0
    withheld: int = 0
    destroyed: int = 0


class Counts(Struct, forbid_unknown_fields=True):
    """Records of the range by kind, calls by ending, tokens by the providers' counts."""

    opened: int = 0
    settled: int = 0
    refused: int = 0
    control: int = 0
    endings: dict[str, int] = {}
    tokens_in: int = 0
    tokens_out: int = 0

    def add(self, leaf: Leaf) -> None:
        """Count one record."""
        setattr(self, leaf.k, getattr(self, leaf.k) + 1)
        if leaf.k == "settled":
            self.endings[leaf.o] = self.endings.get(leaf.o, 0) + 1
        if leaf.tok is not None:
            self.tokens_in += leaf.tok[0]
            self.tokens_out += leaf.tok[1]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle says of itself.

    start, to    the range of records, start <= index < to <= size (`from` and `to` in JSON)
    size         of the tree that `checkpoint` is the head of
    checkpoint   digest of the checkpoint's bytes
    previous     the earlier checkpoint that comes with it, None where there is none
    receiver     for whom the bundle's sequence is, "" outside one
    number       of this bundle in that sequence, None outside one
    controls     index of every control record below `size`
    withheld     digests of control documents that the profile keeps closed, sorted
    share        digest of the operator's secret share for a challenge (challenge.py), "" where there is none
    disclosures, policy   digests of those members, "" where there is none
    """

    format: str
    origin: str
    start: int = field(name="from")
    to: int
    size: int
    checkpoint: str
    previous: Previous | None
    receiver: str
    number: int | None
    profile: str
    share: str
    engine: str
    controls: tuple[int, ...]
    withheld: tuple[str, ...]
    terms: tuple[InForce, ...]
    counts: Counts
    opened: dict[str, Opened]
    disclosures: str
    policy: str


_encode = msgspec.json.Encoder(order="sorted").encode
_decoder = msgspec.json.Decoder(Manifest)


def write_manifest(manifest: Manifest) -> bytes:
    """Its canonical bytes."""
    return _encode(manifest) + b"\n"


def read_manifest(data: bytes) -> Manifest:
    """The manifest that the bytes are.  Raises NotVerified, also for numbers that cannot be."""
    try:
        manifest = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotVerified(f"the manifest cannot be read: {error}", step="manifest") from None
    if manifest.format != FORMAT:
        raise NotVerified(f"expected a bundle of format {FORMAT}, got `{manifest.format}`", step="manifest")
    if write_manifest(manifest) != data:
        raise NotVerified("the manifest is not written in its one canonical form", step="manifest")
    _check_numbers(manifest)
    return manifest


def _check_numbers(manifest: Manifest) -> None:
    controls = manifest.controls
    ascending = all(a < b for a, b in pairwise(controls))
    inside = not controls or (controls[0] >= 0 and controls[-1] < manifest.size)
    if not (0 <= manifest.start <= manifest.to <= manifest.size <= MAX_INDEX and ascending and inside):
        raise NotVerified("the manifest's range, size and control records do not fit together", step="manifest")
    if (manifest.number is None) != (not manifest.receiver) or (manifest.number is not None and manifest.number < 1):
        raise NotVerified("the manifest has a number without a receiver, or the other way round", step="manifest")
    if list(manifest.withheld) != sorted(set(manifest.withheld)):
        raise NotVerified("the manifest's withheld documents are not in order", step="manifest")
    if manifest.previous is not None and not 0 <= manifest.previous.size <= manifest.size:
        raise NotVerified("the manifest's earlier checkpoint is larger than its own", step="manifest")


def sign_manifest(manifest: Manifest, data: bytes, signer: SigningKey) -> bytes:
    """The note over the manifest's bytes.  The signer is the log's key: its name is the origin."""
    return sign_note(_statement(manifest.origin, data), [signer])


def verify_manifest(manifest: Manifest, data: bytes, note: bytes, keys: Iterable[VerifyKey]) -> VerifyKey:
    """The key of these that signed the manifest.  Raises NotVerified."""
    opened = open_note(note, keys)
    if opened.text != _statement(manifest.origin, data):
        raise NotVerified("the signed note is about another manifest", step="manifest")
    return opened.by[0][0]


def _statement(origin: str, data: bytes) -> bytes:
    return f"{FORMAT}\n{origin}\n{digest(data)}\n".encode()
