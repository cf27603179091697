"""What a witness does with a request to cosign a checkpoint (c2sp.org/tlog-witness), and how one is asked.

    POST <prefix>/add-checkpoint
    old 40                                            the size that the asker thinks was cosigned last
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=       0 to 63 lines: the consistency proof from there
                                                      empty line
    <checkpoint, a signed note>

Rules of this file: pure; the order of checks and the status codes are the specification's; a witness cosigns only what
continues what it cosigned last for that log, and whoever calls persists the new head together with the check, before the
cosignature is given away.  So a log that forks, goes back or comes out of an old backup gets none.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from caveat.canon import b64, unb64
from caveat.errors import BadInput, CaveatError, NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.ledger.proof import verify_consistency
from caveat.ledger.tree import EMPTY_ROOT, HASH_BYTES
from caveat.note import MAX_NOTE_BYTES, Note, TreeHead, open_note, parse_note, read_tree_head, sign_text

MAX_BODY: Final = 2 * MAX_NOTE_BYTES
MAX_HASHES: Final = 63
SIZE_TYPE: Final = "text/x.tlog.size"


class Declined(CaveatError):
    """A request that a witness does not cosign: the HTTP status, and its body."""

    def __init__(self, status: int, message: str, *, size: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = f"{size}\n" if size is not None else f"{message}\n"
        self.media_type = SIZE_TYPE if size is not None else "text/plain"


class Request(Struct, frozen=True):
    """A request, read; nothing in it is verified."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: bytes


class Seen(Struct, frozen=True):
    """The largest head that a witness has cosigned for a log; size 0 before the first."""

    size: int = 0
    root: bytes = EMPTY_ROOT


def write_request(request: Request) -> bytes:
    """Its bytes."""
    return (
        f"old {request.old}\n".encode()
        + b"".join(f"{b64(h)}\n".encode() for h in request.proof)
        + b"\n"
        + (request.checkpoint)
    )


def read_request(body: bytes) -> Request:
    """The request that the bytes are.  Raises Declined 400."""
    head, gap, checkpoint = body[:MAX_BODY].partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
        proof = tuple(unb64(line) for line in lines)
    except (UnicodeDecodeError, BadInput):
        raise Declined(400, "the request's head is not ASCII, or its proof is not base64") from None
    old = first.removeprefix("old ")
    plain = old.isascii() and old.isdecimal() and len(old) <= 19 and str(int(old)) == old
    if not gap or len(body) > MAX_BODY or not first.startswith("old ") or not plain:
        raise Declined(400, "expected `old <size>`, a proof, an empty line and a checkpoint")
    if len(proof) > MAX_HASHES or any(len(digest) != HASH_BYTES for digest in proof):
        raise Declined(400, f"expected at most {MAX_HASHES} hashes of {HASH_BYTES} bytes")
    return Request(int(old), proof, checkpoint)


def origin_of(request: Request) -> str:
    """The log that the request is about, by its own word.  Raises Declined 400 for what is no checkpoint."""
    return _head(_note(request)).origin


def consider(request: Request, seen: Seen, keys: Sequence[VerifyKey]) -> tuple[TreeHead, bytes]:
    """The head to persist and the text to cosign.  Raises Declined.

    seen   what was cosigned last for this log         keys   the log's, of which those that signed must hold
    """
    note = _note(request)
    head = _head(note)
    if request.old > head.size:
        raise Declined(400, "the old size is larger than the checkpoint's")
    if not keys:
        raise Declined(404, "this log is not known here")
    try:
        open_note(request.checkpoint, keys)
    except NotVerified as error:
        raise Declined(403, error.message) from None
    if request.old != seen.size:
        raise Declined(409, "the old size is another than the one cosigned last", size=seen.size)
    _check_growth(request, seen, head)
    return head, note.text


def _check_growth(request: Request, seen: Seen, head: TreeHead) -> None:
    """Return if the head continues what was seen; raise Declined 422 otherwise."""
    if head.size == 0 and head.root != EMPTY_ROOT:
        raise Declined(422, "the root of an empty tree is wrong")
    if head.size == seen.size:
        if head.root != seen.root or request.proof:
            raise Declined(422, "another root, or a proof, for the size that was cosigned last: the log has forked")
    elif seen.size == 0:
        if request.proof:
            raise Declined(422, "a proof from the empty tree")
    else:
        try:
            verify_consistency(seen.size, head.size, seen.root, head.root, request.proof)
        except NotVerified as error:
            raise Declined(422, f"the log does not continue what was cosigned: {error.message}") from None


def cosign(text: bytes, keys: Sequence[SigningKey], at_s: int) -> bytes:
    """The witness's signature lines over a checkpoint's text.  Raises BadInput for a time that is none."""
    if at_s <= 0:
        raise BadInput("a witness's clock must be right to sign with it")
    return "".join(sign_text(key, text, at_s).line for key in keys).encode()


def with_cosignatures(checkpoint: bytes, lines: bytes, keys: Sequence[VerifyKey]) -> bytes:
    """The checkpoint with these witnesses' lines, once each holds.  Raises NotVerified."""
    text = parse_note(checkpoint).text
    added = parse_note(text + b"\n" + lines)
    open_note(text + b"\n" + lines, keys)
    known = {(key.name, key.id) for key in keys}
    wanted = [s.line for s in added.signatures if (s.name, s.key_id) in known]
    present = checkpoint.decode()
    return checkpoint + "".join(line for line in wanted if line not in present).encode()


def log_id(origin: str) -> str:
    """How a witness names a log in paths: SHA-256 of its origin, hex."""
    return hashlib.sha256(origin.encode()).hexdigest()


def by_origin(keys: Sequence[VerifyKey]) -> Mapping[str, tuple[VerifyKey, ...]]:
    """Logs' keys by origin, which is their name."""
    return {key.name: tuple(k for k in keys if k.name == key.name) for key in keys}


def _note(request: Request) -> Note:
    try:
        return parse_note(request.checkpoint)
    except NotVerified as error:
        raise Declined(400, error.message) from None


def _head(note: Note) -> TreeHead:
    try:
        return read_tree_head(note.text)
    except NotVerified as error:
        raise Declined(400, error.message) from None
