"""Probes are run through the same rooms as calls."""

from tests.making import ANYTHING, clause, draft

from caveat.decide.probe import make_trial
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.terms.document import Draft
from caveat.terms.lint import Trial
from caveat.wire.openai_chat_request import read_call

CIVIL = load_profile("civil")
DRAFT = draft(
    ANYTHING,
    clause("in", "forbid", "context.labelRank > 4"),
    clause("out", "forbid", "context.labelRankOut > 4"),
    clause("tools", "forbid", "context.unlistedTools > 0"),
    clause("begun", "oblige", 'context.stage == Stage::"reply"', duties=["log.digest"]),
    caveats=CIVIL.caveats,
)


def trial(made: Draft) -> Trial:
    return make_trial(made, default_panel(CIVIL).recognize, read_call, frozenset({"x_inj"}))


def test_a_text_is_tried_as_a_message_and_as_a_reply():
    held = trial(DRAFT).held("TOP SECRET//SI//NOFORN\nSummarise this.")
    assert held == frozenset({"all", "in", "out", "begun"})
    assert trial(DRAFT).held("Summarise this.") == frozenset({"all", "begun"})


def test_a_call_is_read_like_a_callers_body():
    tool = {"type": "function", "function": {"name": "rm_rf"}}
    body = {"messages": [{"role": "user", "content": "hi"}], "tools": [tool]}
    assert trial(DRAFT).held(body) == frozenset({"all", "tools"})
    assert trial(DRAFT).held({"model": "small", **body}) == frozenset({"all", "tools"})


def test_a_sample_that_is_no_call_under_the_terms_is_said_to_be_none():
    assert trial(DRAFT).held({"messages": "nothing"}) is None
    assert trial(DRAFT).held({"model": "other", "messages": []}) is None


def test_a_pinned_model_stands_for_itself():
    pinned = draft(
        ANYTHING, models=[{"alias": "small", "identity": "weights:sha256:" + "0" * 64}], caveats=CIVIL.caveats
    )
    assert trial(pinned).held("hello") == frozenset({"all"})
