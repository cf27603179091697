"""The operator opens a record with another value than the one that was committed to, or with a salt of their choice.

What detects it: a disclosure is hashed as it stands; a salt that does not derive from the record's key does not leave.
"""

import msgspec
import pytest
from tests.cheats.owner import check, failures, history
from tests.evidence.conftest import members, repacked

from caveat.canon import b64url, unb64url


@pytest.mark.parametrize("what", ["value", "salt", "name"])
def test_another_disclosure_is_not_what_was_committed_to(what: str) -> None:
    book = history(2)
    bundle = book.bundle()
    lines = members(bundle)["disclosures.jsonl"].splitlines()
    line = msgspec.json.decode(lines[0])
    salt, name, value = msgspec.json.decode(unb64url(line["d"][0]))
    triple = {"value": [salt, name, {**value, "x": 1}], "salt": ["A" * 22, name, value], "name": [salt, "why", value]}[
        what
    ]
    line["d"][0] = b64url(msgspec.json.encode(triple, order="sorted"))
    lines[0] = msgspec.json.encode(line, order="sorted")
    changed = b"\n".join(lines) + b"\n"
    assert 9 in failures(check(repacked(bundle, book.keys, {"disclosures.jsonl": changed})))
