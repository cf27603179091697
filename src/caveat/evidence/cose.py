"""COSE receipts (RFC 9942): for who collects SCITT evidence, from the same tree as the tlog-proof receipts.

    18([ <<{1: -8, 4: kid, 15: {1: origin, 2: "record/41"}, 395: 1}>>,          protected: EdDSA, key, claims, RFC9162_SHA256
         {396: {-1: [<<[tree size, leaf index, [hashes]]>>]}},                  unprotected: the inclusion proof
         null,                                                                  the payload is the root, worked out
         signature ])

The signature is over the root and the protected headers only: no size, no witness.  So the tlog-proof stays our receipt, and
this is an export (docs/evidence.md).  Rule of this file: CBOR in its deterministic form (RFC 8949 section 4.2).
"""

from collections.abc import Iterator, Sequence
from typing import Final

import cbor2

from caveat.errors import BadInput
from caveat.evidence.export import Source
from caveat.keys import SigningKey
from caveat.ledger.tiles import TreeReader
from caveat.note import open_note, read_tree_head

ALG, KID, CLAIMS, VDS, VDP = 1, 4, 15, 395, 396
EDDSA: Final = -8
RFC9162_SHA256: Final = 1
INCLUSION: Final = -1
SIGN1: Final = 18
MOST: Final = 10_000


def cose_receipt(index: int, size: int, root: bytes, proof: Sequence[bytes], signer: SigningKey) -> bytes:
    """The receipt that the record at an index, 0 <= index < size, is in the tree of that root."""
    claims = {1: signer.name, 2: f"record/{index}"}
    protected = _cbor({ALG: EDDSA, KID: signer.verify_key.id, CLAIMS: claims, VDS: RFC9162_SHA256})
    signature = signer.sign(_cbor(["Signature1", protected, b"", root]))
    inclusion = _cbor([size, index, list(proof)])
    return _cbor(cbor2.CBORTag(SIGN1, [protected, {VDP: {INCLUSION: [inclusion]}}, None, signature]))


def cose_receipts(source: Source, start: int, to: int, signer: SigningKey) -> Iterator[tuple[int, bytes]]:
    """Receipts for the records start <= index < to under the source's checkpoint.  Raises BadInput for more than 10,000."""
    head = read_tree_head(open_note(source.checkpoint, [signer.verify_key]).text)
    if not 0 <= start <= to <= head.size or to - start > MOST:
        raise BadInput(f"expected a range within 0 to {head.size} of at most {MOST:,} records")
    tree = TreeReader(source.read, head.size)
    for index in range(start, to):
        yield index, cose_receipt(index, head.size, head.root, tree.inclusion(index), signer)


def _cbor(value: object) -> bytes:
    return cbor2.dumps(value, canonical=True)
