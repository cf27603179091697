"""Cosignatures that came back, kept beside the log: a file for each witness, its newest cosigned checkpoint.

    ledger/cosigned/<key id, 8 hex digits>-<16 of SHA-256(name)>      the log's note with that witness's line

Rules of this file: what is kept was verified, and is verified again by whoever uses it; the log's own `checkpoint` is never
touched; nothing waits for a witness.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from caveat.errors import NotVerified
from caveat.keys import VerifyKey
from caveat.ledger.files import Changes, translated
from caveat.note import open_note, parse_note, read_tree_head

FOLDER: Final = "cosigned"


def keep(ledger: Path, witness: VerifyKey, note: bytes) -> None:
    """Keep a witness's newest cosigned checkpoint; an older one than is there is passed over."""
    path = ledger / FOLDER / _name(witness)
    known = _read(path)
    if known and size_of(known) > size_of(note):
        return
    with translated(ledger):
        scratch = path.with_name(f"{path.name}.d")  # one for each witness: several cosign at once
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        changes = Changes(scratch)
        try:
            changes.replace(path, note)
            changes.settle()
        finally:
            changes.drop()
            scratch.rmdir()


def newest_of(ledger: Path, witness: VerifyKey) -> bytes:
    """What that witness cosigned last, b"" before its first."""
    return _read(ledger / FOLDER / _name(witness))


def witnessed(ledger: Path, witnesses: Sequence[VerifyKey], newest: bytes) -> bytes:
    """The checkpoint to hand out: the one that most witnesses have cosigned, of those the largest; `newest` where none is.

    All cosignatures that were given on that very text stand on it.
    """
    held = [note for key in witnesses if (note := _sound(newest_of(ledger, key), key))]
    if not held:
        return newest
    texts = [parse_note(note).text for note in held]
    best = max(set(texts), key=lambda text: (texts.count(text), read_tree_head(text).size))
    return _merged([newest, *held], best)


def witness_time_ms(ledger: Path, witnesses: Sequence[VerifyKey]) -> int:
    """The latest time that more than half of these witnesses have seen, POSIX milliseconds, by their newest cosignatures; 0
    where so many have not cosigned.  So no single witness with a wrong clock moves anybody's time."""
    times = sorted((seen_at_s(newest_of(ledger, key), key) for key in witnesses), reverse=True)
    return times[len(times) // 2] * 1000 if times else 0


def seen_at_s(note: bytes, key: VerifyKey) -> int:
    """When a witness cosigned, POSIX seconds by its clock; 0 where it has no line that holds."""
    try:
        return max((signature.at_s for signer, signature in open_note(note, [key]).by if signer == key), default=0)
    except NotVerified:
        return 0


def size_of(note: bytes) -> int:
    """The size that a checkpoint stands for."""
    return read_tree_head(parse_note(note).text).size


def _merged(notes: Iterable[bytes], text: bytes) -> bytes:
    lines: dict[str, None] = {}
    for note in notes:
        parsed = parse_note(note)
        if parsed.text == text:
            lines |= dict.fromkeys(signature.line for signature in parsed.signatures)
    return text + b"\n" + "".join(lines).encode()


def _sound(note: bytes, key: VerifyKey) -> bytes:
    """The note if that witness's line on it holds, b"" otherwise."""
    try:
        open_note(note, [key])
    except NotVerified:
        return b""
    return note


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _name(witness: VerifyKey) -> str:
    return f"{witness.id.hex()}-{hashlib.sha256(witness.name.encode()).hexdigest()[:16]}"
