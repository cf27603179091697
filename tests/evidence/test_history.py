"""Which terms were in force when."""

import msgspec
import pytest
from tests.evidence.conftest import OPERATOR, VENDOR, Book, terms_of

from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.evidence.history import History
from caveat.evidence.manifest import InForce
from caveat.record import read_leaf
from caveat.terms.document import SignedTerms
from caveat.terms.sign import open_terms

TRUST = {"vendor": [VENDOR.verify_key], "operator": [OPERATOR.verify_key]}
FIRST, SECOND = (open_terms(SignedTerms(terms_of(version)), TRUST).digest for version in (1, 2))


def history(book: Book) -> History:
    made = History()
    for index, entry in enumerate(book.entries):
        leaf = read_leaf(entry.leaf)
        made.add(index, leaf, book.documents[leaf.doc] if leaf.doc else b"")
    return made


def test_terms_are_in_force_from_the_record_that_adopts_them() -> None:
    made = history(Book().found())
    assert made.in_force(FIRST)
    assert made.spans(0, 5) == (InForce("office", FIRST, 4),)
    assert made.spans(0, 4) == ()
    assert made.terms[FIRST].draft.name == "office@1"
    assert made.documents[FIRST] == digest(terms_of(1))


def test_new_terms_end_the_old_ones() -> None:
    made = history(Book().found().adopt(terms_of(2)))
    assert (made.in_force(FIRST), made.in_force(SECOND)) == (False, True)
    assert made.spans(0, 9) == (InForce("office", FIRST, 4, 5), InForce("office", SECOND, 5))
    assert made.spans(5, 9) == (InForce("office", SECOND, 5),)


def test_ended_terms_are_not_in_force_but_known() -> None:
    book = Book().found()
    book.control("terms.ended", "office")
    made = history(book)
    assert not made.in_force(FIRST)
    assert made.terms[FIRST].digest == FIRST
    assert made.spans(0, 9) == (InForce("office", FIRST, 4, 5),)
    assert made.spans(5, 9) == ()


def test_the_same_terms_adopted_again_go_on() -> None:
    assert history(Book().found().adopt(terms_of(1))).spans(0, 9) == (InForce("office", FIRST, 4),)


def test_what_does_not_fold_leaves_it_as_it_was() -> None:
    book = Book().found()
    made = history(book)
    before = made.register
    leaf = msgspec.structs.replace(read_leaf(book.entries[4].leaf), doc=digest(b"{}"))
    with pytest.raises(NotVerified):
        made.add(5, leaf, b"{}")
    assert made.register == before
    assert made.spans(0, 9) == (InForce("office", FIRST, 4),)
