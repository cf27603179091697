"""No pattern repeats a group possessively: before Python 3.11.5 such a match also swallows what its last, failed round had
read (python/cpython#106052), so that what follows is missed.  `(?>(?:...)*)` says the same and is right everywhere."""

import re
from pathlib import Path

import pytest

import caveat
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
