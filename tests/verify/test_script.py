"""The second verifier as an auditor runs it: one file, by itself, in an interpreter that has nothing of ours.

That it agrees with the first on every bundle and mutation is asserted wherever tests/evidence checks one (conftest.check).
"""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.conftest import OPERATOR, TRUST, VENDOR, Book, check, repacked, terms_of
from tests.evidence.second import PATH, SCRIPT, second_opinion, text_of

from caveat.evidence.manifest import Counts
from caveat.terms.parse import parse_terms
from caveat.terms.samples import sample_terms
from caveat.terms.sign import payload_of, sign_terms

LINES = 1207
"""The aim is 600 (docs/evidence.md says what holds it up); it may become less, never more."""


def imported(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return {name.partition(".")[0] for name in names} | {
        (node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }


def test_it_needs_the_standard_library_and_cryptography_alone() -> None:
    assert imported(ast.parse(PATH.read_text())) - {"cryptography"} <= sys.stdlib_module_names


def test_it_stays_short_enough_to_be_read_whole() -> None:
    """So many lines, none of them wide, no two statements in one: an auditor reads all of what they trust."""
    text = PATH.read_text()
    assert len(text.splitlines()) <= LINES
    assert max(map(len, text.splitlines())) <= 120
    begun = [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
    assert len(begun) == len(set(begun))


def run(tmp_path: Path, bundle: bytes, *more: str) -> tuple[int, str]:
    (tmp_path / "b.zip").write_bytes(bundle)
    (tmp_path / "trust.txt").write_bytes(text_of(TRUST))
    command = [sys.executable, "-I", str(PATH), "b.zip", "trust.txt", *more]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_by_itself(tmp_path: Path) -> None:
    book = Book().found().day()
    first = book.sent()
    book.day(3)
    second = book.sent()
    code, said = run(tmp_path, first)
    first_line, *left = said.splitlines()
    assert (code, first_line) == (0, "verified: records 0 to 26 of log.example.test/caveat, profile audit")
    assert left == [f"not judged here: {what}" for what in SCRIPT.NOT_JUDGED]
    (tmp_path / "first.zip").write_bytes(first)
    (tmp_path / "last").write_bytes(book.exports["vendor"].checkpoint.encode())
    assert run(tmp_path, second, "--after", "first.zip")[0] == 0
    assert run(tmp_path, first, "--last", "last")[0] == 1
    code, said = run(tmp_path, first[:-40] + b"x" + first[-39:])
    assert (code, said[:13]) == (1, "not verified:")


def test_the_sample_terms_are_read_as_they_are_compiled() -> None:
    """Conditions, thresholds, purposes, models and dates come from the signed text by other means than ours."""
    draft = parse_terms(sample_terms())
    trust = {"vendor": [SCRIPT.Key(VENDOR.verify_key.text)], "operator": [SCRIPT.Key(OPERATOR.verify_key.text)]}
    terms = SCRIPT.Terms(sign_terms(draft, VENDOR, OPERATOR).raw, trust, {})
    assert (terms.start, terms.until) == (draft.valid_from_ms, draft.valid_until_ms)
    assert terms.purposes == set(draft.purposes)
    assert terms.models == {model.alias for model in draft.models}
    assert set(terms.clauses) == {clause.id for clause in draft.clauses if clause.when is not None}
    scores = {code: value for code, value in draft.thresholds.items() if value <= 1000}
    assert terms.over(scores) == sorted(scores)
    assert terms.over({code: value - 1 for code, value in scores.items()}) == []
    assert terms.digest == SCRIPT.digest(payload_of(draft))


def test_a_decision_that_was_turned_shows_to_both() -> None:
    """The log's owner adopts stricter terms and goes on deciding under the older ones."""
    book = Book().found()
    book.call()
    old = book.policy
    book.adopt(terms_of(2, "hold"))
    book.policy = old
    book.call()
    report = check(book.bundle())
    assert [step.number for step in report.failed] == [8]
    assert "not in force" in second_opinion(book.bundle(), TRUST)


EMPTY: dict[str, Any] = {"counts": Counts(), "terms": (), "opened": {}}


@pytest.mark.parametrize("field", EMPTY)
def test_a_manifest_that_says_otherwise_shows_to_both(field: str) -> None:
    book = Book().found().day()
    assert not check(repacked(book.bundle(), book.keys, {}, **{field: EMPTY[field]})).verified
