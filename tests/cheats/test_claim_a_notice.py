"""The operator records that the notice stands under a machine-made text, and leaves it out.

What detects it: the duty stands in the decision, and what was done about it, with the digest of the answer that left, in the
outcome's commitment `duties`.  A kept reply that is opened on site must bear every notice that was claimed; where no body was
kept, whoever received the answer can have it opened and compare, and nobody else can tell what left (docs/trust.md).
"""

import msgspec
from tests.cheats.owner import admits, check, failures, history
from tests.evidence.conftest import with_facts

from caveat import record
from caveat.decide.decide import able, decide
from caveat.wire.reply import Usage


def test_a_duty_that_is_left_out_of_the_decision_shows() -> None:
    """To owe nothing on record, the decision must lose the duty: then it does not follow from the facts."""
    book = history(2)
    facts = with_facts(output_use="public")
    decision = able(decide(book.policy, facts), {"label.output"})
    assert [duty.name for duty in decision.duties] == ["label.output"]
    book.settle(book.open(facts, msgspec.structs.replace(decision, duties=())))
    assert "its duties should be" in failures(check(book.bundle()))[10]


def test_a_claim_alone_is_believed() -> None:
    """Not detected in a bundle: the duty is said to be done, and the answer's digest is one of bytes without the notice."""
    book = history(2)
    facts = with_facts(output_use="public")
    index, head, decision, facts = book.open(facts)
    after = decide(book.policy, msgspec.structs.replace(facts, stage="reply"))
    hidden = {
        "answer": {"chars_left": 6, **record.body_digest(b"Hello.", head.key)},
        "duties": [{"duty": "label.output", "done": {"notices": 1, "header": True}}],
        "reply": record.reply_facts(facts),
        "decision": after,
    }
    second = msgspec.structs.replace(book.head(), call=head.call)
    book.append(record.settled(second, record.Opening(index, decision.terms), "completed", Usage(3, 3), hidden))
    assert check(book.bundle()).verified
    admits("where none was kept, the committed digest of the answer tells")


def test_a_claim_is_bound_to_the_bytes_that_left() -> None:
    """The answer's keyed digest is committed: bytes without the notice have another."""
    key = b"7" * 32
    said = record.body_digest(b"Hello.\n\nWritten by a machine.", key)
    assert record.body_digest(b"Hello.", key) != said
    admits("A notice that was claimed and not placed")
