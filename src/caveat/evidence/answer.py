"""The answer to a challenge: the operator's share, and every sampled record opened as far as it may leave the house.

A zip like a bundle's (container.py):

    answer.json      {"challenge":"sha256:...","format":"caveat-answer/v1","openings":"sha256:...","origin":"...",
                      "share":"<base64>"}
    answer.note      a signed note by the log's key over its digest
    challenge        the note that is answered
    openings.jsonl   {"d":[disclosure,...],"first":[disclosure,...],"i":index}, a line a record, ascending; `first` opens
                     the record that an outcome settles

Rules of this file: records themselves stand in the bundle, so none is repeated here; what is withheld is left out, and
counts as refused; a body never stands here: bodies are opened on site (reopen.py).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from caveat.canon import b64, digest, unb64
from caveat.errors import BadInput, NotVerified
from caveat.evidence.container import Archive, Writer
from caveat.evidence.profiles import Profile
from caveat.keys import SigningKey, VerifyKey
from caveat.note import MAX_NOTE_BYTES, open_note, sign_note
from caveat.record import Leaf, read_aside, read_disclosure, salts_hold

FORMAT: Final = "caveat-answer/v1"
_MAX_LINE: Final = 4 << 20
_MAX_HEAD: Final = 1 << 16


class Opening(Struct, frozen=True, forbid_unknown_fields=True):
    """One record opened: its disclosures, and for an outcome those of the call's first record too."""

    i: int
    d: tuple[str, ...] = ()
    first: tuple[str, ...] = ()


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """What an answer says of itself; `share` is R, base64."""

    format: str
    origin: str
    challenge: str
    share: str
    openings: str


class Answer(Struct, frozen=True):
    """An answer that the log signed; nothing in its openings is checked yet."""

    share: bytes
    challenge: bytes
    openings: dict[int, Opening]


def opens(leaf: Leaf, aside: bytes, profile: Profile) -> tuple[str, ...]:
    """The disclosures of one record that the profile lets leave; () where what opens it was destroyed.

    Raises NotVerified where a salt does not derive from the record's key: it could carry a message out.
    """
    if not aside or not leaf.c:
        return ()
    read = read_aside(aside)
    if not salts_hold(leaf, read):
        raise NotVerified("what opens a record does not derive from its key", step="disclosure")
    return tuple(d for d in read.d if profile.shows(read_disclosure(d)[1]))


def write_answer(
    out: BinaryIO, challenge: bytes, share: bytes, openings: Iterable[Opening], signer: SigningKey
) -> None:
    """Write the answer to a binary file that can seek; `openings` ascend."""
    lines = b"".join(_encode(opening) + b"\n" for opening in openings)
    head = _encode(Head(FORMAT, signer.name, digest(challenge), b64(share), digest(lines)))
    archive = Writer(out)
    archive.add("answer.json", (head,))
    archive.add("answer.note", (sign_note(_statement(signer.name, head), [signer]),))
    archive.add("challenge", (challenge,))
    archive.add("openings.jsonl", (lines,))
    archive.close()


def read_answer(file: BinaryIO, keys: Sequence[VerifyKey]) -> Answer:
    """The answer in a binary file, once the log's key signed it.  Raises NotVerified."""
    archive = Archive(file)
    if archive.names != {"answer.json", "answer.note", "challenge", "openings.jsonl"}:
        raise NotVerified("the file is not an answer to a challenge", step="answer")
    data = archive.read("answer.json", _MAX_HEAD)
    try:
        head = msgspec.json.decode(data, type=Head)
        share = unb64(head.share)
    except (msgspec.DecodeError, UnicodeDecodeError, BadInput):
        raise NotVerified("the answer cannot be read", step="answer") from None
    note = open_note(archive.read("answer.note", MAX_NOTE_BYTES), keys)
    challenge = archive.read("challenge", MAX_NOTE_BYTES)
    if note.text != _statement(head.origin, data) or head.challenge != digest(challenge) or head.format != FORMAT:
        raise NotVerified("the answer is not the one that the log signed", step="answer")
    openings, seen = _openings(archive)
    if seen != head.openings:
        raise NotVerified("the openings are not those that the answer names", step="answer")
    return Answer(share, challenge, openings)


def _openings(archive: Archive) -> tuple[dict[int, Opening], str]:
    found: dict[int, Opening] = {}
    whole = bytearray()
    for line in archive.lines("openings.jsonl", _MAX_LINE):
        whole += line + b"\n"
        try:
            opening = msgspec.json.decode(line, type=Opening)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotVerified("an opening cannot be read", step="answer") from None
        found[opening.i] = opening
    return found, digest(bytes(whole))


def _statement(origin: str, data: bytes) -> bytes:
    return f"{FORMAT}\n{origin}\n{digest(data)}\n".encode()


_encode: Callable[[object], bytes] = msgspec.json.Encoder(order="sorted").encode
