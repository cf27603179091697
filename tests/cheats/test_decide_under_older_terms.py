"""The operator adopts stricter terms, as agreed, and goes on deciding under the older ones.

What detects it: each record names the pair it was decided under; one that was not in force at its place is found, and so is a
decision made under the old clauses and said to be of the new.
"""

import msgspec
from tests.cheats.owner import check, failures, history
from tests.evidence.conftest import terms_of, with_facts


def test_the_older_pair_is_named() -> None:
    book = history(2)
    old = book.policy
    book.adopt(terms_of(2, "hold"))
    book.policy = old
    book.call()
    assert "which were not in force there" in failures(check(book.bundle(profile="none")))[8]


def test_the_newer_pair_is_named_and_the_older_one_applied() -> None:
    book = history(2)
    old = book.policy
    book.adopt(terms_of(2, "hold"))
    cyber = with_facts(hazards_in=("x_cyb",))
    from caveat.decide.decide import decide

    decision = msgspec.structs.replace(decide(old, cyber), terms=book.policy.terms.digest)
    book.settle(book.open(cyber, decision))
    assert "the decision does not follow" in failures(check(book.bundle()))[10]
