"""Lint says what a person should know before signing, and calls no clause green that was not probed."""

from typing import Any

import msgspec
import pytest
from tests.making import ANYTHING, clause, draft
from tests.terms.test_lint_recognizer import ABOUT
from tests.terms.test_shape_seals import row

from caveat.decide.probe import make_trial
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.terms.document import Draft
from caveat.terms.lint import CODES, Remark, Trial, lint
from caveat.terms.lint_recognizer import Weights
from caveat.terms.parse import parse_terms
from caveat.terms.samples import sample_names, sample_terms
from caveat.wire.openai_chat_request import read_call

JUNE = 1_780_000_000_000
PROBE = {"trips": "bad", "passes": "good"}
NO = clause("no", "forbid", "context.secretsIn", probe=PROBE)


def codes(remarks: list[Remark]) -> set[str]:
    return {remark.code for remark in remarks}


def on(remarks: list[Remark], code: str) -> Remark:
    (found,) = [remark for remark in remarks if remark.code == code]
    return found


def trial(**held: frozenset[str] | None) -> Trial:
    """What each sample makes hold; `sees` only prompt injection."""

    def look(sample: str | dict[str, Any]) -> frozenset[str] | None:
        assert isinstance(sample, str)
        return held[sample]

    return Trial(look, frozenset({"x_inj"}))


RIGHT = trial(bad=frozenset({"no", "all"}), good=frozenset({"all"}))


def test_a_draft_without_fault():
    remarks = lint(draft(ANYTHING, NO), JUNE, trial(bad=frozenset({"no"}), good=frozenset()))
    assert codes(remarks) == {"model-open", "probe-missing"}
    assert on(remarks, "probe-missing").clause == "all"


PROBED = {
    "trips and passes": (RIGHT, set()),
    "trips on neither": (trial(bad=frozenset(), good=frozenset()), {"probe-silent"}),
    "trips on both": (trial(bad=frozenset({"no"}), good=frozenset({"no"})), {"probe-trips-both"}),
    "cannot be read": (trial(bad=None, good=frozenset()), {"probe-unreadable"}),
    "was not run": (None, {"probe-not-run"}),
}


@pytest.mark.parametrize("name", PROBED)
def test_an_enforced_clause_is_probed_on_both_sides(name):
    given, wanted = PROBED[name]
    remarks = [r for r in lint(draft(ANYTHING, NO), JUNE, given) if r.clause == "no"]
    assert codes(remarks) == wanted


def test_a_clause_that_nothing_here_can_find_is_a_class_of_its_own():
    """Neither green nor a fault of the probe."""
    grave = clause(
        "grave", "forbid", 'context.hazardsIn.contains(Hazard::"iwp") || context.pmOut_x_sur > 400', probe=PROBE
    )
    silent = trial(bad=frozenset(), good=frozenset())
    remark = on(lint(draft(ANYTHING, grave), JUNE, silent), "needs-learned")
    assert remark.message == "cannot be probed: needs a learned recognizer"
    assert remark.level == "warning"
    assert "until one is installed" in remark.hint
    here = msgspec.structs.replace(silent, weights=Weights("caveat-learned@4", "0" * 64, lambda _code, _at: None))
    assert "`caveat-learned@4`" in on(lint(draft(ANYTHING, grave), JUNE, here), "needs-learned").hint
    mixed = clause("mixed", "forbid", 'context.voicedIn.contains(Voiced::"user:x_inj")', probe=PROBE)
    assert "probe-silent" in codes(lint(draft(ANYTHING, mixed), JUNE, silent))


SAID: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str, str]] = {
    "a permit on a declaration": ([clause("p", "permit", "context.caseGiven")], {}, "permit-declared", "p"),
    "a permit on nothing": ([clause("p", "permit", "true")], {}, "permit-declared", "p"),
    "nothing permitted": ([NO], {}, "no-permit", ""),
    "a clause that never holds": ([ANYTHING, clause("n", "forbid", "false")], {}, "never-holds", "n"),
    "a clause that always forbids": ([ANYTHING, clause("n", "forbid", "true")], {}, "always-holds", "n"),
    "the same twice": ([ANYTHING, NO, {**NO, "id": "again"}], {}, "duplicate", "again"),
    "a missing translation": ([ANYTHING, {**NO, "says": "No."}], {}, "translation-missing", "no"),
    "a title in one language": ([ANYTHING], {"title": "Trial"}, "translation-missing", ""),
    "a threshold of 0": ([ANYTHING], {"thresholds": {"default": 500, "iwp": 0}}, "threshold-extreme", ""),
    "a threshold of 1000": ([ANYTHING], {"thresholds": {"default": 500, "iwp": 1000}}, "threshold-extreme", ""),
    "expired": ([ANYTHING], {"valid": {"from": "2025-01-01", "until": "2026-01-01"}}, "expired", ""),
    "expires soon": ([ANYTHING], {"valid": {"from": "2025-01-01", "until": "2026-06-01"}}, "expires-soon", ""),
    "not yet valid": ([ANYTHING], {"valid": {"from": "2027-01-01", "until": "2028-06-01"}}, "not-yet", ""),
    "a lease that is over": ([ANYTHING], {"lease": {"until": "2026-01-31", "calls": 5}}, "lease-over", ""),
    "a lease that lapses soon": ([ANYTHING], {"lease": {"until": "2026-06-20", "calls": 5}}, "lease-soon", ""),
    "a lease beyond the terms": ([ANYTHING], {"lease": {"until": "2029-06-20", "calls": 5}}, "lease-beyond", ""),
    "a lease without a count": ([ANYTHING], {"lease": {"until": "2026-12-20"}}, "lease-uncounted", ""),
    "challenges without bodies": ([ANYTHING], {"challenges": {"days": 90}}, "challenge-bodies", ""),
    "challenges without a seal": ([ANYTHING], {"challenges": {"days": 90}}, "challenge-unmetered", ""),
    "a seal before some models alone": (
        [ANYTHING],
        {
            "models": [{"alias": "small", "identity": "any"}, {"alias": "large", "identity": "any"}],
            "seals": [row(models=["small"])],
        },
        "seal-missing",
        "",
    ),
    "a waivable gravest": (
        [ANYTHING, clause("w", "forbid", 'context.hazardsIn.contains(Hazard::"cse")', waivable=True)],
        {},
        "waivable-gravest",
        "w",
    ),
    "a model that is not pinned": ([ANYTHING], {}, "model-open", ""),
    "what is recorded only": ([ANYTHING, clause("r", "forbid", "context.caseGiven")], {}, "recorded", "r"),
    "what is promised only": ([ANYTHING, clause("m", "forbid")], {}, "promised", "m"),
    "what no call can change": (
        [ANYTHING, clause("d", "forbid", 'context.detector == Detector::"none"')],
        {},
        "probe-outside",
        "d",
    ),
    "masks that come late": (
        [ANYTHING, clause("m", "oblige", "context.secretsOut", duties=["redact.output"])],
        {},
        "masks-late",
        "m",
    ),
    "days for which nothing is kept": (
        [ANYTHING, clause("k", "oblige", "context.streaming", duties=[{"retain.days": 3}])],
        {},
        "keeps-nothing",
        "k",
    ),
    "replies that wait for persons": (
        [ANYTHING, clause("p", "oblige", "context.streaming", duties=["review.human"], approvers=2)],
        {},
        "reviewed",
        "p",
    ),
    "a field within another": (
        [{**ANYTHING, "fields": ["/a"]}, clause("b", "permit", "context.streaming", fields=["/a/b"])],
        {},
        "fields-overlap",
        "b",
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_one_thing_is_said(name):
    clauses, head, code, clause_id = SAID[name]
    found = [r for r in lint(draft(*clauses, **head), JUNE, None) if r.code == code]
    assert [r.clause for r in found] == [clause_id]
    assert found[0].level == CODES[code]


def test_every_remark_there_is_can_be_provoked():
    probed = {code for _, wanted in PROBED.values() for code in wanted}
    assert {code for *_, code, _ in SAID.values()} | probed | ABOUT | {"probe-missing", "needs-learned"} == set(CODES)


def test_remarks_come_in_the_order_of_the_document():
    lines = [r.line for r in lint(draft(ANYTHING, NO), JUNE, None)]
    assert lines == sorted(lines)


def shipped(name: str) -> Draft:
    yaml = sample_terms(name)
    return parse_terms(yaml, load_profile(parse_terms(yaml).markings).caveats)


@pytest.mark.parametrize("name", sample_names())
def test_the_sample_terms_have_no_error_with_the_recognizers_that_ship(name):
    """Run through the real panel: every clause that can be probed trips on its one side and passes on the other."""
    made = shipped(name)
    probes = make_trial(made, default_panel(load_profile(made.markings)).recognize, read_call, frozenset({"x_inj"}))
    remarks = lint(made, made.valid_from_ms, probes)
    assert [r for r in remarks if r.level == "error"] == []
    assert "probe-not-run" not in codes(remarks)


def test_what_institutional_use_cannot_probe_yet_is_exactly_what_needs_learning():
    made = shipped("institutional-use")
    probes = make_trial(made, default_panel(load_profile("civil")).recognize, read_call, frozenset({"x_inj"}))
    waiting = {r.clause for r in lint(made, made.valid_from_ms, probes) if r.code == "needs-learned"}
    assert waiting == {
        "persons.surveillance",
        "influence.covert",
        "cyber.offensive",
        "force.decision",
        "weapons.mass",
        "children.abuse",
    }
