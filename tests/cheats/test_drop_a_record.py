"""The operator drops a call that a clause had stopped: both its records, so that no outcome is missing.

What detects it: the tree, where bytes alone were dropped; the checkpoint that an outsider held, where all was made anew; the
ticket that the caller kept.  Not detected as long as nobody outside held a checkpoint, no caller a ticket, no seal counts.
"""

import base64

import pytest
from tests.cheats.owner import admits, check, failures, first_of, history, others, remade, ticket_for
from tests.evidence.conftest import ORIGIN, VENDOR, Book, members, repacked

from caveat.evidence.report import Report
from caveat.ledger.log import Placed
from caveat.ledger.receipt import make_ticket

ENTRIES = "tile/entries/000.p/27"


@pytest.fixture
def book() -> Book:
    return history()


def test_dropped_from_the_bundle_alone(book: Book) -> None:
    """Naive: the bundle's own bytes, signed again as they are."""
    bundle = book.bundle()
    data = members(bundle)[ENTRIES]
    short = data[2 + int.from_bytes(data[:2], "big") :]
    assert list(failures(check(repacked(bundle, book.keys, {ENTRIES: short})))) == [4]


def test_half_of_a_call_dropped(book: Book) -> None:
    """Its outcome alone, from the whole ledger; the next hour's records show that it never came."""
    _, second = first_of(book, "stopped")
    fewer = remade(book, others(book, second))
    fewer.now_ms += 2 * 3_600_000
    fewer.call()
    assert "the call has no outcome after an hour" in failures(check(fewer.bundle()))[11]


def test_dropped_from_the_whole_ledger_after_a_checkpoint_left(book: Book) -> None:
    fewer = remade(book, others(book, *first_of(book, "stopped")))
    fewer.day(12)
    report = check(fewer.bundle(profile="none"), last=book.checkpoint())
    assert failures(report) == {
        3: "your checkpoint: its 27 records are not those that this log begins with: it was rewritten"
    }


def test_dropped_behind_the_last_bundle(book: Book) -> None:
    """The last bundle's range is left alone: what came behind it, and before the next checkpoint that left, is not known."""
    book.sent()
    given = book.checkpoint()
    size = len(book.entries)
    book.day(12)
    fewer = remade(book, others(book, *(i for i in first_behind(book, size, "stopped"))))
    assert check(fewer.bundle(), last=given).verified
    admits("Records younger than the last checkpoint")


def first_behind(book: Book, size: int, ending: str) -> tuple[int, int]:
    """The first such call whose records stand behind that size."""
    rest = Book(book.keys)
    rest.entries = book.entries[size:]
    second = first_of(rest, ending)[1] + size
    return second - 1, second


def test_dropped_before_anyone_held_a_checkpoint(book: Book) -> None:
    """Not detected: the log is whole, and nobody knows another."""
    fewer = remade(book, others(book, *first_of(book, "stopped")))
    assert check(fewer.bundle()).verified
    admits("what was rewritten before the first outsider held a checkpoint")


def test_a_caller_kept_the_ticket(book: Book) -> None:
    """Signed before any checkpoint: it also shows what was rewritten before anyone outside held one."""
    first, second = first_of(book, "stopped")
    ticket = ticket_for(book, first)
    assert "1 of 1 tickets stand for the records" in said(check(book.bundle(), tickets=(ticket,)), 21)
    fewer = remade(book, others(book, first, second))
    report = check(fewer.bundle(profile="none"), tickets=(ticket,))
    assert failures(report) == {
        21: f"the log promised another record {first} than it has: keep the ticket, both are signed"
    }
    ago = remade(book, range(first))
    assert f"the ticket for record {first}: the checkpoint covers {first} records" in limits(ago, ticket)
    later = book.bundle(first + 1, first + 4)
    assert check(later, tickets=(ticket,)).verified


def test_a_ticket_that_the_log_did_not_sign_is_none(book: Book) -> None:
    """A caller who wants to slander the operator: nothing is proved by a ticket of their own making."""
    placed = Placed(3, bytes(32), 1)
    forged = make_ticket(VENDOR, ORIGIN, placed)
    assert "no signature on the note is by a trusted key" in failures(check(book.bundle(), tickets=(forged,)))[21]
    assert 21 in failures(check(book.bundle(), tickets=(b"nonsense",)))
    assert 21 in failures(check(book.bundle(), tickets=(make_ticket(book.keys.plain, "other.test", placed),)))


def test_a_ticket_is_taken_as_the_header_bears_it(book: Book) -> None:
    assert "1 of 1" in said(check(book.bundle(), tickets=(base64.b64encode(ticket_for(book, 5)) + b"\n",)), 21)


def said(report: Report, number: int) -> str:
    return next(step.says for step in report.steps if step.number == number)


def limits(book: Book, ticket: bytes) -> str:
    report = check(book.bundle(), tickets=(ticket,))
    assert report.verified
    return " ".join(limit for step in report.steps for limit in step.limits)
