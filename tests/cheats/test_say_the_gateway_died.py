"""The operator settles an inconvenient call as one of which nobody can say how it ended, or as one that the client broke off.

What detects it: an aborted or broken call commits to its reply as any other does.  Of one that ended `unknown`, which is what
start-up writes after a crash, nothing is told: how many there are is said, and nothing more can be (docs/trust.md); a seal
counts the call all the same.
"""

import pytest
from tests.cheats.owner import admits, check, edited, failures, first_of, history, leaf_of, remade
from tests.evidence.conftest import Book


def said_instead(ending: str, *, bare: bool) -> Book:
    """The stopped call's outcome, written as another; `bare` without what it had committed to."""
    book = history()
    _, at = first_of(book, "stopped")
    changes = {"c": None, "tok": None} if bare else {}
    outcome = edited(book.entries[at], o=ending, **changes)
    return remade(book, [outcome if i == at else i for i in range(len(book.entries))])


@pytest.mark.parametrize("ending", ["aborted", "broken"])
def test_an_aborted_call_commits_as_any_other(ending: str) -> None:
    says = failures(check(said_instead(ending, bare=True).bundle(profile="none")))[5]
    assert "it does not commit to `answer`, so it can never show it" in says


def test_an_unknown_one_is_counted() -> None:
    forged = said_instead("unknown", bare=True)
    at = first_of(forged, "unknown")[1]
    assert leaf_of(forged, at).c == {}
    report = check(forged.bundle())
    assert report.verified
    told = next(step for step in report.steps if step.number == 11).limits
    assert "how 1 calls ended: their gateway died, by its own word, so nothing is told of replies" in told
    admits("Of a call that ended `unknown` nothing is told, and a challenge has nothing to open")
