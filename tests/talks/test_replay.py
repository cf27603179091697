"""Recorded calls decided again: what is told is what the engine would have decided, and what cannot be told is not."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decide.test_decide import waiver
from tests.making import clause, draft, facts
from tests.talks.drawn import random_draft, random_request

from caveat import record
from caveat.decide.decide import able, decide
from caveat.decide.policy import Policy
from caveat.errors import NotVerified
from caveat.facts import Facts
from caveat.ledger.log import Entry
from caveat.talks.imagined import settle
from caveat.talks.impact import EXAMPLES, WITHHELD, Call, Changed, Tally
from caveat.talks.impact_page import impact_page
from caveat.talks.outcome import formulas
from caveat.talks.replay import Replay, Span, replay
from caveat.talks.symbols import Symbols
from caveat.terms.document import Draft, Terms

OLD, NEW = "sha256:old", "sha256:new"
ALWAYS = Span(0, 2**40, 0, 2**52)
WORK = clause("work", "permit", 'context.purpose == Purpose::"drafting"', duties=["log.digest"])
NO = clause("no", "forbid", 'context.hazardsIn.contains(Hazard::"iwp")', waivable=True)
OUT = clause("out", "forbid", 'context.hazardsOut.contains(Hazard::"iwp")')
BEFORE = draft(WORK, NO, OUT)


def opened(
    given_facts: Facts, terms: Draft = BEFORE, number: int = 1, *, identity: str = "weights:1", waivers=(), at_ms=5
) -> Entry:
    decision = decide(Policy(Terms(terms, OLD, ())), given_facts, waivers)
    head = record.Head(f"{number:032x}", "gw", at_ms, number.to_bytes(32, "big"))
    return record.opened(head, given_facts, decision, {"dialect": "openai_chat", "model": identity})


def settled(given_facts: Facts, terms: Draft = BEFORE, number: int = 1) -> Entry:
    decision = decide(Policy(Terms(terms, OLD, ())), given_facts)
    head = record.Head(f"{number:032x}", "gw", 9, number.to_bytes(32, "little"))
    hidden = {"reply": record.reply_facts(given_facts), "decision": decision}
    return record.settled(head, record.Opening(0, OLD), "completed", None, hidden)


def again(after: Draft, *entries: Entry, span: Span = ALWAYS, before: Draft = BEFORE):
    return replay(enumerate(entries), Terms(after, NEW, ()), {OLD: before}, span)


IWP = facts(pm={"iwp": 600}, hazards_in=("iwp",), hazard_permille=600)
STORIES: dict[str, tuple[Draft, Facts, dict[str, int], str]] = {
    "nothing changes": (BEFORE, facts(), {}, ""),
    "a forbid is gone": (draft(WORK, OUT), IWP, {"deny to allow": 1}, "no"),
    "a threshold rose over the score": (
        draft(WORK, NO, OUT, thresholds={"default": 601}),
        IWP,
        {"deny to allow": 1},
        "no",
    ),
    "a threshold rose to the score": (draft(WORK, NO, OUT, thresholds={"default": 600}), IWP, {}, ""),
    "a forbid becomes a hold": (draft(WORK, {**NO, "effect": "hold"}, OUT), IWP, {"deny to hold": 1}, "no"),
    "a new forbid": (
        draft(WORK, NO, OUT, clause("n", "forbid", "context.choices == 1")),
        facts(),
        {"allow to deny": 1},
        "n",
    ),
    "nothing permits it": (
        draft({**WORK, "when": "context.choices > 1"}, NO, OUT),
        facts(),
        {"allow to deny": 1},
        "(no-permit)",
    ),
    "a purpose is gone": (
        draft(clause("work", "permit", "context.labelRank < 9"), NO, OUT, purposes=["analysis"]),
        facts(),
        {"allow to deny": 1},
        "(error)",
    ),
    "another duty": (draft({**WORK, "duties": ["log.full"]}, NO, OUT), facts(), {"other duties": 1}, "log.digest"),
    "the model is another": (
        draft(WORK, NO, OUT, models=[{"alias": "small", "identity": "weights:sha256:" + "0" * 64}]),
        facts(),
        {"allow to deny": 1},
        "(error)",
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_call_under_other_terms(name):
    after, given_facts, changed, clause_ = STORIES[name]
    tally = again(after, opened(given_facts))
    assert dict(tally.kinds) == changed
    assert (tally.same, tally.calls) == (1 - len(changed), 1)
    assert tally.confirmed == len(changed)
    if changed:
        assert (clause_, *changed) in tally.by["clause"]
        assert tally.by["purpose"]["drafting", *changed] == tally.by["caller"]["alice", *changed] == 1


UNTOLD: dict[str, tuple[Draft, Entry, str]] = {
    "destroyed": (BEFORE, msgspec.structs.replace(opened(facts()), aside=b""), "withheld or destroyed"),
    "unreadable beside the leaf": (
        BEFORE,
        msgspec.structs.replace(opened(facts()), aside=b"{"),
        "withheld or destroyed",
    ),
    "another call's aside": (
        BEFORE,
        msgspec.structs.replace(opened(facts()), aside=opened(IWP, number=2).aside),
        "withheld",
    ),
    "under a waiver": (BEFORE, opened(IWP, waivers=[waiver(clauses=("no",))]), "waiver"),
    "a field was there, and the list is another": (
        draft({**WORK, "fields": ["/x"]}, NO, OUT),
        opened(facts(unknown_fields=1)),
        "which fields",
    ),
    "a tool was there, and the rules are others": (
        draft(WORK, NO, OUT, clause("t", "forbid", 'context.tools.contains(ToolKind::"physical")'), tools=[]),
        opened(facts(tools=("retrieval",))),
        "which tools",
    ),
    "a voice under a lower threshold": (
        draft(
            WORK,
            NO,
            OUT,
            clause("v", "forbid", 'context.voicedIn.contains(Voiced::"tool:iwp")'),
            thresholds={"default": 9},
        ),
        opened(IWP),
        "which voice",
    ),
    "two voices under a higher one": (
        draft(
            WORK,
            NO,
            OUT,
            clause("v", "forbid", 'context.voicedIn.contains(Voiced::"tool:iwp")'),
            thresholds={"default": 550},
        ),
        opened(msgspec.structs.replace(IWP, voiced_in=("tool:iwp", "user:iwp"))),
        "which voice",
    ),
    "a rank in another profile": (
        draft(clause("work", "permit", "context.labelRank < 9"), markings="us"),
        opened(facts()),
        "marking profile",
    ),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_what_cannot_be_told_is_a_class_of_its_own(name):
    after, entry, why = UNTOLD[name]
    tally = again(after, entry)
    assert (tally.same, tally.kinds.total(), tally.reasons.total()) == (0, 0, 1)
    ((reason, calls),) = tally.untold.items()
    assert why in reason
    assert calls == [f"{1:032x}"]


def without(entry: Entry, group: str) -> Entry:
    aside = record.read_aside(entry.aside)
    kept = tuple(one for one in aside.d if record.read_disclosure(one)[1] != group)
    return Entry(entry.leaf, msgspec.json.encode(record.Aside(aside.key, kept)))


def test_only_a_group_that_the_new_terms_need_is_missed():
    assert again(draft(WORK, OUT), without(opened(IWP), "place")).kinds == {"deny to allow": 1}
    assert again(draft(WORK, NO), without(opened(IWP), "content")).reasons == {"the facts `content` were withheld": 1}
    pinned = draft(WORK, NO, models=[{"alias": "small", "identity": "weights:sha256:" + "0" * 64}])
    assert again(pinned, without(opened(facts()), "request")).reasons.total() == 1


def test_terms_that_are_not_at_hand():
    tally = replay([(0, opened(facts()))], Terms(BEFORE, NEW, ()), {}, ALWAYS)
    assert tally.reasons.total() == 1


def test_a_value_that_its_leaf_did_not_commit_to_is_no_fact():
    """The vault is not trusted: a changed value opens nothing."""
    entry, other = opened(facts()), opened(IWP)
    mixed = record.read_aside(other.aside).d
    aside = record.Aside(record.read_aside(entry.aside).key, mixed)
    assert again(draft(WORK, OUT), Entry(entry.leaf, msgspec.json.encode(aside))).reasons.total() == 1


# --- replies ---

SAID = msgspec.structs.replace(facts(), stage="reply", pm_out={"iwp": 600}, hazards_out=("iwp",))
CLEAN = msgspec.structs.replace(facts(), stage="reply")
REPLIES: dict[str, tuple[Draft, Facts, dict[str, int]]] = {
    "the same": (BEFORE, CLEAN, {}),
    "stopped then and now": (BEFORE, SAID, {}),
    "stopped then, not now": (draft(WORK, NO), SAID, {"reply deny to allow": 1}),
    "stopped now": (draft(WORK, NO, OUT, thresholds={"default": 600}), CLEAN, {}),
    "stopped by a new clause": (
        draft(WORK, NO, OUT, clause("r", "forbid", 'context.stage == Stage::"reply"')),
        CLEAN,
        {"reply allow to deny": 1},
    ),
    "another duty": (draft({**WORK, "duties": ["log.full"]}, NO, OUT), CLEAN, {"other duties": 1}),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_under_other_terms(name):
    after, reply, changed = REPLIES[name]
    tally = again(after, opened(facts()), settled(reply))
    assert dict(tally.kinds) == changed
    assert tally.calls == 1


def test_a_reply_that_was_destroyed_cannot_be_told():
    tally = again(BEFORE, opened(facts()), msgspec.structs.replace(settled(CLEAN), aside=b""))
    assert tally.reasons == {"the facts of its reply were withheld or destroyed": 1}


def test_a_duty_that_could_not_be_met_then_cannot_be_met_now():
    decision = able(decide(Policy(Terms(BEFORE, OLD, ())), facts()), ())
    head = record.Head("0" * 32, "gw", 5, b"0" * 32)
    entry = record.opened(head, facts(), decision, {})
    assert again(BEFORE, entry).same == 1
    assert again(draft({**WORK, "duties": []}, NO, OUT), entry).kinds == {"deny to allow": 1}


# --- periods, parts, examples ---


def test_a_period_and_what_never_became_a_call():
    entries = [opened(IWP, number=n, at_ms=n) for n in range(1, 9)]
    entries.append(record.refused(record.Head("f" * 32, "gw", 4, b"1" * 32), "alice", {}))
    tally = again(draft(WORK), *entries, span=Span(0, 99, 3, 7))
    assert (tally.calls, tally.kinds.total(), tally.refused) == (4, 4, 1)


def test_parts_add_up_to_the_whole():
    """Each part reads on behind its own calls until those have ended, and no further."""
    entries = []
    for n in range(20):
        entries.append(opened(facts() if n % 3 else IWP, number=n))
        if n >= 4:
            entries.append(settled(SAID if n % 2 else CLEAN, number=n - 4))
    after, half = draft(WORK, clause("n", "forbid", "context.tokensOutMax > 5")), len(entries) // 2
    whole = again(after, *entries)
    listed = list(enumerate(entries))
    parts = [
        replay(listed[start:], Terms(after, NEW, ()), {OLD: BEFORE}, Span(start, stop, 0, 99))
        for start, stop in ((0, half), (half, len(entries)))
    ]
    parts[0].add(parts[1])
    assert (parts[0].same, parts[0].kinds, parts[0].by, parts[0].calls) == (whole.same, whole.kinds, whole.by, 20)


def test_a_call_that_was_opened_twice_is_counted_twice():
    assert again(BEFORE, opened(facts()), opened(facts()), settled(CLEAN)).calls == 2


def test_a_few_examples_of_each_kind():
    tally = again(draft(WORK), *(opened(IWP, number=n) for n in range(1, 30)))
    impact = tally.impact(terms="x@2", digest=NEW, from_ms=0, until_ms=9, engine="e")
    assert impact.changed == {"deny to allow": 29}
    assert [one.call.id for one in impact.examples] == [f"{n:032x}" for n in range(1, EXAMPLES + 1)]
    assert (impact.examples[0].before, impact.examples[0].after) == ("deny: no", "allow: work")
    assert impact.calls == impact.same + sum(impact.changed.values()) + sum(impact.cannot.values())


def test_a_change_that_cedar_does_not_confirm_ends_the_replay():
    """Were the compiled clauses wrong, nothing would be counted: here Cedar is given other terms."""
    one = Replay(Terms(draft(WORK), NEW, ()), {OLD: BEFORE}, ALWAYS)
    one._cedar = Policy(Terms(draft({**WORK, "duties": []}), NEW, ()))
    with pytest.raises(NotVerified, match="decide the call"):
        one.feed(0, opened(IWP))
        one.finish()


def test_what_is_no_record():
    with pytest.raises(NotVerified, match="record 0"):
        again(BEFORE, Entry(b"{"))


# --- never a guess ---


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32))
def test_what_is_told_is_what_would_have_been_decided(seed):
    """Random calls under random terms, replayed under others: the call itself, which the record only partly shows, is
    gathered under both; each replay says the truth or that it cannot tell."""
    rng = Random(seed)
    before, after = random_draft(rng, 4), random_draft(rng, 4)
    symbols = Symbols([before, after])
    for letter, one in (("a", before), ("b", after)):
        formulas(symbols, one, letter)
    symbols.text()
    old, new = Policy(Terms(before, OLD, ())), Policy(Terms(after, NEW, ()))
    for number in range(25):
        _, request = random_request(rng, list(symbols.variables.values()))
        if settle(old, request).rule == "error" or request.plain.get("stage") == "reply":
            continue  # a call's first record knows nothing of a reply
        tally = again(after, opened(request.facts(before), before, number), before=before)
        was, would = settle(old, request), settle(new, request)
        if tally.reasons:
            continue
        wanted: dict[str, Any] = {f"{was.verdict} to {would.verdict}": 1} if was.verdict != would.verdict else {}
        if was.verdict == would.verdict == "allow" and set(was.duties) != set(would.duties):
            wanted = {"other duties": 1}
        assert dict(tally.kinds) == wanted, (request, was, would)


def test_changes_are_counted_by_kind_of_caller_too():
    """The record says whether a person, a service or an agent called."""
    stricter = draft(WORK, NO, OUT, clause("n", "forbid", "context.choices == 1"))
    tally = again(stricter, opened(facts(caller_kind="service")))
    impact = tally.impact(terms="t@1", digest=NEW, from_ms=0, until_ms=1, engine="e")
    assert impact.by_kind == {"service": {"allow to deny": 1}}
    assert impact.by_group == {}


def test_changes_are_counted_by_the_groups_that_keys_bear():
    """Who has no group is counted as that, not left out."""
    tally = Tally()
    for caller in ("anna", "ben", "carl", WITHHELD):
        tally.note(Changed(Call("c", 0, caller, "drafting"), "allow to deny", ("n",), "allow", "deny"))
    tally.groups = {"anna": "archive", "ben": "archive"}
    impact = tally.impact(terms="t@1", digest=NEW, from_ms=0, until_ms=1, engine="e")
    assert impact.by_group == {
        "archive": {"allow to deny": 2},
        "(no group)": {"allow to deny": 1},
        WITHHELD: {"allow to deny": 1},
    }
    assert "archive" in impact_page(impact)
