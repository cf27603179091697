"""The operator runs a recognizer of other weights, or one that sees nothing, and records what it says.

What detects it: each record names the recognizers and the digests of their weights, which verification compares with the
terms; a body that is opened on site is read again by the agreed one.  A gateway that lies about who read shows there alone;
bodies that nobody kept cannot be read again.
"""

from typing import Any

import pytest
from tests.cheats.owner import admits, check, failures
from tests.evidence.conftest import FACTS, GATEWAY, OPERATOR, TERMS, VENDOR, Book
from tests.evidence.test_reopen import opened, recorded

from caveat import record
from caveat.decide.decide import decide
from caveat.terms.parse import parse_terms
from caveat.terms.sign import sign_terms

AGREED, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def test_weights_of_another_digest_are_named_in_the_record() -> None:
    values = recorded()
    values["request"]["recognizers"] = {
        "names": ["caveat-learned@2"],
        "learned": {"caveat-learned@2": {"weights": "sha256:00"}},
    }
    assert opened(values) == ("it was read by other recognizers, or other weights, than are here",)


def test_a_lie_about_what_was_seen_shows_when_the_body_is_opened() -> None:
    found = opened(recorded(pm={}, hazards_in=(), hazard_permille=0, voiced_in=()))
    assert any("does not follow from the body" in why for why in found)
    admits("facts that were false from the start")


def read_by(weights: str = "", detector: str = "learned", **facts: Any) -> Book:
    """A log under terms that name a recognizer, with a call that was read by weights of that digest."""
    block = f"recognizer: {{name: caveat-learned, version: '2', weights: '{AGREED}'}}\n"
    yaml = TERMS.format(version=1, effect="forbid").replace("clauses:\n", block + "clauses:\n")
    book = Book().found(sign_terms(parse_terms(yaml.encode()), VENDOR, OPERATOR).raw)
    head = book.head()
    known = type(FACTS)(**{**{n: getattr(FACTS, n) for n in FACTS.__struct_fields__}, "detector": detector, **facts})
    decision = decide(book.policy, known)
    learned = {"learned": {"caveat-learned@2": {"weights": weights}}} if weights else {}
    request = {"dialect": "openai_chat", "model": "any", **record.body_digest(b"Draft", head.key)}
    request |= {"recognizers": {"names": ["caveat-learned@2"], **learned}}
    at = book.append(record.opened(record.Head("a" * 32, GATEWAY, head.at_ms, head.key), known, decision, request))
    book.settle((at, record.Head("a" * 32, GATEWAY, head.at_ms, head.key), decision, known))
    return book


def test_the_agreed_weights_are_proved_by_the_record() -> None:
    report = check(read_by(AGREED).bundle())
    assert report.verified, report.sentences()
    step = next(step for step in report.steps if step.number == 22)
    assert step.says == "1 calls name the weights that both parties agreed on"


@pytest.mark.parametrize("weights", [OTHER, ""])
def test_other_weights_than_agreed_show(weights: str) -> None:
    says = "record 5: the terms name the recognizer `caveat-learned`, and it was read by other weights"
    assert failures(check(read_by(weights).bundle())) == {22: says}


def test_none_that_has_learned_shows_though_the_request_is_withheld() -> None:
    """The profile `audit` opens the facts, of which one says it, and not what is known of the request."""
    assert "none that has learned read it" in failures(check(read_by(AGREED, "none").bundle(profile="audit")))[22]
    report = check(read_by(OTHER).bundle(profile="audit"))
    assert report.verified
    assert next(step for step in report.steps if step.number == 22).limits == ("who read 1 calls: it is withheld",)


def test_a_record_that_lies_about_its_weights() -> None:
    """Not detected in a bundle: the record says what was agreed.  Only an opening on site reads the body again."""
    assert check(read_by(AGREED).bundle()).verified
    admits("Facts of a call whose body was not kept: nothing here")
