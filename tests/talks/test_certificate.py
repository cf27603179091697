"""A diff certificate holds only as a whole: whatever is changed in it, checking it again shows it."""

import json
from typing import Any

import pytest
from tests.making import document
from tests.talks.test_analyse import BRIEF, HOLD, NO, WORK

from caveat.errors import BadInput, NotVerified
from caveat.talks import solvers
from caveat.talks.analyse import compare
from caveat.talks.certificate import certify, check_certificate, pair_digest
from caveat.talks.draft import read_draft

BEFORE = read_draft(document(WORK, NO, HOLD, BRIEF))
AFTER = read_draft(document(WORK, NO, BRIEF, version=2, thresholds={"default": 600, "x_inj": 300}))
CERTIFICATE = certify(BEFORE, AFTER, *compare(BEFORE, AFTER))


def test_a_certificate_that_holds():
    checked = check_certificate(CERTIFICATE)
    assert checked.remarks == ()
    assert set(checked.solvers) == {"Z3", "cvc5"}
    says = {one.question.asks: one.says for one in checked.certificate.answers}
    assert says["newly-allowed"] == "found"
    assert says["newly-held"] == "none"
    assert checked.certificate.after.digest == pair_digest(AFTER)
    assert "(set-logic QF_LIA)" in checked.certificate.smt2


def put(*path: Any, value: Any):
    def change(it: dict[str, Any]) -> None:
        for step in path[:-1]:
            it = it[step]
        it[path[-1]] = value

    return change


WRONG: dict[str, tuple[Any, str]] = {
    "the text of a clause": (
        lambda it: put("before", "yaml", value=it["before"]["yaml"].replace("<= 4", "<= 5"))(it),
        "digest",
    ),
    "the digest": (put("after", "digest", value="sha256:" + "0" * 64), "digest"),
    "the name": (put("after", "terms", value="trial@3"), "digest"),
    "text that is no terms": (put("after", "yaml", value="no"), "does not compile"),
    "a formula": (lambda it: put("smt2", value=it["smt2"].replace("600", "601"))(it), "formulas"),
    "formulas that nothing satisfies": (lambda it: put("smt2", value=it["smt2"] + "(assert false)\n")(it), "formulas"),
    "an assumption": (put("assumes", value=["nothing"]), "assumes"),
    "a question left out": (lambda it: it["answers"].pop(), "every question"),
    "a found one called none": (
        lambda it: it["answers"][0].update(says="none", answers={"Z3": "unsat"}, request=None, before=None, after=None),
        "here Z3 says sat",
    ),
    "found without an example": (put("answers", 0, "request", value=None), "no example"),
    "an example of nothing": (put("answers", 0, "request", "plain", "streaming", value=False), "decides otherwise"),
    "an example that is no request": (
        put("answers", 0, "request", "plain", value={"purpose": 7, "caller": None, "x": 1}),
        "example",
    ),
    "a decision": (put("answers", 0, "after", "clauses", value=["nobody"]), "not the engine's"),
    "answers that do not bear it out": (put("answers", 0, "answers", value={"Z3": "unknown"}), "it says `found`"),
    "an example too many": (
        lambda it: it["answers"][2].update(request=it["answers"][0]["request"]),
        "without saying",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_whatever_is_changed_shows(name):
    change, sentence = WRONG[name]
    changed = json.loads(CERTIFICATE)
    change(changed)
    with pytest.raises(NotVerified, match=sentence) as caught:
        check_certificate(json.dumps(changed).encode())
    assert caught.value.step == "certificate"


def test_an_example_with_a_set_is_checked_as_it_was_made():
    """Read back from JSON, an example's sets are still what the engine compares."""
    with_modalities = {**WORK, "when": WORK["when"] + ' && !context.modalities.contains(Modality::"image")'}
    after = read_draft(document(with_modalities, NO, HOLD, BRIEF))
    checked = check_certificate(certify(BEFORE, after, *compare(BEFORE, after)))
    request = {one.question.asks: one.request for one in checked.certificate.answers}["newly-denied"]
    assert request is not None
    assert list(request.plain["modalities"]) == ["image"]


def test_unknown_stays_unknown():
    """A party may leave a question open; the check says so, and takes it for no proof."""
    changed = json.loads(CERTIFICATE)
    changed["answers"][2].update(says="unknown", answers={"Z3": "unknown"})
    assert check_certificate(json.dumps(changed).encode()).remarks == ("it leaves `newly-held` unknown",)


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff", b"[" * 100_000, b'{"caveat_certificate":2}'])
def test_what_is_no_certificate(raw):
    with pytest.raises(BadInput, match="no diff certificate"):
        check_certificate(raw)


def test_without_cvc5_the_check_says_that_only_one_was_asked(monkeypatch):
    monkeypatch.setattr(solvers, "cvc5", lambda: None)
    monkeypatch.setattr("caveat.talks.certificate.names", lambda: {"Z3": "5"})
    assert check_certificate(CERTIFICATE).remarks == ("cvc5 is not installed here, so only Z3 was asked again",)
