"""The records that a gateway writes: each is a leaf, and beside it what opens its commitments."""

from typing import Any

from msgspec import Struct

from caveat.decide.decision import Decision
from caveat.facts import Facts, groups
from caveat.facts.values import of_reply
from caveat.ledger.log import Entry
from caveat.record.commit import committed
from caveat.record.leaf import CONTROL, ENDINGS, VERSION, encode
from caveat.wire.reply import Usage


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
    hidden |= groups(facts)
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


def reply_facts(facts: Facts) -> dict[str, Any]:
    """The facts that the reply set; the others stand in the call's first record."""
    return of_reply(facts)


def _entry(clear: dict[str, Any], hidden: dict[str, Any], key: bytes) -> Entry:
    leaf = {"v": VERSION, **clear}
    if not hidden:
        return Entry(encode(leaf))
    leaf["c"], aside = committed(hidden, key)
    return Entry(encode(leaf), encode(aside))
