"""No pattern repeats a group possessively: before Python 3.11.5 such a match also swallows what its last, failed round had
read (python/cpython#106052), so that what follows is missed.  `(?>(?:...)*)` says the same and is right everywhere, but
remembers each round, so `repeat.all_of` writes it only there."""

import re
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import caveat
from caveat.recognize import decode, personal, spelling
from caveat.recognize.secret_forms import FORMS

ROOT = Path(caveat.__file__).parent
GROUP = re.compile(r"\)(?:[*+?]|\{\d+,?\d*\})\+")
TO_THE_END = {"wire/body.py": 1}
"""Where what is swallowed is the end of a body that is no JSON."""


def test_no_group_is_repeated_possessively():
    found = {
        str(path.relative_to(ROOT)): len(GROUP.findall(path.read_text("utf-8")))
        for path in ROOT.rglob("*.py")
        if "re.compile" in (text := path.read_text("utf-8")) and GROUP.search(text)
    }
    assert found == TO_THE_END


@pytest.mark.parametrize("inside", ["MIIB", "MI-IB", "-MIIB-", "M-I\n-B\n"])
def test_a_private_key_is_seen_whole_whatever_dashes_it_holds(inside):
    key = f"-----BEGIN PRIVATE KEY-----\n{inside}\n-----END PRIVATE KEY-----"
    assert any(match[0] == key for form in FORMS for match in form.pattern.finditer(f"Here: {key} there"))


LONG: dict[str, tuple[re.Pattern[Any], Any]] = {
    "digits": (personal._PIECE, "0123456789" * 100_000),
    "digits apart": (personal._PIECE, "1 " * 500_000),
    "letters apart": (spelling._SPACED_RUN, "a " * 500_000),
    "hex": (decode._HEX_RUN, b"hh " * 300_000),
    "escapes": (decode._ESCAPES, "%41" * 300_000),
}


@pytest.mark.skipif(sys.version_info < (3, 11, 5), reason="there a round can only be repeated right by remembering it")
@pytest.mark.parametrize("name", LONG)
def test_a_long_run_is_not_remembered_round_by_round(name):
    pattern, text = LONG[name]
    tracemalloc.start()
    try:
        assert len([match.end() for match in pattern.finditer(text)]) == 1
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
