"""The operator commits to values of a shape that no gateway writes, and opens them: to make a verifier stumble and say nothing.

What detects it: each value is read as what it must be; a verifier never ends without a verdict.
"""

import io
from typing import Any

import pytest
from tests.cheats.owner import check, failures, history, leaf_of
from tests.evidence.conftest import FACTS, GATEWAY, TRUST, Book

from caveat import record
from caveat.canon import b64url
from caveat.decide.decide import decide
from caveat.evidence.report_page import verify_with_page
from caveat.evidence.view import release_view
from caveat.facts import grouped
from caveat.ledger.log import Entry
from caveat.record import Aside, commitment
from caveat.record.commit import derived
from caveat.record.leaf import encode

NAMES = ("who", "why", "content", "reply", "decision", "request", "answer", "duties", "upstream")
NONSENSE: dict[str, Any] = {
    "null": None,
    "a number": 7,
    "a list": [[]],
    "a text": "</script><script>alert(1)</script>",
    "a list of texts": ["label.output"],
    "nothing in it": {},
    "lists in it": {"verdict": [], "rule": {}, "duties": {}, "waived": 1, "purpose": [], "clauses": 1, "hmac": []},
    "duties that are none": {"verdict": "allow", "duties": [1, None, {}]},
    "a large number": {"pm": {"x_cyb": 2**63 + 1}, "chars_left": 2**63},
}


def written(head: record.Head, clear: dict[str, Any], hidden: dict[str, Any]) -> Entry:
    """A record with these values, salted and committed to as any other."""
    opens = tuple(b64url(encode([b64url(derived(head.key, name)[:16]), name, value])) for name, value in hidden.items())
    leaf = {"v": 1, **clear, "c": {name: commitment(d) for name, d in zip(hidden, opens, strict=True)}}
    return Entry(encode(leaf), encode(Aside(head.key.hex(), opens)))


def spoilt(name: str, value: Any) -> Book:
    """A log with a call of which one value is that."""
    book = history(2)
    first, second = book.head(), book.head()
    decision = decide(book.policy, FACTS)
    request: Any = {"dialect": "openai_chat", "model": "any", **record.body_digest(b"draft", first.key)}
    hidden: dict[str, Any] = {
        "decision": decision,
        "request": request,
        **{str(k): v for k, v in grouped(FACTS).items()},
    }
    after: dict[str, Any] = {"answer": {"chars_left": 1}, "reply": record.reply_facts(FACTS), "decision": decision}
    hidden |= {name: value} if name not in {"reply", "answer", "duties", "upstream"} else {}
    after |= {name: value} if name in {"reply", "answer", "duties", "upstream", "decision"} else {}
    terms = book.policy.terms.digest
    at = book.append(
        written(first, {"k": "opened", "call": "a" * 32, "g": GATEWAY, "t": first.at_ms, "terms": terms}, hidden)
    )
    clear = {
        "k": "settled",
        "call": "a" * 32,
        "g": GATEWAY,
        "t": second.at_ms,
        "terms": terms,
        "o": "completed",
        "at": at,
    }
    book.append(written(second, clear, after))
    assert leaf_of(book, at).k == "opened"
    return book


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_verdict(name: str, kind: str) -> None:
    """From both verifiers the same; the page and the release view come out whole too."""
    bundle = spoilt(name, NONSENSE[kind]).bundle()
    report = check(bundle)
    if name in {"who", "why", "content", "reply", "decision"}:
        assert failures(report).keys() & {5, 10, 11}, report.sentences()
    if name in {"who", "why", "content", "decision", "request"} and not isinstance(NONSENSE[kind], dict):
        assert f"what it committed to as `{name}` is none" in failures(report)[5]
    again, html = verify_with_page(io.BytesIO(bundle), TRUST)
    assert again == report
    assert "<script>alert" not in html
    assert all(line.isascii() for line in release_view(io.BytesIO(bundle)))
