"""The operator keeps two histories: one for the vendor, one for the auditor, both signed with the one key of the log.

What detects it: each of the two, against the other's checkpoint; a witness that both trust, which cosigns one of them; the two
checkpoints alone, for they are signed.  Not detected, as long as the two outsiders never compare and trust no witness.
"""

import pytest
from tests.cheats.owner import admits, check, failures, history
from tests.evidence.conftest import (
    NOW_MS,
    TRUST,
    Book,
    log_keys,
    outcomes,
    repacked,
    seeded,
    trust_text,
    with_facts,
)

from caveat.evidence.trust import read_trust
from caveat.keys import KeyKind, SigningKey
from caveat.ledger.tiles import TreeReader
from caveat.ledger.witness import Declined, Request, Seen, consider, cosign
from caveat.note import open_note, parse_note, read_tree_head, sign_note

ATTACK = with_facts(hazards_in=("x_cyb",))
WITNESS = seeded("office.test", "witness", KeyKind.COSIGN)
WITNESSED = read_trust(trust_text(log_keys(), f"witness office {WITNESS.verify_key.text}", "quorum office").encode())


@pytest.fixture
def both() -> tuple[Book, Book]:
    """The same beginning, then a call that one of the two is shown as a harmless one."""
    shown, kept = history(6), history(6)
    shown.call()
    kept.call(ATTACK)
    return shown.day(6), kept.day(6)


def test_each_alone_verifies(both: tuple[Book, Book]) -> None:
    """So nothing shows to two who never compare."""
    for book in both:
        first = book.sent()
        book.day(3)
        assert check(book.sent(), after=first).verified
    admits("to whom the operator shows which history, as long as they never compare checkpoints")


def test_against_the_others_checkpoint(both: tuple[Book, Book]) -> None:
    shown, kept = both
    shown.day(3)
    assert "it was rewritten" in failures(check(shown.bundle(), last=kept.checkpoint()))[3]
    assert 3 in failures(check(kept.bundle(), last=shown.checkpoint()))


def cosigned(book: Book, *more: SigningKey) -> bytes:
    """A bundle whose checkpoint a witness has cosigned."""
    text = open_note(book.checkpoint(), book.keys.verify_keys).text
    return repacked(
        book.bundle(), book.keys, {"checkpoint": sign_note(text, [*book.keys.signing, *more], NOW_MS // 1000)}
    )


def test_with_a_witness_that_both_trust(both: tuple[Book, Book]) -> None:
    """It cosigns what continues what it cosigned before, so one of the two histories lacks its line."""
    shown, kept = both
    report = check(cosigned(shown, WITNESS), WITNESSED)
    assert report.verified
    assert outcomes(report)[2] == "proved"
    assert "the quorum `office` of your trust file has not cosigned it" in failures(check(cosigned(kept), WITNESSED))[2]
    forged = SigningKey(WITNESS.name, bytes(range(32)), KeyKind.COSIGN)
    assert "quorum `office`" in failures(check(cosigned(kept, forged), WITNESSED))[2]


def test_without_a_witness_it_is_said_that_it_is_not_shown(both: tuple[Book, Book]) -> None:
    (limit,) = check(both[0].bundle(), TRUST).steps[1].limits
    assert "that the log shows the same history to everyone" in limit


def test_what_a_witness_does_with_the_second(both: tuple[Book, Book]) -> None:
    """The vendor's first; then the auditor's, which does not continue it."""
    vendors, auditors = both
    first = vendors.checkpoint()
    head, text = consider(Request(0, (), first), Seen(), vendors.keys.verify_keys)
    assert open_note(text + b"\n" + cosign(text, [WITNESS], NOW_MS // 1000), [WITNESS.verify_key]).by
    other = auditors.checkpoint()
    with pytest.raises(Declined, match="has forked"):
        consider(Request(head.size, (), other), Seen(head.size, head.root), auditors.keys.verify_keys)
    longer = auditors.day(3).checkpoint()
    size = read_tree_head(parse_note(longer).text).size
    proof = tuple(TreeReader(auditors.source().read, size).consistency(head.size))
    with pytest.raises(Declined, match="does not continue"):
        consider(Request(head.size, proof, longer), Seen(head.size, head.root), auditors.keys.verify_keys)
