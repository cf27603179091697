"""The operator makes two bundles under one number, with different content for two inspectors.

What detects it: both are signed, so whoever holds both holds proof; the ledger has one of them on record, and the next bundle
shows which.
"""

from tests.cheats.owner import check, failures, history


def test_two_bundles_of_one_number() -> None:
    book = history(3)
    first = book.sent()
    book.day(6)
    last = book.exports["vendor"]
    order = {"number": 2, "receiver": "vendor", "previous": last.checkpoint.encode(), "before": last.manifest}
    other = book.bundle(last.to, len(book.entries) - 4, "none", **order)
    second = book.sent()
    assert check(other, after=first).verified
    assert check(second, after=first).verified
    assert "two different bundles bear number 2" in failures(check(other, after=second))[16]
    book.day(2)
    third = book.sent()
    assert check(third, after=second).verified
    assert (
        "another bundle 2" in failures(check(third, after=other))[16]
        or "on record" in failures(check(third, after=other))[16]
    )
