"""Lint compares what terms say of the learned recognizer with the one at hand."""

import pytest
from tests.making import ANYTHING, clause, document, draft

from caveat.errors import BadInput
from caveat.terms.document import Agreed, ErrorRates
from caveat.terms.lint import Remark, Trial, lint
from caveat.terms.lint_recognizer import Weights
from caveat.terms.parse import parse_terms

JUNE = 1_780_000_000_000
HERE = "a" * 64
ABOUT = frozenset(["recognizer-other", "rates-unmeasured", "rates-unstated", "false-alarms-above", "misses-above"])
"""The remarks that these tests provoke."""
PROBE = {"trips": "bad", "passes": "good"}
WATCH = clause("watch", "forbid", 'context.hazardsIn.contains(Hazard::"x_sur")', probe=PROBE)
FORM = clause("form", "forbid", 'context.hazardsIn.contains(Hazard::"x_inj")', probe=PROBE)
SCORE = clause("score", "hold", "context.pm_x_cyb > 300", probe=PROBE)


def block(**measured):
    return {"name": "caveat-learned", "version": "2", "weights": f"sha256:{HERE}", "measured": measured}


def rates(code, threshold):
    return {("x_sur", 500): (12, 300), ("x_cyb", 500): (4, 200)}.get((code, threshold))


def remarks(*clauses, at_hand=HERE, **recognizer) -> list[Remark]:
    trial = Trial(lambda _: frozenset(), frozenset(), frozenset({"x_inj"}), Weights("caveat-learned@2", at_hand, rates))
    made = draft(ANYTHING, *clauses, recognizer=block(**recognizer))
    return [r for r in lint(made, JUNE, trial) if r.code in ABOUT]


def codes(*clauses, **recognizer):
    return [(r.clause, r.code) for r in remarks(*clauses, **recognizer)]


def test_rates_that_were_stated_and_measured_need_no_remark():
    assert codes(WATCH, x_sur={"false_alarms": 12, "misses": 300}) == []


def test_more_false_alarms_than_the_terms_state():
    (found,) = remarks(WATCH, x_sur={"false_alarms": 5, "misses": 300})
    assert (found.code, found.level, found.clause) == ("false-alarms-above", "warning", "watch")
    assert found.message == "`x_sur` at 500: 12 false alarms in 1,000 were measured, the terms state 5"
    assert found.line > 1


def test_more_misses_than_the_terms_state():
    assert codes(WATCH, x_sur={"false_alarms": 20, "misses": 100}) == [("watch", "misses-above")]


def test_what_the_terms_do_not_state_is_noted_with_what_was_measured():
    found = remarks(SCORE, x_sur={"misses": 300})
    assert [(r.code, r.level) for r in found] == [("rates-unstated", "note")] * 2
    assert "measured at 500: 4 in 1,000" in found[0].message


def test_what_was_not_measured_is_said():
    made = clause("other", "hold", 'context.hazardsIn.contains(Hazard::"x_cia")', probe=PROBE)
    assert codes(made) == [("other", "rates-unmeasured")]


def test_what_is_found_by_its_form_needs_no_rates():
    assert codes(FORM) == []


def test_other_weights_than_those_at_hand_are_an_error():
    (found,) = remarks(at_hand="b" * 64)
    assert (found.code, found.level) == ("recognizer-other", "error")
    assert "`aaaaaaaaaaaa`" in found.message and "`bbbbbbbbbbbb`" in found.message


def test_terms_that_name_no_recognizer_get_no_such_remark():
    trial = Trial(lambda _: frozenset(), frozenset(), weights=Weights("caveat-learned@2", "b" * 64, rates))
    assert not [r for r in lint(draft(ANYTHING, WATCH), JUNE, trial) if r.code.startswith(("recognizer", "rates"))]


def test_the_block_is_read():
    made = draft(ANYTHING, recognizer=block(x_sur={"misses": 300}))
    assert made.recognizer == Agreed("caveat-learned", "2", f"sha256:{HERE}", {"x_sur": ErrorRates(None, 300)})
    assert draft(ANYTHING).recognizer is None


WRONG = {
    "a hazard that there is not": (block(x_surveillance={}), "there is no hazard `x_surveillance`"),
    "a digest of another form": ({**block(), "weights": "sha256:abc"}, "`weights`: expected `sha256:<hex>`"),
    "an unknown key": ({**block(), "digest": "x"}, "there is no key `digest` here"),
    "no weights": ({"name": "a", "version": "1"}, "the key `weights` is missing"),
    "a rate beyond a thousand": (block(x_sur={"misses": 1001}), "expected an integer <= 1000"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_refused_with_its_line(name):
    value, says = WRONG[name]
    with pytest.raises(BadInput) as error:
        parse_terms(document(ANYTHING, recognizer=value))
    assert says in str(error.value)
