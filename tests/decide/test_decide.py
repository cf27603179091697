"""One decision point: the order of rules, waivers, duties, and Cedar's own verdict beside ours."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.making import any_facts, clause, facts, sample, terms

from caveat.decide.decide import able, decide, decide_again
from caveat.decide.policy import REMEMBERED, Policy
from caveat.terms.document import Duty, Terms
from caveat.waivers.waiver import Waiver

SAMPLE = sample()
POLICY = Policy(Terms(SAMPLE, "sha256:0", ()))
SMALL = Policy(
    terms(
        clause("work", "permit", 'context.purpose == Purpose::"drafting"', duties=["log.digest"]),
        clause("shapes", "permit", "context.structured", fields=["/response_format", "/x/*/y"]),
        clause("no.secrets", "forbid", "context.secretsIn", waivable=True),
        clause("no.weapons", "forbid", 'context.hazardsIn.contains(Hazard::"iwp")'),
        clause("wait", "hold", "context.streaming", waivable=True),
        clause("short", "oblige", "context.labelRank >= 1", duties=[{"limit.tokens": 100}, "log.full"]),
        clause("shorter", "oblige", "context.labelRank >= 2", duties=[{"limit.tokens": 50}, {"retain.days": 30}]),
        clause("faith", "forbid"),
    )
)


def waiver(id_: str = "W-1", clauses: tuple[str, ...] = ("no.secrets",), **changes) -> Waiver:
    plain: dict[str, Any] = {
        "callers": (),
        "purposes": (),
        "models": (),
        "reason": "a test",
        "from_ms": 0,
        "until_ms": 2**52,
        "max_uses": 1,
        "requester": "r",
        "approvers": ("a", "b"),
        "digest": "",
    }
    return Waiver(id=id_, clauses=clauses, **{**plain, **changes})


STORIES: dict[str, tuple[dict[str, Any], str, str, tuple[str, ...]]] = {
    "a permit holds": ({}, "allow", "permit", ("work",)),
    "two permits hold": ({"structured": True}, "allow", "permit", ("shapes", "work")),
    "nothing permits": ({"purpose": "analysis"}, "deny", "no-permit", ()),
    "a forbid beats a permit": ({"secrets_in": True}, "deny", "forbid", ("no.secrets",)),
    "two forbids": ({"secrets_in": True, "hazards_in": ("iwp",)}, "deny", "forbid", ("no.secrets", "no.weapons")),
    "a hold": ({"streaming": True}, "hold", "hold", ("wait",)),
    "a forbid beats a hold": ({"streaming": True, "secrets_in": True}, "deny", "forbid", ("no.secrets",)),
    "a hold beats no permit": ({"streaming": True, "purpose": "analysis"}, "hold", "hold", ("wait",)),
    "a field that no clause lists": ({"unknown_fields": 1}, "deny", "unreadable", ()),
    "a part that nobody reads": ({"unread_parts": 1}, "deny", "unreadable", ()),
    "a listed field, its permit holds": (
        {"fields": ("/response_format",), "structured": True},
        "allow",
        "permit",
        ("shapes", "work"),
    ),
    "a listed field, its permit does not hold": ({"fields": ("/response_format",)}, "deny", "unreadable", ()),
    "unreadable beats a hold": ({"streaming": True, "unknown_fields": 1}, "deny", "unreadable", ()),
    "a forbid beats unreadable": ({"secrets_in": True, "unknown_fields": 1}, "deny", "forbid", ("no.secrets",)),
}


@pytest.mark.parametrize("name", STORIES)
def test_what_settles_a_call(name):
    changes, verdict, rule, clauses = STORIES[name]
    decision = decide(SMALL, facts(**changes))
    assert (decision.verdict, decision.rule, decision.clauses) == (verdict, rule, clauses)


def test_a_default_deny_names_the_permits_that_did_not_hold():
    decision = decide(SMALL, facts(purpose="analysis"))
    assert decision.unmet == ("shapes", "work")
    assert decide(SMALL, facts()).unmet == ()


def test_duties_are_united_and_the_strictest_value_counts():
    assert decide(SMALL, facts()).duties == (Duty("log.digest"),)
    assert decide(SMALL, facts(label_rank=2)).duties == (
        Duty("limit.tokens", 50),
        Duty("log.digest"),
        Duty("log.full"),
        Duty("retain.days", 30),
    )


ILL_FITTING: dict[str, dict[str, Any]] = {
    "a purpose that the terms do not have": {"purpose": "espionage"},
    "an operation that does not exist": {"operation": "teleport"},
    "a model that the terms do not name": {"model": "other"},
    "a hazard that does not exist": {"hazards_in": ("x_nope",)},
    "a fact that the record is too old to hold": {"hazards_in": msgspec.UNSET},
}


@pytest.mark.parametrize("name", ILL_FITTING)
def test_facts_that_do_not_fit_deny(name):
    """Cedar would skip what errs; here nothing is allowed on it."""
    decision = decide(SMALL, facts(**ILL_FITTING[name]), [waiver()])
    assert (decision.verdict, decision.rule) == ("deny", "error")
    assert decision.errors == (("", "the facts do not fit the terms' fact schema"),)
    assert not decision.held
    assert not decision.waived


# --- waivers ---

LIFTED: dict[str, tuple[dict[str, Any], bool]] = {
    "of that clause": ({}, True),
    "for that caller": ({"callers": ("alice", "bob")}, True),
    "for another caller": ({"callers": ("bob",)}, False),
    "for that purpose": ({"purposes": ("drafting",)}, True),
    "for another purpose": ({"purposes": ("analysis",)}, False),
    "for that model": ({"models": ("small",)}, True),
    "for another model": ({"models": ("large",)}, False),
    "from that second on": ({"from_ms": 1_790_000_000_000}, True),
    "from a millisecond later": ({"from_ms": 1_790_000_000_001}, False),
    "until just after": ({"until_ms": 1_790_000_000_001}, True),
    "until that second": ({"until_ms": 1_790_000_000_000}, False),
    "of another clause": ({"clauses": ("wait",)}, False),
}


@pytest.mark.parametrize("name", LIFTED)
def test_a_waiver_lifts_exactly_what_it_covers(name):
    changes, lifts = LIFTED[name]
    decision = decide(SMALL, facts(secrets_in=True), [waiver(**changes)])
    assert decision.verdict == ("allow" if lifts else "deny")
    assert decision.rule == ("waiver" if lifts else "forbid")
    assert decision.waived == ((("no.secrets", "W-1"),) if lifts else ())
    assert "no.secrets" in decision.held


def test_a_waiver_of_a_clause_that_is_not_waivable_lifts_nothing():
    wide = waiver(clauses=("no.weapons", "no.secrets", "faith", "work"))
    decision = decide(SMALL, facts(secrets_in=True, hazards_in=("iwp",)), [wide])
    assert (decision.verdict, decision.clauses, decision.waived) == (
        "deny",
        ("no.weapons",),
        (("no.secrets", "W-1"),),
    )


def test_a_waiver_lifts_a_hold_and_never_permits():
    hold = waiver(clauses=("wait",))
    assert decide(SMALL, facts(streaming=True), [hold]).rule == "waiver"
    assert decide(SMALL, facts(streaming=True, purpose="analysis"), [hold]).rule == "no-permit"


def test_of_several_waivers_the_first_by_id_is_used():
    several = [waiver("W-9"), waiver("W-2"), waiver("W-5")]
    assert decide(SMALL, facts(secrets_in=True), several).waived == (("no.secrets", "W-2"),)


# --- duties that cannot be met ---


def test_a_duty_that_cannot_be_met_denies_an_allowed_call_only():
    allowed, denied = decide(SMALL, facts(label_rank=2)), decide(SMALL, facts(secrets_in=True, label_rank=2))
    unable = able(allowed, {"log.digest", "limit.tokens"})
    assert (unable.verdict, unable.rule) == ("deny", "duty")
    assert unable.duties == (Duty("log.full"), Duty("retain.days", 30))
    assert able(allowed, {"log.digest", "limit.tokens", "log.full", "retain.days"}) is allowed
    assert able(denied, set()) is denied


# --- against Cedar ---


@settings(max_examples=300, deadline=None)
@given(any_facts(SAMPLE))
def test_the_outcome_is_cedars_own(given_facts):
    """All-truth evaluation and Cedar's native verdict agree, wherever our own extra rules do not come in."""
    decision = decide(POLICY, given_facts)
    native = POLICY.native(given_facts)
    if decision.rule in ("permit", "forbid", "hold", "no-permit"):
        assert native == (decision.verdict == "allow")
    else:
        assert decision.rule == "unreadable"
    assert set(decision.held) <= set(POLICY.clauses)


@settings(max_examples=200, deadline=None)
@given(any_facts(SAMPLE))
def test_a_decision_can_be_replayed_from_its_record(given_facts):
    """Whoever holds terms and recorded facts, in a fresh process, gets the same decision."""
    recorded = msgspec.json.decode(msgspec.json.encode(given_facts), type=type(given_facts))
    fresh = Policy(Terms(SAMPLE, "sha256:0", ()))
    assert decide(fresh, recorded) == decide(POLICY, given_facts)


@settings(max_examples=300, deadline=None)
@given(any_facts(SAMPLE), st.data(), st.booleans())
def test_deciding_again_is_deciding(before, data, waived):
    """Skipping is exact, also where only one fact has changed and where a waiver depends on the time."""
    after = data.draw(any_facts(SAMPLE))
    names = data.draw(st.sets(st.sampled_from(before.__struct_fields__)))
    mixed = msgspec.structs.replace(before, **{name: getattr(after, name) for name in names})
    waivers = [waiver(clauses=("secrets.kept", "cyber.offensive"), until_ms=2**39 * 1000)] if waived else []
    first = decide(POLICY, before, waivers)
    assert decide_again(POLICY, before, first, mixed, waivers) == decide(POLICY, mixed, waivers)


def test_facts_that_no_clause_reads_are_not_evaluated_again():
    first = decide(POLICY, facts(model="smollm2-135m", purpose="drafting"))
    after = facts(model="smollm2-135m", purpose="drafting", chars_in=99, epoch=1, caller="bob", pm_out={"iwp": 3})
    assert decide_again(POLICY, facts(model="smollm2-135m"), first, after) is first


def test_clauses_can_look_at_who_calls_and_how():
    policy = Policy(
        terms(
            clause("bob", "permit", 'principal == Caller::"bob" && action == Action::"embeddings"'),
            clause("large", "forbid", 'resource == Model::"large"'),
            models=[{"alias": "small", "identity": "any"}, {"alias": "large", "identity": "any"}],
        )
    )
    assert decide(policy, facts(caller="bob", operation="embeddings")).verdict == "allow"
    assert decide(policy, facts(caller="alice", operation="embeddings")).rule == "no-permit"
    assert decide(policy, facts(caller="bob", operation="chat")).rule == "no-permit"
    assert decide(policy, facts(caller="bob", operation="embeddings", model="large")).rule == "forbid"
    assert decide(policy, facts(caller='bo"b\n\\', operation="embeddings")).rule == "no-permit"


def test_scores_are_facts_too():
    policy = Policy(
        terms(clause("all", "permit", "context.pm_iwp < 300"), clause("no", "forbid", "context.pmOut_hte >= 700"))
    )
    assert decide(policy, facts(pm={"iwp": 299})).verdict == "allow"
    assert decide(policy, facts(pm={"iwp": 300})).rule == "no-permit"
    assert decide(policy, facts(pm_out={"hte": 700})).rule == "forbid"


def test_an_approval_releases_a_hold_clause_and_nothing_else():
    """A hold clause that no waiver can lift is released by persons; a forbid never is."""
    policy = Policy(
        terms(
            clause("work", "permit", "context.labelRank <= 15"),
            clause("wait", "hold", "context.streaming"),
            clause("no.secrets", "forbid", "context.secretsIn", waivable=True),
        )
    )
    approval = waiver("0" * 32, ("wait", "no.secrets"), kind="approval")
    decision = decide(policy, facts(streaming=True), [approval])
    assert (decision.verdict, decision.rule, decision.waived) == ("allow", "approval", (("wait", approval.id),))
    assert decide(policy, facts(secrets_in=True), [approval]).verdict == "deny"


@pytest.mark.parametrize(
    ("changes", "lifts"),
    [
        ({}, True),
        ({"terms": SMALL.terms.digest}, True),
        ({"terms": "sha256:" + "1" * 64}, False),
        ({"max_rank": 1}, True),
        ({"max_rank": 0}, False),
        ({"case": "C-17"}, False),
    ],
)
def test_a_waiver_lifts_only_under_its_terms_up_to_its_marking_and_in_its_case(changes, lifts):
    decision = decide(SMALL, facts(secrets_in=True, label_rank=1), [waiver(**changes)])
    assert (decision.verdict == "allow") == lifts


def test_a_waiver_of_a_case_needs_a_case():
    """Which case it is, the gateway compares; that there is one, is a fact."""
    assert decide(SMALL, facts(secrets_in=True, case_given=True), [waiver(case="C-17")]).verdict == "allow"


def test_what_is_remembered_is_bounded_and_changes_nothing():
    """Decisions are made once for all calls of which the same is true; beyond the bound they are made anew."""
    policy = Policy(SMALL.terms)
    for unknown in (*range(REMEMBERED + 3), 0, REMEMBERED + 2):
        decision = decide(policy, facts(unknown_fields=unknown))
        assert decision.rule == ("unreadable" if unknown else "permit")
    assert len(policy.settled) == REMEMBERED
    assert decide(policy, facts(), phase="lapsed").rule == "lapsed"
