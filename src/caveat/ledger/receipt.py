"""What a caller may keep: the ticket, given at once, and the receipt, to be had after the next checkpoint.

A ticket is a signed note by the log's Ed25519 key, a promise that this leaf stands at this index (one that a later
checkpoint does not keep is proof of misconduct, which anyone can show):

    caveat-ticket/v1
    example.com/log                                   origin
    41                                                index
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=       leaf hash
    1790000000123                                     POSIX milliseconds

A receipt is c2sp.org/tlog-proof text (draft; file extension .tlog-proof), which proves it offline:

    c2sp.org/tlog-proof@v1
    index 41
    <base64 of 32 bytes>                              0 to 63 of them, the leaf's sibling first
                                                      empty line
    <checkpoint, a signed note>

A line `extra <base64>` may stand before the index; nothing signs it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from caveat.canon import b64, unb64
from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.log import Placed
from caveat.ledger.proof import verify_inclusion
from caveat.ledger.tree import HASH_BYTES
from caveat.note import MAX_NOTE_BYTES, TreeHead, open_note, sign_note

_TICKET: Final = "caveat-ticket/v1"
_RECEIPT: Final = "c2sp.org/tlog-proof@v1"
_MAX_HASHES: Final = 63
_MAX_RECEIPT_BYTES: Final = 2 * MAX_NOTE_BYTES


class Ticket(Struct, frozen=True):
    """What the log promised; it exists only once the log's signature was checked."""

    origin: str
    index: int
    leaf_hash: bytes
    at_ms: int


class Receipt(Struct, frozen=True):
    """A receipt as it came: nothing in it is verified; `extra` never can be."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""


def make_ticket(key: SigningKey, origin: str, placed: Placed) -> bytes:
    """The signed promise for a leaf that is durable."""
    text = f"{_TICKET}\n{origin}\n{placed.index}\n{b64(placed.leaf_hash)}\n{placed.at_ms}\n"
    return sign_note(text.encode(), [key])


def open_ticket(raw: bytes, keys: Iterable[VerifyKey]) -> Ticket:
    """What the log promised.  Raises NotVerified."""
    lines = open_note(raw, keys).text.decode().split("\n")
    if len(lines) != 6 or lines[0] != _TICKET or lines[5]:
        raise _no("ticket", f"expected a text of five lines that begins with `{_TICKET}`")
    return Ticket(lines[1], _number("ticket", lines[2]), _hash("ticket", lines[3]), _number("ticket", lines[4]))


def make_receipt(receipt: Receipt) -> bytes:
    """The text of a receipt."""
    extra = [f"extra {b64(receipt.extra)}"] if receipt.extra else []
    lines = [_RECEIPT, *extra, f"index {receipt.index}", *map(b64, receipt.proof)]
    return ("\n".join(lines) + "\n\n").encode() + receipt.checkpoint


def parse_receipt(raw: bytes) -> Receipt:
    """Its pieces, of which nothing is verified.  Raises NotVerified for anything but a receipt."""
    head, gap, checkpoint = raw[:_MAX_RECEIPT_BYTES].partition(b"\n\n")
    if not gap or len(raw) > _MAX_RECEIPT_BYTES:
        raise _no("receipt", "expected a text of at most 128 kB with an empty line before its checkpoint")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise _no("receipt", "expected ASCII before the checkpoint") from None
    if first != _RECEIPT:
        raise _no("receipt", f"expected a text that begins with `{_RECEIPT}`")
    extra = _base64("receipt", lines.pop(0)[6:]) if lines and lines[0].startswith("extra ") else b""
    if not lines or not lines[0].startswith("index ") or len(lines) > 1 + _MAX_HASHES:
        raise _no("receipt", f"expected an index and at most {_MAX_HASHES} hashes")
    index = _number("receipt", lines[0][6:])
    return Receipt(index, tuple(_hash("receipt", line) for line in lines[1:]), checkpoint, extra)


def verify_receipt(raw: bytes, leaf_hash: bytes, keys: Sequence[VerifyKey], origin: str) -> TreeHead:
    """The tree head that holds the leaf at the receipt's index, by that log's word.  Raises NotVerified."""
    receipt = parse_receipt(raw)
    head = open_checkpoint(receipt.checkpoint, keys, origin)
    verify_inclusion(receipt.index, head.size, leaf_hash, head.root, receipt.proof)
    return head


def _number(step: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 20 or str(int(text)) != text:
        raise _no(step, "expected a plain decimal number")
    return int(text)


def _hash(step: str, text: str) -> bytes:
    data = _base64(step, text)
    if len(data) != HASH_BYTES:
        raise _no(step, f"expected a hash of {HASH_BYTES} bytes")
    return data


def _base64(step: str, text: str) -> bytes:
    try:
        return unb64(text)
    except BadInput as error:
        raise _no(step, error.message) from None


def _no(step: str, why: str) -> NotVerified:
    return NotVerified(f"a {step} is malformed: {why}", step=step)
