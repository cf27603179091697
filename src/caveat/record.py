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

import hashlib
import hmac
from typing import Any

import msgspec
from msgspec import Struct

from caveat.canon import b64url, digest, unb64url
from caveat.decide.decision import Decision
from caveat.errors import CaveatError, NotVerified
from caveat.facts import Facts, grouped
from caveat.facts.values import of_reply
from caveat.ledger.log import Entry
from caveat.wire.reply import Usage

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

UNSENT = ("denied", "held")
"""Endings of calls of which nothing went to the model."""

_encode = msgspec.json.Encoder(order="sorted").encode
"""RFC 8785 bytes for our values: no floats, integers under 2**53, ASCII keys (tests/test_record.py)."""


class Leaf(Struct, frozen=True, forbid_unknown_fields=True):
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


class Aside(Struct, frozen=True, forbid_unknown_fields=True):
    """What opens a leaf's commitments: the record's key and the disclosures, as they were hashed."""

    key: str
    d: tuple[str, ...]


class Head(Struct, frozen=True):
    """What every record of a call begins with: which call, written by which gateway, when, under which secret.

    call   32 hex digits        at_ms  the gateway's clock        key  32 fresh random bytes, for this record alone
    """

    call: str
    gateway: str
    at_ms: int
    key: bytes

    def clear(self, kind: str, terms: str) -> dict[str, Any]:
        return {"k": kind, "call": self.call, "g": self.gateway, "t": self.at_ms, "terms": terms}


class Opening(Struct, frozen=True):
    """Where a call's first record stands (-1 where both are appended at once, one behind the other), and the pair's
    digest that it was decided under."""

    index: int
    terms: str


def opened(
    head: Head, facts: Facts, decision: Decision, request: dict[str, Any], spends: tuple[str, ...] | None = None
) -> Entry:
    """A call's first record: what was asked and what was decided, before anything goes to the model; in the clear, what
    an allowed call spends: by its decision (`spent`), and the release of a kept reply where it asks for one.

    `request` describes the body without its content (see `body_digest`); `spends` is what the decision spends if left out.
    """
    hidden: dict[str, Any] = {"decision": decision, "request": request}
    hidden |= {str(group): values for group, values in grouped(facts).items()}
    uses = spent(decision) if spends is None else tuple(sorted(spends))
    clear = {**head.clear("opened", decision.terms), **({"w": uses} if uses else {})}
    return _entry(clear, hidden, head.key)


def spent(decision: Decision) -> tuple[str, ...]:
    """Ids of the waivers and the approval that an allowed call uses, sorted: a use is spent by what it let through."""
    return tuple(sorted({id_ for _, id_ in decision.waived})) if decision.verdict == "allow" else ()


def refused(head: Head, caller: str, request: dict[str, Any]) -> Entry:
    """The only record of a call that never became one: unreadable, or for a model that no terms cover."""
    return _entry(
        {**head.clear("refused", ""), "o": "denied"}, {"who": {"caller": caller}, "request": request}, head.key
    )


def settled(  # noqa: PLR0913, PLR0917
    head: Head,
    opening: Opening,
    ending: str,
    usage: Usage | None,
    hidden: dict[str, Any],
    spends: tuple[str, ...] = (),
    ticket: str = "",
) -> Entry:
    """A call's second record: how it ended; in the clear, the waivers that only its reply spends.

    `hidden` holds what there is of: reply (facts), decision, answer (length, keyed digest, characters that left),
    duties (what was done and how), upstream.  `ticket` is the seal's, where one stands before the model and gave it.
    """
    if ending not in ENDINGS:
        raise ValueError(ending)
    clear = {**head.clear("settled", opening.terms), "o": ending}
    if opening.index >= 0:
        clear["at"] = opening.index
    if usage is not None:
        clear["tok"] = [usage.tokens_in, usage.tokens_out]
    if spends:
        clear["w"] = tuple(sorted(spends))
    if ticket:
        clear["m"] = ticket
    return _entry(clear, hidden, head.key)


def control(*, what: str, of: str, doc: str, gateway: str, at_ms: int) -> Entry:
    """A record that changes what is in force; `doc` is the digest of the document in control/, "" where none is."""
    return _entry({"k": CONTROL, "what": what, "id": of, "doc": doc, "g": gateway, "t": at_ms}, {}, b"")


def case_mark(case: str) -> str:
    """What stands in a record, and in the index, for the case that a caller names: the digest of its words, so that who
    knows them finds the call, and nobody reads them there; "" for none."""
    return digest(case.strip().encode()) if case.strip() else ""


class BodyDigest:
    """A body's length and keyed digest, taken piece by piece: no dictionary of guesses can be tried without `key`."""

    def __init__(self, key: bytes) -> None:
        self._mac = hmac.new(_derive(key, "body"), digestmod="sha256")
        self._length = 0

    def update(self, piece: bytes) -> None:
        """Take in the next bytes of the body."""
        self._mac.update(piece)
        self._length += len(piece)

    def copy(self) -> "BodyDigest":
        """The same so far, to go on with apart."""
        other = BodyDigest.__new__(BodyDigest)
        other._mac, other._length = self._mac.copy(), self._length  # noqa: SLF001 - it is one of ours
        return other

    def value(self) -> dict[str, Any]:
        """`{"len": bytes so far, "hmac": hex}`, as it is committed."""
        return {"len": self._length, "hmac": self._mac.hexdigest()}


def body_digest(body: bytes, key: bytes) -> dict[str, Any]:
    """The same of a whole body."""
    return {"len": len(body), "hmac": hmac.digest(_derive(key, "body"), body, "sha256").hex()}


def reply_facts(facts: Facts) -> dict[str, Any]:
    """The facts that the reply set; the others stand in the call's first record."""
    return of_reply(facts)


def _entry(clear: dict[str, Any], hidden: dict[str, Any], key: bytes) -> Entry:
    if "body" in hidden:
        raise ValueError("`body` names the key of body digests, so its salt would give that key away")
    commitments: dict[str, str] = {}
    disclosures: list[str] = []
    for name, value in hidden.items():
        disclosure = b64url(_encode([b64url(_derive(key, name)[:16]), name, value]))
        commitments[name] = commitment(disclosure)
        disclosures.append(disclosure)
    leaf = {"v": VERSION, **clear}
    if commitments:
        leaf["c"] = commitments
    aside = _encode(Aside(key.hex(), tuple(disclosures))) if disclosures else b""
    return Entry(_encode(leaf), aside)


def _derive(key: bytes, name: str) -> bytes:
    return hmac.digest(key, name.encode(), "sha256")


def commitment(disclosure: str) -> str:
    """The digest of a disclosure, hashed as sent (RFC 9901 section 4.2.3)."""
    return b64url(hashlib.sha256(disclosure.encode("ascii")).digest())


_leaf_decoder = msgspec.json.Decoder(Leaf)
_aside_decoder = msgspec.json.Decoder(Aside)


def read_leaf(data: bytes) -> Leaf:
    """The leaf that the bytes are.  Raises NotVerified for bytes that this version did not write: what two readers
    could read differently (an unknown or repeated field, another way to write the same) is no leaf."""
    try:
        leaf = _leaf_decoder.decode(data)
        same = _encode(msgspec.json.decode(data)) == data
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
    return leaf


def read_aside(data: bytes) -> Aside:
    """The aside that the bytes are.  Raises NotVerified."""
    try:
        return _aside_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotVerified("what opens a record cannot be read", step="disclosure") from None


def disclosed(leaf: Leaf, disclosures: tuple[str, ...]) -> dict[str, Any]:
    """Names and values that the disclosures open in this leaf.

    Raises NotVerified for a disclosure that no commitment of the leaf covers, or one given twice.
    """
    values: dict[str, Any] = {}
    for disclosure in disclosures:
        _, name, value = read_disclosure(disclosure)
        if name in values:
            raise NotVerified(f"`{name}` is disclosed twice", step="disclosure")
        if leaf.c.get(name) != commitment(disclosure):
            raise NotVerified(f"what is disclosed as `{name}` is not what the record committed to", step="disclosure")
        values[name] = value
    return values


def read_disclosure(disclosure: str) -> tuple[str, str, Any]:
    """Salt, name and value.  Raises NotVerified, also for JSON that two readers could read differently."""
    try:
        raw = unb64url(disclosure)
        triple = msgspec.json.decode(raw)
        same = _encode(triple) == raw
    except (CaveatError, msgspec.DecodeError, UnicodeError, RecursionError):
        raise NotVerified("a disclosure cannot be read", step="disclosure") from None
    if not (
        isinstance(triple, list) and len(triple) == 3 and isinstance(triple[0], str) and isinstance(triple[1], str)
    ):
        raise NotVerified("a disclosure is not [salt, name, value]", step="disclosure")
    if not same:
        raise NotVerified(f"what is disclosed as `{triple[1]}` is not in canonical form", step="disclosure")
    return triple[0], triple[1], triple[2]


def salts_hold(leaf: Leaf, aside: Aside) -> bool:
    """Whether the aside opens all of the leaf's commitments, and every salt derives from the record's key: then neither
    a salt nor a commitment carries a message out."""
    return named_disclosures(leaf, aside) is not None


def named_disclosures(leaf: Leaf, aside: Aside) -> dict[str, str] | None:
    """The aside's disclosures by name where `salts_hold`, None where not."""
    try:
        key = bytes.fromhex(aside.key)
        triples = [read_disclosure(disclosure) for disclosure in aside.d]
    except (ValueError, NotVerified):
        return None
    if len(key) != 32 or key.hex() != aside.key:
        return None
    if any(salt != b64url(_derive(key, name)[:16]) for salt, name, _ in triples):
        return None
    named = {name: disclosure for (_, name, _), disclosure in zip(triples, aside.d, strict=True)}
    opens = {name: commitment(disclosure) for name, disclosure in named.items()}
    return named if len(named) == len(triples) and opens == leaf.c else None
