"""The operator keeps two histories: one for the vendor, one for the auditor.  Both are signed as they should be.

What detects it: either of them who sees the other's checkpoint; a witness that both ask for, which cosigns one history only.
Each alone, with no witness and no word between them, sees nothing (docs/trust.md).
"""

from tests.cheats.owner import check, failures, history, remade
from tests.evidence.conftest import Book, with_facts
from tests.ledger.test_witness import AT_S, OFFICE

from caveat.errors import CaveatError
from caveat.ledger.tiles import TreeReader
from caveat.ledger.witness import Request, Seen, consider, cosign
from caveat.note import open_note, parse_note, read_tree_head


def two() -> tuple[Book, Book]:
    vendors = history(6)
    auditors = remade(vendors, range(7))
    auditors.call(with_facts(output_use="public"))
    auditors.day(8)
    return vendors, auditors


def test_each_alone_sees_nothing() -> None:
    for book in two():
        assert check(book.bundle()).verified


def test_the_two_together_see_it() -> None:
    vendors, auditors = two()
    assert "it was rewritten" in failures(check(auditors.bundle(), last=vendors.checkpoint()))[3]


def test_a_witness_cosigns_one_history_only() -> None:
    """The vendor's first; then the auditor's, which does not continue it."""
    vendors, auditors = two()
    first = vendors.checkpoint()
    head, text = consider(Request(0, (), first), Seen(), vendors.keys.verify_keys)
    assert open_note(text + b"\n" + cosign(text, [OFFICE], AT_S), [OFFICE.verify_key]).by
    other = auditors.checkpoint()
    size = read_tree_head(parse_note(other).text).size
    proof = tuple(TreeReader(auditors.source().read, size).consistency(head.size))
    try:
        consider(Request(head.size, proof, other), Seen(head.size, head.root), auditors.keys.verify_keys)
    except CaveatError as declined:
        assert "does not continue" in declined.message
    else:
        raise AssertionError
