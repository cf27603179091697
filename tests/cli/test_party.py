"""A party's keys: made once, for their owner alone, shown with a fingerprint that can be read out."""

import re

import pytest


def test_a_key_is_made_for_its_owner_alone_and_shown_again(run, tmp_path):
    file = tmp_path / "labs.key"
    made = run("party", "init", "example-labs.example/terms", file, "--json").json
    assert file.stat().st_mode & 0o777 == 0o600
    assert run("party", "show", file, "--json").json == made
    assert re.fullmatch(r"([0-9a-f]{4} ){7}[0-9a-f]{4}", made["fingerprint"])
    shown = run("party", "show", file).out
    assert made["vkey"] in shown
    assert made["fingerprint"] in shown
    assert file.read_text().strip() not in shown


def test_a_key_is_not_written_over(run, tmp_path):
    file = tmp_path / "labs.key"
    run("party", "init", "labs.example", file)
    before = file.read_bytes()
    assert run("party", "init", "labs.example", file).code == 2
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff\xfe", bytes(10_000)])
def test_what_is_no_key_is_told_without_its_words(run, tmp_path, content):
    file = tmp_path / "file"
    file.write_bytes(content)
    told = run("party", "show", file)
    assert told.code == 2
    assert "Traceback" not in told.err


def test_a_name_that_no_key_may_have(run, tmp_path):
    assert run("party", "init", "two words", tmp_path / "k").code == 2
    assert not (tmp_path / "k").exists()
