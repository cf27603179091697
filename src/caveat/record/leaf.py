"""What a leaf says: clear fields that anyone may count, and salted commitments that open one by one.

Rules of this file:

- a leaf holds no content: what is not in the clear list below is committed, and a committed value is facts, names and
  keyed digests, never a prompt or an answer;
- a commitment is the digest of an RFC 9901 disclosure: `base64url(["salt", "name", value])`, hashed as that string;
- salts derive from a key drawn for this record alone, so equal prompts cannot be linked, and destroying the aside
  (which holds the key and the disclosures) closes the record for ever without touching a proof.

    {"c":{"decision":"<digest>","who":"<digest>",...},"call":"<32 hex>","g":"gw1","k":"opened","t":1795351642000,
     "terms":"sha256:<pair>","v":1}
"""

import msgspec
from msgspec import Struct

from caveat.errors import NotVerified

VERSION = 1

CALL_KINDS = ("opened", "settled", "refused")
CONTROL = "control"
KINDS = (*CALL_KINDS, CONTROL)

ENDINGS = ("completed", "denied", "held", "stopped", "withheld", "broken", "aborted", "unknown")
"""How a call ended.

    completed  the reply left whole            denied, held  nothing was sent to the model
    stopped    a clause ended it midway        broken        the upstream failed or was unreadable
    aborted    the client went away            unknown       the gateway died; nobody can say
    withheld   the reply waits in the vault until persons release it
"""

ENDED = ("settled", "refused")
"""Kinds of leaves that say how a call ended."""

UNSENT = ("denied", "held")
"""Endings of calls of which nothing went to the model."""

encode = msgspec.json.Encoder(order="sorted").encode
"""RFC 8785 bytes for our values: no floats, integers under 2**53, ASCII keys (tests/test_record.py)."""


class Leaf(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A leaf, read.  Fields that a kind does not have are at their defaults.

    k      "opened", "settled", "refused" or "control"
    g, t   the gateway's name and clock (POSIX ms); order comes from the index, never from `t`
    call   32 hex digits; "" on control records
    terms  the pair's digest; "" where none applied
    o      how the call ended (settled)
    at     index of the call's `opened` (settled)
    tok    tokens in and out by the provider's count (settled), None where it gave none
    what   what a control record does: "terms.adopted", "key.new", ...
    id     the thing it does it to
    w      what the call spends: ids of the waivers that it uses, and of the hold whose approval it uses (opened); ids of the
           waivers that only its reply uses (settled)
    doc    digest of the document kept whole in control/
    m      the seal's ticket, as it signed it (settled); see meter/ticket.py
    c      commitments: name -> digest
    """

    v: int
    k: str
    g: str
    t: int
    call: str = ""
    terms: str = ""
    o: str = ""
    at: int = -1
    tok: tuple[int, int] | None = None
    what: str = ""
    id: str = ""
    doc: str = ""
    w: tuple[str, ...] = ()
    m: str = ""
    c: dict[str, str] = {}


_leaf_decoder = msgspec.json.Decoder(Leaf)


def read_leaf(data: bytes) -> Leaf:
    """The leaf that the bytes are.  Raises NotVerified for bytes that this version did not write: what two readers
    could read differently (an unknown or repeated field, another way to write the same) is no leaf."""
    try:
        leaf = _leaf_decoder.decode(data)
        # one that writes out a default is canonical too: it is written again from the plain value
        same = encode(leaf) == data or encode(msgspec.json.decode(data)) == data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotVerified(f"a leaf is not a record of Caveat: {error}", step="leaf") from None
    if leaf.v != VERSION:
        raise NotVerified(f"expected record version {VERSION}, got `{leaf.v}`", step="leaf")
    if not same:
        raise NotVerified("a leaf is not in canonical form", step="leaf")
    if leaf.w and (leaf.k not in ("opened", "settled") or list(leaf.w) != sorted(set(leaf.w))):
        raise NotVerified("a leaf spends what its kind cannot, or the same twice", step="leaf")
    if leaf.m and leaf.k != "settled":
        raise NotVerified("a leaf bears a seal's ticket, which only an outcome can", step="leaf")
    if leaf.k not in KINDS or leaf.o not in ("", *ENDINGS) or min(leaf.tok or (0,)) < 0:
        raise NotVerified("a leaf has a kind, an ending or a token count that no record has", step="leaf")
    if bool(leaf.o) != (leaf.k in ENDED):
        raise NotVerified("an outcome says how its call ended, and no other leaf does", step="leaf")
    return leaf
