"""Sentences about a semantic diff: who proved it, what is not known, and all that departs in an example."""

from typing import get_args

from tests.making import clause, draft

from caveat.decide.decision import Rule
from caveat.talks.analyse import Answered, Question, compare
from caveat.talks.imagined import Imagined
from caveat.talks.say import ASKED, RULES, described, outcome, sentence, title
from caveat.terms.document import Duty

SOLVERS = {"Z3": "5.4", "cvc5": "1.4"}
ASKS = Question("q.newly-allowed", "newly-allowed")


def test_none_names_who_proved_it():
    both = Answered(ASKS, "none", {"Z3": "unsat", "cvc5": "unsat"})
    alone = Answered(ASKS, "none", {"Z3": "unsat"})
    assert sentence(both, SOLVERS, "a@1", "a@2") == "there is none (proved by Z3 5.4, cvc5 1.4 agrees)"
    assert sentence(alone, SOLVERS, "a@1", "a@2") == "there is none (proved by Z3 5.4; cvc5 was not asked)"


def test_unknown_is_never_none():
    unknown = sentence(Answered(ASKS, "unknown", {"Z3": "unknown", "cvc5": "unsat"}), SOLVERS, "a@1", "a@2")
    assert unknown == "unknown (Z3 says unknown, cvc5 says unsat); this is no proof that there is none"


def test_a_duty_is_named():
    one = Answered(Question("q", "newly-owed", Duty("limit.tokens", 50)), "none", {"Z3": "unsat"})
    assert title(one) == "newly owed: limit.tokens=50"


def test_every_rule_and_question_has_its_words():
    assert set(RULES) == set(get_args(Rule))
    assert set(ASKED) == {"newly-allowed", "newly-denied", "newly-held", "newly-owed", "no-longer-owed"}


def test_an_example_in_words():
    before = draft(clause("work", "permit", "context.labelRank <= 4"), clause("no", "forbid", "context.pm_iwp > 300"))
    after = draft(clause("work", "permit", "context.labelRank <= 4"))
    (first, *_) = compare(before, after)[1]
    assert first.request is not None
    assert first.before is not None
    assert described(first.request) == [
        "a chat call by `someone` to `small` for `drafting`",
        "`iwp` scored 301 per mille in the request",
    ]
    assert outcome(first.before) == "denied by `no`"
    assert sentence(first, SOLVERS, "a@1", "a@2") == "here is a request that a@2 allows and a@1 does not"


def test_everything_that_departs_is_told():
    request = Imagined(
        {
            "stage": "reply",
            "effect": "affects-person",
            "secretsIn": True,
            "labelRank": 3,
            "caveats": ("NOFORN",),
            "choices": 1,
        },
        pm={},
        pm_out={"iwp": 9},
        said={"user:x_inj": 7},
        fields=("/a",),
        parts=("/b",),
        more_fields=1,
        tools={"t": 1},
        calls={"u": 2},
    )
    said = "\n".join(described(request))
    for words in (
        "once the model answers",
        "`effect` is `affects-person`",
        "`secretsIn` is true",
        "`labelRank` is `3`",
        "`caveats` is `NOFORN`",
        "`iwp` scored 9 per mille in the reply",
        "`x_inj` scored 7 per mille in what the user says",
        "a field at `/a`",
        "an unread part at `/b`",
        "1 field(s) that no clause lists",
        "the tool `t` is offered",
        "the model calls the tool `u` 2 times",
    ):
        assert words in said
    assert "choices" not in said
