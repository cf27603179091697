"""A record, found by whatever names it: its index, a call, its leaf's hash, the digest of a document or of a pair."""

import re

from caveat.errors import Refused
from caveat.gateway.index.ask import Lists
from caveat.gateway.index.follow import Index
from caveat.ledger.reader import LedgerReader
from caveat.ledger.tiles import TILE_WIDTH
from caveat.ledger.tree import HASH_BYTES

CALL = re.compile(r"[0-9a-f]{32}")
HASH = re.compile(r"[0-9a-f]{64}")


def find_record(index: Index, what: str) -> int:
    """The record's index; the first where several bear the name.  Raises Refused `not_found`."""
    text, lists = what.strip().lower().removeprefix("sha256:"), Lists(index)
    if text.isdecimal() and len(text) < 16 and int(text) < index.reader.size():
        return int(text)
    if CALL.fullmatch(text) and (at := index.find(text).at):
        return min(at.values())
    if HASH.fullmatch(text):
        for found in (lists.documents(f"sha256:{text}"), lists.first_under(f"sha256:{text}")):
            if found >= 0:
                return found
        if (found := _leaf(index.reader, bytes.fromhex(text))) >= 0:
            return found
    raise Refused("no record has that index, call, hash or digest", code="not_found", status=404)


def _leaf(reader: LedgerReader, wanted: bytes) -> int:
    """The index of the leaf with that hash, -1 where there is none."""
    tree = reader.tree()
    for n in range((tree.size + TILE_WIDTH - 1) // TILE_WIDTH):
        data = tree.tile(0, n)
        at = data.find(wanted)
        while at >= 0:
            if at % HASH_BYTES == 0:
                return n * TILE_WIDTH + at // HASH_BYTES
            at = data.find(wanted, at + 1)
    return -1
