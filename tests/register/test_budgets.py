"""A key's budget: its counters, its bounds, what a call has used, when it begins anew."""

import msgspec
import pytest

from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.facts import Caller
from caveat.record import Leaf
from caveat.register import CallerKey, Register, fold
from caveat.register.budgets import Budget, begins_anew, calls, counter, current, tokens, tokens_used, under

NOON = 1_795_694_400_000  # 2026-11-26T12:00:00Z
ANSWER = {"answer": {"chars_left": 40}}


def test_a_counter_is_a_keys_in_one_day_or_month():
    assert counter("anna", "calls", "day", NOON) == "budget:anna:calls:2026-11-26"
    assert counter("anna", "tokens", "month", NOON) == "budget:anna:tokens:2026-11"
    assert counter("anna", "calls", "day", NOON + 12 * 3_600_000) == "budget:anna:calls:2026-11-27"


def test_every_call_of_a_key_with_a_budget_is_counted_whatever_the_bound():
    budget = Budget(calls_day=3, tokens_month=500)
    spends = dict(calls("anna", budget, NOON))
    assert spends.pop("budget:anna:calls:2026-11-26") == 3
    assert spends["budget:anna:calls:2026-11"] > 10**15
    assert under("anna", budget, NOON) == (("budget:anna:tokens:2026-11", 500),)
    assert {of for of, _ in tokens("anna", 7, NOON)} == {"budget:anna:tokens:2026-11-26", "budget:anna:tokens:2026-11"}
    assert tokens("anna", 0, NOON) == ()


@pytest.mark.parametrize(
    ("ending", "tok", "hidden", "used"),
    [
        ("completed", (10, 5), ANSWER, 15),
        ("completed", None, ANSWER, 140),
        ("aborted", None, ANSWER, 140),
        ("withheld", None, {"answer": {"chars_left": 0}, "kept": {"len": 60}}, 160),
        ("broken", None, {"answer": {"chars_left": 0}}, 0),
        ("broken", None, ANSWER, 140),
        ("broken", (10, 0), ANSWER, 10),
        ("denied", None, {}, 0),
        ("unknown", None, {}, 0),
    ],
)
def test_what_a_call_has_used(ending, tok, hidden, used):
    assert tokens_used(ending, tok, 100, hidden) == used


def test_a_budget_begins_anew_with_the_next_day_or_month():
    assert begins_anew("budget:anna:calls:2026-11-30") == "2026-12-01T00:00:00Z"
    assert begins_anew("budget:anna:calls:2026-12") == "2027-01-01T00:00:00Z"
    assert begins_anew("budget:anna:calls:2026-01") == "2026-02-01T00:00:00Z"


def test_counters_of_months_gone_are_let_go():
    names = {"budget:a:calls:2026-10", "budget:a:calls:2026-10-31", "budget:a:calls:2026-11", "lease:x", "w1"}
    assert current(names, NOON) == {"budget:a:calls:2026-11", "lease:x", "w1"}


def key(**more):
    return msgspec.json.encode(CallerKey("caller", digest(b"s"), Caller("anna"), **more))


def folded(*acts):
    register = Register()
    for index, (what, of, document) in enumerate(acts):
        doc = digest(document) if document else ""
        register = fold(register, Leaf(1, "control", "gw1", NOON, what=what, id=of, doc=doc), index, document)
    return register


def test_a_budget_comes_with_the_key_or_after_it_and_decisions_stand_on_it():
    plain = folded(("key.new", "anna", key()))
    given = folded(("key.new", "anna", key(budget=Budget(calls_day=3))))
    later = folded(("key.new", "anna", key()), ("key.budgeted", "anna", b'{"calls_day":3}'))
    lifted = folded(("key.new", "anna", key(budget=Budget(calls_day=3))), ("key.budgeted", "anna", b"{}"))
    assert given.keys == later.keys
    assert given.keys["anna"].budget.says == "3 calls a day"
    assert given.fence == later.fence != plain.fence == lifted.fence


@pytest.mark.parametrize("document", [b"", b"[]", b'{"calls_day":-1}', b'{"calls_day":1.5}', b'{"cents_day":1}'])
def test_what_is_no_budget_is_refused(document):
    with pytest.raises(NotVerified):
        folded(("key.new", "anna", key()), ("key.budgeted", "anna", document))


def test_a_budget_is_of_a_key_that_was_made():
    with pytest.raises(NotVerified, match="never made"):
        folded(("key.budgeted", "anna", b'{"calls_day":3}'))
