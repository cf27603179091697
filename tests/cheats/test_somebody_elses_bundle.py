"""The operator sends the vendor a bundle of another log: a quiet one, kept for show.

What detects it: keys come from the trust file alone; a log of the same name has another key; a sequence is of one receiver.
"""

from tests.cheats.owner import admits, check, failures, history
from tests.evidence.conftest import ORIGIN, Book, log_keys, seeded, trust_text

from caveat.evidence.trust import read_trust


def test_a_log_of_another_key_is_not_trusted() -> None:
    show = Book(log_keys("for show")).found().day(4)
    assert failures(check(show.bundle())) == {1: "no signature on the note is by a trusted key"}
    assert check(show.bundle(), read_trust(trust_text(log_keys("for show")).encode())).verified


def test_the_auditors_bundle_is_not_the_vendors() -> None:
    book = history(3)
    vendors = book.sent("vendor")
    book.day(2)
    book.sent("auditor")
    book.day(2)
    assert "another sequence" in failures(check(book.sent("auditor"), after=vendors))[16]


def test_without_ones_own_bundle_before_the_name_is_all_there_is() -> None:
    """It is in the signed manifest, and the step says it: somebody has to read it."""
    says = next(step.says for step in check(history(3).sent("auditor")).steps if step.number == 16)
    assert says == "it is the first bundle for `auditor`"
    admits("the name of the receiver is all there is: read it")


def test_of_another_site() -> None:
    elsewhere = read_trust(f"log {seeded('elsewhere.test/log', 'e').verify_key.text}\nquorum none\n".encode())
    assert failures(check(history(2).bundle(), elsewhere)) == {1: f"your trust file names no log called `{ORIGIN}`"}
