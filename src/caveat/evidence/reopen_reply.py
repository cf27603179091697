"""Opening a reply on site: whether what was recorded of it follows from the body that left.

Steps, as for a request (reopen.py):

1. the body is the one committed to: what left for the client, or what was kept for persons to release
2. wire: it reads as a reply of the recorded dialect to the kept request
3. notice: every text that was to be labelled ends with the notice of the signed terms, in one of their languages, as often as
   the record claims
4. guard: the recognizers read the model's words again, channel by channel; the facts that a reply sets must be the recorded
   ones, and the clauses of the terms must give the verdict that is on record

Rules of this file: pure; a reply that a clause or the network ended midway is compared by its digest alone, for what stopped
it never left; so is one of which words were masked, but for its notices; what differs is named, never its content, and so is
what was left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from caveat.decide.decision import Decision
from caveat.decide.guard import Guard
from caveat.decide.policy import Policy
from caveat.errors import CaveatError
from caveat.evidence.claimed import GROUPS
from caveat.evidence.reopen import NO_LIFTS, Looked
from caveat.facts import Facts, ungrouped
from caveat.recognize.panel import Panel
from caveat.record import body_digest, reply_facts
from caveat.terms.document import Terms
from caveat.waivers.waiver import Waiver
from caveat.wire.dialects import DIALECTS
from caveat.wire.reply import Frame

WHOLE: Final = frozenset({"completed", "withheld"})
"""Endings of calls whose reply was judged to its end."""
READ: Final = ("/content", "/text")
"""How channels end that a person reads: those bear notices."""


CUT: Final = "its reply ended midway, so only its digest was compared"
MASKED: Final = "words of its reply were masked, so only its digest and its notices were compared"
UNKNOWN_LIFT: Final = (
    "an exception that it used is not on record here, so its reply's facts and verdict were not made again"
)


class KeptReply(Struct, frozen=True):
    """A reply as the site keeps it: its body, the key of its record, the request that it answers, and how it ended."""

    body: bytes
    key: bytes
    request: bytes
    ending: str


def reopen_reply(  # noqa: PLR0913, PLR0917 - two records, what is kept, and what reads it
    first: dict[str, Any],
    last: dict[str, Any],
    kept: KeptReply,
    terms: Terms,
    panel: Panel,
    lifts: Mapping[str, Waiver] = NO_LIFTS,
) -> Looked:
    """What came of an opened reply.

    `first` and `last` are the disclosed values of the call's two records; `lifts` every exception ever granted, by id.
    """
    try:
        return _looked(first, last, kept, terms, panel, lifts)
    except (CaveatError, KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        return Looked((f"its reply cannot be opened: {getattr(error, 'message', type(error).__name__)}",))


def _looked(  # noqa: PLR0913, PLR0917
    first: dict[str, Any],
    last: dict[str, Any],
    kept: KeptReply,
    terms: Terms,
    panel: Panel,
    lifts: Mapping[str, Waiver],
) -> Looked:
    committed = last["kept"] if kept.ending == "withheld" else last["answer"]
    if {name: committed.get(name) for name in ("len", "hmac")} != body_digest(kept.body, kept.key):
        return Looked(("the reply is not the one that was committed to",))
    if kept.ending not in WHOLE:
        return Looked(left=(CUT,))
    texts, tools = _said(first["request"]["dialect"], kept)
    done = {duty["duty"]: duty["done"] for duty in last["duties"]}
    noticed = _unlabelled(texts, tuple(terms.draft.notice.values()))
    claimed = done.get("label.output", {}).get("notices", 0)
    wrong = () if noticed >= claimed else (f"{claimed} notices are on record, and the reply bears {noticed}",)
    if done.get("redact.output", {}).get("masked"):
        return Looked(wrong, (MASKED,))
    judged = _judged(first, last, (texts, tools), terms, panel, lifts)
    return Looked((*wrong, *judged.wrong), judged.left)


def _said(dialect: str, kept: KeptReply) -> tuple[dict[str, str], dict[str, str]]:
    """The reply's texts by channel, in order, and the tools whose arguments some of them are."""
    reads = DIALECTS[dialect]
    frames: list[Frame]
    if reads.read_call(kept.request).streams:
        reader = reads.reader(kept.request)
        frames = [*reader.feed(kept.body), *reader.finish()]
    else:
        frames = [reads.read_reply(kept.body, kept.request)]
    texts: dict[str, str] = {}
    tools: dict[str, str] = {}
    for said in (one for frame in frames for one in frame.says):
        texts[said.channel] = texts.get(said.channel, "") + said.text
        tools |= {said.channel: said.tool} if said.tool else {}
    return texts, tools


def _unlabelled(texts: dict[str, str], notices: Sequence[str]) -> int:
    """How many texts end with a notice, which is taken away: it is no word of the model's."""
    found = 0
    for channel, text in texts.items():
        notice = next((one for one in notices if one and text.endswith("\n\n" + one)), "")
        if notice and channel.endswith(READ):
            texts[channel] = text.removesuffix("\n\n" + notice)
            found += 1
    return found


def _judged(  # noqa: PLR0913, PLR0917
    first: dict[str, Any],
    last: dict[str, Any],
    said: tuple[dict[str, str], dict[str, str]],
    terms: Terms,
    panel: Panel,
    lifts: Mapping[str, Waiver],
) -> Looked:
    """What does not follow from the words, read again."""
    recorded = msgspec.convert(last["decision"], Decision)
    before, asked = ungrouped({group: first[group] for group in GROUPS}), msgspec.convert(first["decision"], Decision)
    used = {waiver for decision in (asked, recorded) for _, waiver in decision.waived}
    if not used <= lifts.keys():
        return Looked(left=(UNKNOWN_LIFT,))
    facts, decision = _guarded(Policy(terms), before, asked, said, panel, [lifts[one] for one in sorted(used)])
    if decision.verdict == "deny" != recorded.verdict:
        return Looked(("a clause forbids the reply, read again, and it was let through",))
    again = msgspec.json.decode(msgspec.json.encode(reply_facts(facts)))  # lists, as they stand on record
    wrong = [
        f"the reply's fact `{name}` does not follow from it" for name in again if again[name] != last["reply"][name]
    ]
    if not wrong and recorded.rule != "duty" and decision.verdict != recorded.verdict:
        wrong.append("the verdict over the reply does not follow from it")
    return Looked(tuple(wrong))


def _guarded(  # noqa: PLR0913, PLR0917
    policy: Policy,
    before: Facts,
    asked: Decision,
    said: tuple[dict[str, str], dict[str, str]],
    panel: Panel,
    lifts: list[Waiver],
) -> tuple[Facts, Decision]:
    """Facts and decision of a guard that hears the words again; it never stops for a duty, which is the gateway's to meet."""
    texts, tools = said
    duties = {duty.name for clause in policy.clauses.values() for duty in clause.duties}
    guard = Guard(
        policy, before, asked, lifts, panel.recognize_text, horizon=panel.horizon, pending=panel.pending, late=duties
    )
    for channel, text in texts.items():
        guard.feed(channel, text, tool=tools.get(channel, ""))
    guard.finish()
    return guard.facts, guard.decision
