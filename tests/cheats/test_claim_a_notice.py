"""The operator records that the notice stands under a machine-made text, and leaves it out.

What detects it: the duty stands in the decision, and what was done about it, with the digest of the answer that left, in the
outcome's commitment `duties`; whoever received the answer can have it opened and compare.  Without the receiver's answer
nothing here can tell what left (docs/trust.md).
"""

from tests.cheats.owner import admits, check, failures, history
from tests.evidence.conftest import with_facts

from caveat import record


def test_a_duty_that_is_left_out_of_the_decision_shows() -> None:
    """To owe nothing on record, the decision must lose the duty: then it does not follow from the facts."""
    import msgspec

    from caveat.decide.decide import able, decide

    book = history(2)
    facts = with_facts(output_use="public")
    decision = able(decide(book.policy, facts), {"label.output"})
    assert [duty.name for duty in decision.duties] == ["label.output"]
    book.settle(book.open(facts, msgspec.structs.replace(decision, duties=())))
    assert "its duties should be" in failures(check(book.bundle()))[10]


def test_a_claim_is_bound_to_the_bytes_that_left() -> None:
    """The answer's keyed digest is committed: bytes without the notice have another."""
    key = b"7" * 32
    said = record.body_digest(b"Hello.\n\nWritten by a machine.", key)
    assert record.body_digest(b"Hello.", key) != said
    admits("a notice that was claimed and not placed")
