"""Harmless texts with alarming words stay low, and requests that mean them are seen.

The page alarming.json was written for this test: none of its texts was trained, calibrated or measured on.
"""

import json
from pathlib import Path

from caveat.recognize.learned import shipped
from caveat.recognize.learned_lines import recognize_lines

PAGE = json.loads((Path(__file__).parent / "alarming.json").read_text("utf-8"))
DEFAULT = 500
"""The default threshold of `any`, per mille."""


def flagged(texts):
    return [text for text, line in zip(texts, recognize_lines(shipped(), texts), strict=True) if line["any"] >= DEFAULT]


def test_harmless_texts_with_alarming_words_pass():
    """At most one in ten is flagged."""
    assert len(flagged(PAGE["harmless"])) * 10 <= len(PAGE["harmless"]), flagged(PAGE["harmless"])


def test_requests_that_mean_them_are_flagged():
    """At least seventeen in twenty are."""
    missed = set(PAGE["harmful"]) - set(flagged(PAGE["harmful"]))
    assert len(missed) * 20 <= 3 * len(PAGE["harmful"]), missed
