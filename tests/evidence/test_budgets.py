"""A bundle with the records of budgets: both verifiers take them, and a profile that withholds keys withholds budgets."""

import pytest
from tests.evidence.conftest import TRUST, Book, check, members
from tests.evidence.second import second_opinion

from caveat.canon import digest

BUDGET = b'{"calls_day":100}'


@pytest.mark.parametrize(("profile", "shown"), [("full", True), ("audit", True), ("counts", False), ("none", False)])
def test_budgets_are_read_or_withheld_and_judged_by_both(profile: str, shown: bool) -> None:
    book = Book().found()
    book.control("key.budgeted", "clerk-7", BUDGET)
    bundle = book.day(2).bundle(profile=profile)
    report = check(bundle)
    assert report.verified, report.sentences()
    assert second_opinion(bundle, TRUST) == ""
    assert any(digest(BUDGET).removeprefix("sha256:") in name for name in members(bundle)) == shown
