"""What a change does to every request: an example that the engine confirms, a proof, or "unknown"."""

import sys

import pytest
from tests.making import ANYTHING, clause, draft, sample

from caveat.errors import BadInput
from caveat.talks import solvers
from caveat.talks.analyse import Question, answer, ask, compare, confirmed, verdict
from caveat.talks.draft import read_draft
from caveat.talks.solvers import Answer

WORK = clause("work", "permit", 'context.purpose == Purpose::"drafting" && context.labelRank <= 4')
NO = clause("no", "forbid", 'context.hazardsIn.contains(Hazard::"iwp")')
HOLD = clause("wait", "hold", "context.streaming")
BRIEF = clause("brief", "oblige", "context.labelRank > 2", duties=[{"limit.tokens": 50}])
BEFORE = draft(WORK, NO, HOLD, BRIEF)


def found(before, after):
    """asks (and duty) -> the answer."""
    _, answers = compare(before, after)
    return {a.question.asks + (f" {a.question.duty.name}" if a.question.duty else ""): a for a in answers}


def says(before, after):
    return {name: a.says for name, a in found(before, after).items() if a.says != "none"}


SAME = {
    "itself": BEFORE,
    "in another order": draft(BRIEF, HOLD, NO, WORK),
    "written otherwise": draft(
        {**WORK, "when": 'if context.labelRank >= 5 then false else [Purpose::"drafting"].contains(context.purpose)'},
        {**NO, "when": '[Hazard::"iwp"].containsAny(context.hazardsIn)'},
        {**HOLD, "when": "!(!context.streaming)"},
        {**BRIEF, "when": "context.labelRank >= 3"},
    ),
    "split in two": draft(
        {**WORK, "when": 'context.purpose == Purpose::"drafting" && context.labelRank <= 3'},
        clause("four", "permit", 'context.purpose == Purpose::"drafting" && context.labelRank == 4'),
        NO,
        HOLD,
        BRIEF,
    ),
    "with a clause more that others cover": draft(
        WORK, NO, HOLD, BRIEF, clause("also", "forbid", "context.pm_iwp > 600")
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_none_is_proved_by_both_solvers(name):
    answers = found(BEFORE, SAME[name])
    assert {a.says for a in answers.values()} == {"none"}
    assert {tuple(a.answers.items()) for a in answers.values()} == {(("Z3", "unsat"), ("cvc5", "unsat"))}


CHANGED = {
    "a rank more": (draft({**WORK, "when": WORK["when"].replace("4", "5")}, NO, HOLD, BRIEF), {"newly-allowed"}),
    "a rank less": (draft({**WORK, "when": WORK["when"].replace("4", "3")}, NO, HOLD, BRIEF), {"newly-denied"}),
    "a forbid that is gone": (draft(WORK, HOLD, BRIEF), {"newly-allowed", "newly-held"}),
    "a forbid that holds now": (draft(WORK, {**NO, "effect": "hold"}, HOLD, BRIEF), {"newly-held"}),
    "a hold that is gone": (draft(WORK, NO, BRIEF), {"newly-allowed", "newly-denied"}),
    "a threshold that rose": (
        draft(WORK, NO, HOLD, BRIEF, thresholds={"default": 501, "x_inj": 300}),
        {"newly-allowed", "newly-held"},
    ),
    "a threshold that fell": (
        draft(WORK, NO, HOLD, BRIEF, thresholds={"default": 499, "x_inj": 300}),
        {"newly-denied"},
    ),
    "a duty wider": (
        draft(WORK, NO, HOLD, {**BRIEF, "when": "context.labelRank > 1"}),
        {"newly-owed limit.tokens"},
    ),
    "a purpose that is gone": (draft(WORK, NO, HOLD, BRIEF, purposes=["drafting"]), {"newly-denied"}),
    "another model": (
        draft(WORK, NO, HOLD, BRIEF, models=[{"alias": "large", "identity": "any"}]),
        {"newly-allowed", "newly-denied", "newly-held"},
    ),
    "a field listed": (draft({**WORK, "fields": ["/x"]}, NO, HOLD, BRIEF), {"newly-allowed", "newly-held"}),
}


@pytest.mark.parametrize("name", CHANGED)
def test_every_change_has_its_example(name):
    """The example was decided by the engine under both versions: `confirmed` is asked again here."""
    after, wanted = CHANGED[name]
    answers = {key: a for key, a in found(BEFORE, after).items() if a.says == "found"}
    assert set(answers) == wanted
    for a in answers.values():
        assert a.request is not None
        assert a.before is not None
        assert a.after is not None
        assert confirmed(a.question, a.before, a.after)


def test_a_moved_threshold_is_shown_at_the_score_that_it_moved_over():
    after = draft(WORK, NO, HOLD, BRIEF, thresholds={"default": 700, "x_inj": 300})
    example = found(BEFORE, after)["newly-allowed"]
    assert example.request is not None
    assert example.request.pm == {"iwp": 500}
    assert example.before is not None
    assert example.after is not None
    assert (example.before.rule, example.before.clauses) == ("forbid", ("no",))
    assert (example.after.rule, example.after.clauses) == ("permit", ("work",))


def test_the_example_is_the_smallest():
    """One fact departs from an ordinary request, and by no more than it must."""
    after = draft({**WORK, "when": 'context.purpose == Purpose::"drafting" && context.labelRank <= 9'}, NO, HOLD, BRIEF)
    example = found(BEFORE, after)["newly-allowed"].request
    assert example is not None
    assert {name: value for name, value in example.plain.items() if value} == {
        "purpose": "drafting",
        "labelRank": 5,
        "model": "small",
    }
    assert not example.pm
    assert not example.fields


def test_duties_of_a_stricter_value():
    after = draft(
        WORK, NO, HOLD, BRIEF, clause("tight", "oblige", "context.labelRank > 3", duties=[{"limit.tokens": 9}])
    )
    answers = found(BEFORE, after)
    _, listed = compare(BEFORE, after)
    by = {(a.question.asks, a.question.duty.value): a.says for a in listed if a.question.duty}
    assert by == {
        ("newly-owed", 9): "found",
        ("no-longer-owed", 9): "none",
        ("newly-owed", 50): "none",
        ("no-longer-owed", 50): "found",
    }
    assert answers["newly-allowed"].says == "none"


def test_tools_and_voices_and_the_highest_score():
    """What follows from other facts is followed: a tool's rule, the voice of a finding, the highest of all scores."""
    rules = [
        clause("t", "forbid", 'context.tools.contains(ToolKind::"message") || context.unlistedTools > 1'),
        clause("v", "forbid", 'context.voicedIn.contains(Voiced::"tool:x_inj")'),
        clause("h", "hold", "context.hazardPermille > 800"),
    ]
    before = draft(WORK, *rules)
    other = [{"name": "send_*", "kind": "message", "side_effect": "write"}]
    answers = found(before, draft(WORK, *rules, tools=other))
    assert answers["newly-denied"].request is not None
    assert answers["newly-denied"].request.tools == {"search_": 2}
    wider = found(
        before, draft(WORK, rules[0], {**rules[1], "when": 'context.hazardsIn.contains(Hazard::"x_inj")'}, rules[2])
    )
    assert wider["newly-denied"].request is not None
    assert "tool:x_inj" not in wider["newly-denied"].request.said
    assert wider["newly-allowed"].says == "none"


def test_versions_under_two_marking_profiles_are_not_compared():
    with pytest.raises(BadInput, match="marking profiles"):
        compare(BEFORE, draft(WORK, markings="us", caveats=()))


def test_the_text_depends_on_the_documents_alone():
    assert ask(BEFORE, sample_like()).text == ask(BEFORE, sample_like()).text


def sample_like():
    return draft(WORK, NO)


def test_the_sample_terms_with_a_change_in_the_middle():
    before = sample()
    after = read_draft(before.yaml.replace(b"iwp: 350", b"iwp: 400"))
    assert says(before, after)["newly-allowed"] == "found"
    assert says(before, before) == {}


AGREEMENT: dict[str, tuple[dict[str, Answer], str]] = {
    "both unsat": ({"Z3": "unsat", "cvc5": "unsat"}, "none"),
    "one alone": ({"Z3": "unsat"}, "none"),
    "both sat": ({"Z3": "sat", "cvc5": "sat"}, "found"),
    "the other does not know of an example": ({"Z3": "sat", "cvc5": "unknown"}, "found"),
    "one does not know of a proof": ({"Z3": "unsat", "cvc5": "unknown"}, "unknown"),
    "the first does not know": ({"Z3": "unknown", "cvc5": "unsat"}, "unknown"),
    "they contradict each other": ({"Z3": "unsat", "cvc5": "sat"}, "unknown"),
    "they contradict each other, the other way": ({"Z3": "sat", "cvc5": "unsat"}, "unknown"),
}


@pytest.mark.parametrize("name", AGREEMENT)
def test_what_two_solvers_say_together(name):
    answers, wanted = AGREEMENT[name]
    assert verdict(answers) == wanted


def test_out_of_time_is_unknown(monkeypatch):
    """No time at all for the solvers: nothing is proved, nothing is found."""
    monkeypatch.setattr(solvers, "PATIENCE_MS", 1)
    pigeons = "".join(f"(declare-const p{i} Int)(assert (and (>= p{i} 0) (< p{i} 11)))" for i in range(12))
    hard = pigeons + "(assert (distinct " + " ".join(f"p{i}" for i in range(12)) + "))"
    text = f"(set-logic QF_LIA)\n{hard}\n(declare-const q.hard Bool)\n"
    assert solvers.Z3(text).ask("q.hard") == "unknown"
    assert solvers.ask_cvc5(text, ["q.hard"]) == {"q.hard": "unknown"}


def test_what_cvc5_cannot_read_is_unknown():
    assert solvers.ask_cvc5("(assert", ["q"]) == {"q": "unknown"}


def test_an_example_that_the_engine_does_not_confirm_is_unknown():
    """Were the formulas wrong, nobody would be shown a wrong example: here they are of another pair of versions."""
    asked = ask(BEFORE, draft(WORK, HOLD, BRIEF))
    (first, *_) = answer(asked, BEFORE, BEFORE)
    assert first.question == Question("q.newly-allowed", "newly-allowed")
    assert first.says == "unknown"
    assert first.request is None


def test_without_the_extra_there_is_a_hint(monkeypatch):
    monkeypatch.setitem(sys.modules, "z3", None)
    solvers.z3.cache_clear()
    try:
        with pytest.raises(BadInput) as caught:
            compare(BEFORE, BEFORE)
        assert "caveat[analysis]" in caught.value.hint
    finally:
        solvers.z3.cache_clear()


def test_without_cvc5_the_proof_is_z3s_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "cvc5", None)
    solvers.cvc5.cache_clear()
    try:
        assert found(BEFORE, BEFORE)["newly-allowed"].answers == {"Z3": "unsat"}
    finally:
        solvers.cvc5.cache_clear()


def test_anything_permitted_is_found():
    assert says(draft(ANYTHING), draft(ANYTHING, NO)) == {"newly-denied": "found"}
