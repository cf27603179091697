"""Signed notes (c2sp.org/signed-note) and the cosignatures that stand on them (c2sp.org/tlog-cosignature).

    example.com/log                      the text, any number of lines, ends with a newline
    3
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=
                                         an empty line
    — example.com/log M9e0lvAQRtH832...  one line a signature: U+2014, name, base64(key id, signature)

Rules: bytes are verified, then parsed; a signature by a key that nobody trusts is ignored; one by a trusted key that does
not hold spoils the whole note; with no trusted signature nothing is opened.  Reading takes at most 64 kB and raises
NotVerified, nothing else.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct

from caveat.canon import b64, unb64
from caveat.errors import BadInput, NotVerified
from caveat.keys import SIGNATURE_BYTES, KeyKind, SigningKey, VerifyKey, check_name

MAX_NOTE_BYTES: Final = 64_000
_DASH: Final = "— "
_MAX_U64: Final = 2**64 - 1
_HASH_BYTES: Final = 32
_CONTROLS: Final = bytes(code for code in range(0x20) if code != 0x0A)


class NoteSignature(Struct, frozen=True):
    """One signature line: the signer's name, the key's four-byte id, the bytes after it (for a cosignature: u64 POSIX
    seconds, then the signature)."""

    name: str
    key_id: bytes
    blob: bytes

    @property
    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"{_DASH}{self.name} {b64(self.key_id + self.blob)}\n"

    @property
    def at_s(self) -> int:
        """The POSIX seconds of a cosignature; without meaning for a plain signature."""
        return int.from_bytes(self.blob[:8], "big")


class Note(Struct, frozen=True):
    """A note as it came: nothing in it is verified."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


class OpenNote(Struct, frozen=True):
    """A note of which every signature in `by`, at least one, holds.  `by` is in the note's order."""

    text: bytes
    by: tuple[tuple[VerifyKey, NoteSignature], ...]

    def signed_by(self, key: VerifyKey) -> bool:
        """Whether that key is among those whose signature holds."""
        return any(key == signer for signer, _ in self.by)


class TreeHead(Struct, frozen=True):
    """What a checkpoint says: a log's name, how many entries it has, the Merkle root over them.

    Text (c2sp.org/tlog-checkpoint): origin, decimal size, base64 of the 32-byte root, a line each.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """The three lines.  We write no extension lines: an ML-DSA cosignature would not cover them."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n".encode()


def parse_note(raw: bytes) -> Note:
    """Text and signature lines, of which nothing is verified.  Raises NotVerified for anything but a note."""
    try:
        body = raw.decode() if len(raw) <= MAX_NOTE_BYTES else ""
    except UnicodeDecodeError:
        raise _malformed("not UTF-8") from None
    if not body:
        raise _malformed(f"not 1 to {MAX_NOTE_BYTES} bytes")
    if _controls_in(raw):
        raise _malformed("a control character in it")
    cut = body.rfind("\n\n")
    if cut < 0:
        raise _malformed("no empty line before its signatures")
    lines = body[cut + 2 :].split("\n")
    if lines.pop() or not lines:
        raise _malformed("no signature line that ends with a newline")
    return Note(body[: cut + 1].encode(), tuple(_signature(line) for line in lines))


def open_note(raw: bytes, keys: Iterable[VerifyKey]) -> OpenNote:
    """The note's text, once all signatures by these keys hold and there is at least one.  Raises NotVerified."""
    note = parse_note(raw)
    known = {(key.name, key.id): key for key in keys}
    by: list[tuple[VerifyKey, NoteSignature]] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            verify_signature(key, note.text, signature)
            by.append((key, signature))
    if not by:
        raise NotVerified("no signature on the note is by a trusted key", step="note")
    return OpenNote(note.text, tuple(by))


def sign_note(text: bytes, keys: Sequence[SigningKey], at_s: int = 0) -> bytes:
    """The text with a signature line by each key.  `at_s`, POSIX seconds, goes into cosignatures only."""
    if not text.endswith(b"\n") or _controls_in(text):
        raise BadInput("expected a text of whole lines without control characters")
    lines = "".join(sign_text(key, text, at_s).line for key in keys)
    return text + b"\n" + lines.encode()


def _controls_in(text: bytes) -> bool:
    """Whether a character below U+0020 other than a newline stands in UTF-8 text."""
    return len(text.translate(None, _CONTROLS)) < len(text)


def sign_text(key: SigningKey, text: bytes, at_s: int = 0) -> NoteSignature:
    """One signature over a note's text, of the key's kind.  0 <= at_s < 2**64; 0 for a plain one."""
    signed = _MESSAGES[key.kind](key.name, text, at_s)
    stamp = b"" if key.kind is KeyKind.NOTE else at_s.to_bytes(8, "big")
    return NoteSignature(key.name, key.verify_key.id, stamp + key.sign(signed))


def verify_signature(key: VerifyKey, text: bytes, signature: NoteSignature) -> None:
    """Return if the signature line holds over the text under that key; raise NotVerified otherwise."""
    stamp = 0 if key.kind is KeyKind.NOTE else 8
    if len(signature.blob) != stamp + SIGNATURE_BYTES[key.kind]:
        raise NotVerified(f"the signature by `{key.name}` has the wrong length", step="note")
    try:
        message = _MESSAGES[key.kind](key.name, text, signature.at_s if stamp else 0)
        key.verify(message, signature.blob[stamp:])
    except NotVerified as error:
        raise NotVerified(error.message, step="note") from None


def read_tree_head(text: bytes) -> TreeHead:
    """What a checkpoint's text says, extension lines aside.  Raises NotVerified for anything malformed."""
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError:
        raise NotVerified("a checkpoint is malformed: it is not UTF-8", step="checkpoint") from None
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise NotVerified("a checkpoint is malformed: expected origin, size and root, a line each", step="checkpoint")
    origin, size, root = lines[0], lines[1], lines[2]
    if not (size.isascii() and size.isdecimal()) or str(int(size[:20])) != size or int(size) > _MAX_U64:
        raise NotVerified("a checkpoint is malformed: its size is not a plain decimal number", step="checkpoint")
    try:
        digest = unb64(root)
    except BadInput:
        raise NotVerified("a checkpoint is malformed: its root is not base64", step="checkpoint") from None
    if len(digest) != _HASH_BYTES:
        raise NotVerified("a checkpoint is malformed: its root is not 32 bytes", step="checkpoint")
    return TreeHead(origin, int(size), digest)


def subtree_message(cosigner: str, at_s: int, head: TreeHead, start: int = 0) -> bytes:
    """What an ML-DSA-44 cosignature signs over the subtree [start, head.size) of a log, whose hash is head.root.

    Raises BadInput for a time other than 0 where start is not 0: only whole trees are seen at a time.
    """
    if start and at_s:
        raise BadInput("expected time 0 in a cosignature over a subtree that does not start at 0")
    numbers = start.to_bytes(8, "big") + head.size.to_bytes(8, "big")
    named = _with_length(cosigner) + at_s.to_bytes(8, "big") + _with_length(head.origin)
    return b"subtree/v1\n\0" + named + numbers + head.root


def _with_length(name: str) -> bytes:
    data = name.encode()
    if len(data) > 255:
        raise NotVerified("a name of more than 255 bytes cannot stand in a cosignature", step="note")
    return bytes([len(data)]) + data


def _timed_message(_name: str, text: bytes, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n".encode() + text


def _head_message(name: str, text: bytes, at_s: int) -> bytes:
    return subtree_message(name, at_s, read_tree_head(text))


_MESSAGES: Final[dict[KeyKind, Callable[[str, bytes, int], bytes]]] = {
    KeyKind.NOTE: lambda _name, text, _at_s: text,
    KeyKind.COSIGN: _timed_message,
    KeyKind.COSIGN_MLDSA: _head_message,
}


def _signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        check_name(name)
        blob = unb64(encoded)
    except BadInput:
        raise _malformed("a signature line without a name and base64") from None
    if not line.startswith(_DASH) or len(blob) < 5:
        raise _malformed("a signature line without a dash, or without a key id and a signature")
    return NoteSignature(name, blob[:4], blob[4:])


def _malformed(why: str) -> NotVerified:
    return NotVerified(f"a signed note is malformed: {why}", step="note")
