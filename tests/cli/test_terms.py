"""Terms by hand: read, checked, signed by two, put in force, compared, ended."""

import json

import pytest

from caveat.terms.samples import sample_terms


@pytest.fixture
def parties(run, tmp_path):
    """Two parties' key files, and their verify keys."""
    made = {}
    for role in ("vendor", "operator"):
        file = tmp_path / f"{role}.key"
        made[role] = (file, run("party", "init", f"{role}.example/terms", file, "--json").json["vkey"])
    return made


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "terms.yaml"
    path.write_bytes(sample_terms())
    return path


@pytest.fixture
def signed(run, text, parties):
    assert run("terms", "sign", text, "--key", parties["vendor"][0]).code == 0
    made = text.with_suffix(".signed.json")
    assert run("terms", "sign", made, "--key", parties["operator"][0], "--json").json["file"] == str(made)
    return made


def test_the_sample_terms_can_be_had_as_a_file(run):
    assert "institutional-use" in run("terms", "sample").out
    assert run("terms", "sample", "institutional-use").out == sample_terms().decode()
    assert run("terms", "sample", "nothing").code == 2
    assert run("terms", "sample", "institutional-use", "--json").json["yaml"] == sample_terms().decode()
    assert run("terms", "sample", "--json").json["samples"] == ["institutional-use"]


def test_lint_of_the_sample_terms_finds_no_error(run, text):
    assert run("terms", "lint", text).code == 0
    assert run("terms", "lint", text, "--json").json["errors"] == 0


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ('Purpose::"drafting"', 'Purpose::"draughting"', "draughting"),
        ("effect: permit", "effect: allow", "allow"),
        ("context.labelRank <= 4\n", "context.labelRnk <= 4\n", "labelRnk"),
        ("languages: [en, fr]", "languages: [en, de]", "`fr`"),
        ("\nid: institutional-use", "\nid: [", ""),
    ],
)
def test_a_slip_is_told_with_its_line(run, text, before, after, word):
    raw = sample_terms().decode()
    assert before in raw
    text.write_text(raw.replace(before, after, 1))
    for verb in ("lint", "show"):
        told = run("terms", verb, text)
        assert told.code == 2
        assert word in told.err
        assert "line" in told.err or "terms.yaml:" in told.err or ":" in told.err
    assert run("terms", "lint", text, "--json").json["error"] == "BadInput"


def test_show_prints_each_clause_with_its_sentence_and_the_coverage(run, text):
    shown = run("terms", "show", text).out
    assert "No weapon selects or engages a target" in " ".join(shown.split())
    assert "Coverage of" in shown
    french = run("terms", "show", text, "--language", "fr").out
    assert "Aucune arme ne choisit" in " ".join(french.split())
    coverage = run("terms", "show", text, "--json").json["terms"][0]["coverage"]
    assert set(coverage) == {"enforced", "recorded", "promised"}


def test_both_sign_and_anyone_can_check(run, signed, parties):
    keys = ("--vendor", parties["vendor"][1], "--operator", parties["operator"][1])
    told = run("terms", "verify", signed, *keys, "--json").json
    assert set(told["signatures"]) == {"vendor", "operator"}
    assert told["digest"].startswith("sha256:")
    swapped = ("--vendor", parties["operator"][1], "--operator", parties["vendor"][1])
    assert run("terms", "verify", signed, *swapped).code in {0, 1}
    one = ("--vendor", parties["vendor"][1], "--operator", parties["vendor"][1])
    assert run("terms", "verify", signed, *one).code == 1
    envelope = json.loads(signed.read_text())
    envelope["signatures"].pop()
    signed.write_text(json.dumps(envelope))
    assert run("terms", "verify", signed, *keys).code == 1


def test_two_parties_of_ones_own_found_a_home_and_change_its_terms(run, tmp_path, signed, parties):
    home = tmp_path / "own"
    keys = ("--vendor", parties["vendor"][1], "--operator", parties["operator"][1])
    assert run("init", "--home", home, *keys, "--json").code == 0
    assert "no terms are in force" in run("terms", "show", "--home", home).out
    adopted = run("terms", "adopt", signed, "--home", home, "--json").json
    assert adopted["adopted"] == "institutional-use@1"
    assert "institutional-use@1" in run("terms", "show", "--home", home).out
    assert run("terms", "end", "institutional-use", "--home", home, "--json").json["ended"] == "institutional-use"
    assert run("terms", "end", "institutional-use", "--home", home).code == 2
    assert "no terms are in force" in run("terms", "show", "--home", home).out


def test_terms_of_strangers_are_not_adopted(run, home, signed):
    told = run("terms", "adopt", signed, "--home", home)
    assert (told.code, told.out) == (1, "")
    assert run("terms", "adopt", signed, "--home", home, "--json").json["error"] == "NotVerified"


def test_diff(run, text, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_bytes(sample_terms().replace(b"labelRank > 4", b"labelRank > 3"))
    assert "marking.ceiling" in run("terms", "diff", text, other).out
    assert "marking.ceiling wider: it holds of more requests" in run("terms", "diff", text, other).out
    assert run("terms", "diff", text, other, "--json").json["directions"]["marking.ceiling"] == "wider"
    assert run("terms", "diff", text, text).out == "both say the same\n"
    assert run("terms", "diff", text, other, "--json").json["clauses"][0]["id"] == "marking.ceiling"


def test_files_that_are_not_there(run, tmp_path, home):
    for words in (("lint",), ("show",), ("adopt", "--home", home)):
        told = run("terms", words[0], tmp_path / "no.yaml", *words[1:])
        assert told.code == 2
        assert "there is no file" in told.err
