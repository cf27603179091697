"""A body that is not there on site: nobody promised it, its time is over, or it is gone and counts as refused."""

from typing import Any

import pytest

from caveat import record
from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.gateway.proof.answering import Reopened
from caveat.gateway.proof.promised import NEVER, OVER, Promised
from caveat.ledger.log import Entry
from caveat.register.notices import write_destroyed

CALL, DAY_MS, CHALLENGE = "7" * 32, 86_400_000, b"a challenge"
DECISION: dict[str, Any] = {
    "verdict": "allow",
    "rule": "permit",
    "clauses": [],
    "held": [],
    "unmet": [],
    "waived": [],
    "errors": [],
    "terms": "sha256:00",
    "engine": "cedarpy/4",
}
KEPT = [{"name": "log.full", "value": ""}]
MONTH = [*KEPT, {"name": "retain.days", "value": "30"}]


class Log:
    """A ledger and its documents, of as many control records as a case needs."""

    def __init__(self, *acts: tuple[str, int, bytes]) -> None:
        self._documents = {digest(document): document for _, _, document in acts}
        self._entries = [
            record.control(what=what, of="1", doc=digest(document), gateway="gw1", at_ms=at_ms)
            for what, at_ms, document in acts
        ]

    def entry(self, index: int) -> Entry:
        return self._entries[index]

    def read(self, doc: str) -> bytes:
        return self._documents[doc]

    def promised(self) -> Promised:
        return Promised(self, self, tuple(range(len(self._entries))), CHALLENGE)  # type: ignore[arg-type]


def first(duties: list[dict[str, str]], verdict: str = "allow") -> dict[str, Any]:
    return {"decision": {**DECISION, "duties": duties, "verdict": verdict}, "place": {"epoch": 0}}


def destroyed(day: int) -> tuple[str, int, bytes]:
    return ("bodies.destroyed", day * DAY_MS, write_destroyed(((CALL, "request"),)))


ASKED = ("evidence.challenged", 29 * DAY_MS, CHALLENGE)
CASES = {
    "nothing was promised": ((), first([]), NEVER),
    "a denied call keeps nothing": ((), first(KEPT, "deny"), NEVER),
    "gone without a word": ((), first(KEPT), "is not there"),
    "gone without a word, for a month": ((), first(MONTH), "is not there"),
    "destroyed, though kept without an end": ((destroyed(40),), first(KEPT), "before its time"),
    "destroyed too soon": ((destroyed(29),), first(MONTH), "before its time"),
    "destroyed in time": ((destroyed(30),), first(MONTH), OVER),
    "destroyed in time, then challenged": ((destroyed(30), ASKED), first(MONTH), OVER),
    "challenged, then destroyed": ((ASKED, destroyed(30)), first(MONTH), "after the challenge"),
}


@pytest.mark.parametrize(("acts", "values", "wanted"), CASES.values(), ids=CASES.keys())
def test_what_a_missing_body_means(acts: tuple[Any, ...], values: dict[str, Any], wanted: str) -> None:
    why, wrong = Log(*acts).promised().missing(CALL, "request", values)
    if wanted in {NEVER, OVER}:
        assert (why, wrong) == (wanted, "")
    else:
        assert why == ""
        assert wanted in wrong
        assert wrong.endswith("that counts as refused")


def test_a_challenge_that_tested_nothing_is_not_sound() -> None:
    """Neither a violation nor a proof."""
    nothing = Reopened(3, 0, 3, (), never_kept=3)
    assert not nothing.sound
    assert nothing.sentence().startswith("nothing was tested: of 3 bodies drawn none is kept")
    assert Reopened(0, 0, 0, ()).sentence() == "nothing was tested: no call of the sample has a body"
    assert Reopened(3, 2, 1, (), never_kept=1).sound
    assert not Reopened(3, 2, 1, ((7, NotVerified.__name__),)).sound
