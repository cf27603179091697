"""A party's keys: made once, for their owner alone, shown with a fingerprint that can be read out."""

import re

import pytest
from tests.cli.token import plug_in


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


# --- a party with a repository ---


def ceremony(run, path, *more):
    return run("party", "init", "labs.example", path, "--role", "vendor", *more)


def test_a_ceremony_makes_keys_a_repository_and_a_page(run, tmp_path):
    made = ceremony(run, tmp_path / "labs", "--root-keys", 3, "--root-threshold", 2, "--json").json
    assert (made["root_threshold"], len(made["root_keys"]), made["terms_threshold"]) == (2, 3, 1)
    keys = sorted(file.name for file in (tmp_path / "labs" / "keys").iterdir())
    assert keys == ["root-1.key", "root-2.key", "root-3.key", "terms-1.key"]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in (tmp_path / "labs" / "keys").iterdir())
    page = (tmp_path / "labs" / "ceremony.html").read_text("utf-8")
    assert made["fingerprint"] in page
    assert all(key in page.replace("&#43;", "+") for key in made["root_keys"])
    assert "made in software" in page
    assert "http" not in page.partition("<body>")[2]
    assert run("party", "show", tmp_path / "labs", "--json").json == made
    assert run("party", "hand", tmp_path / "stick", "--party", tmp_path / "labs").code == 0
    assert run("party", "show", tmp_path / "stick", "--json").json["fingerprint"] == made["fingerprint"]
    assert not [file for file in (tmp_path / "stick").rglob("*") if file.is_file() and b"PRIVATE" in file.read_bytes()]


def test_nothing_is_written_over(run, tmp_path):
    ceremony(run, tmp_path / "labs")
    before = {file: file.read_bytes() for file in (tmp_path / "labs").rglob("*") if file.is_file()}
    assert ceremony(run, tmp_path / "labs").code == 2
    assert {file: file.read_bytes() for file in (tmp_path / "labs").rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--root-threshold", 3), "3 of 2 root keys is no threshold"),
        (("--terms-threshold", 2), "2 of 1 terms keys is no threshold"),
    ],
)
def test_a_threshold_that_nobody_can_meet(run, tmp_path, flags, says):
    done = ceremony(run, tmp_path / "labs", *flags)
    assert done.code == 2
    assert says in done.err
    assert not (tmp_path / "labs").exists()


def test_without_a_token_pkcs11_says_so_plainly(run, tmp_path, monkeypatch):
    monkeypatch.delenv("PYKCS11LIB", raising=False)
    done = ceremony(run, tmp_path / "labs", "--pkcs11")
    assert done.code == 3
    assert "no PKCS#11 token can be used here" in done.err
    assert "keys are made in software" in done.err
    assert not (tmp_path / "labs").exists()


def test_a_tokens_library_that_is_not_there_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PYKCS11LIB", str(tmp_path / "none.so"))
    done = ceremony(run, tmp_path / "labs", "--pkcs11")
    assert (done.code, "the PKCS#11 token cannot be used" in done.err) == (3, True)
    assert "set PYKCS11LIB to its library" in done.err
    assert not (tmp_path / "labs").exists()


def test_a_root_key_on_a_token(run, tmp_path, monkeypatch):
    """With SoftHSM or a real token: its key signs the first root and the next, and a wrong PIN is told."""
    plug_in(tmp_path, monkeypatch)
    assert ceremony(run, tmp_path / "labs", "--pkcs11").code == 0
    assert [file.name for file in sorted((tmp_path / "labs" / "keys").iterdir())] == ["root-2.key", "terms-1.key"]
    assert "on a PKCS#11 token" in (tmp_path / "labs" / "ceremony.html").read_text("utf-8")
    party = ("--party", tmp_path / "labs")
    assert run("party", "rotate", *party, "--root-threshold", 2).code == 0
    monkeypatch.setenv("CAVEAT_PIN", "0000")
    wrong = run("party", "rotate", *party, "--root-threshold", 1)
    assert (wrong.code, "could not sign" in wrong.err) == (3, True)


@pytest.mark.parametrize("kind", ["ed25519", "ml-dsa-65"])
def test_keys_rotate_under_enough_root_keys(run, tmp_path, kind):
    first = ceremony(run, tmp_path / "labs", "--root-kind", kind, "--terms-keys", 2, "--json").json
    party = ("--party", tmp_path / "labs")
    second = run("party", "rotate", *party, "--replace", "terms-2", "--terms-threshold", 2, "--json").json
    assert (second["root"], second["terms_threshold"]) == (2, 2)
    assert first["terms_keys"][0] in second["terms_keys"]
    assert first["terms_keys"][1] not in second["terms_keys"]
    third = run("party", "rotate", *party, "--replace", "root-1", "--json").json
    assert (third["root"], third["root_keys"] != second["root_keys"]) == (3, True)
    assert run("party", "renew", *party, "--days", 30, "--json").code == 0
    assert run("party", "show", tmp_path / "labs", "--json").json["root"] == 3


def test_a_root_key_in_a_safe_is_missed_and_brought(run, tmp_path):
    ceremony(run, tmp_path / "labs", "--root-keys", 2, "--root-threshold", 2)
    safe = tmp_path / "safe.key"
    (tmp_path / "labs" / "keys" / "root-2.key").rename(safe)
    party = ("--party", tmp_path / "labs")
    without = run("party", "rotate", *party, "--terms-threshold", 1)
    assert without.code == 1
    assert "1 of 2 keys of the new root have signed" in without.err
    assert "labs.example/root-2" in without.err
    assert run("party", "rotate", *party, "--terms-threshold", 1, "--key", safe).code == 0
    assert run("party", "rotate", *party, "--replace", "terms-9").code == 2


def test_the_fingerprint_is_typed_by_a_person_or_given(run, tmp_path):
    ceremony(run, tmp_path / "labs")
    run("party", "init", "ministry.example", tmp_path / "ministry", "--role", "operator")
    said = run("party", "show", tmp_path / "labs", "--json").json["fingerprint"]
    party = ("--party", tmp_path / "ministry")
    other = tmp_path / "labs" / "repository"
    wrong = run("party", "meet", other, *party, "--fingerprint", said[::-1])
    assert (wrong.code, "nothing is trusted" in wrong.err) == (1, True)
    assert run("party", "meet", other, *party, stdin=b"\n").code == 1
    typed = run("party", "meet", other, *party, stdin=said.encode() + b"\n")
    assert typed.code == 0
    assert "call labs.example on a number that you knew before" in typed.out
    assert run("party", "meet", other, *party, "--fingerprint", said).code == 2


# --- from a bare key to a repository ---


def test_a_vendor_goes_over_to_a_repository_under_the_same_terms(run, home, tmp_path):
    """The sample terms were signed with a bare key; its word, and nothing else, lets a repository stand in its place."""
    labs, bare = tmp_path / "labs", home / "keys" / "party-example-labs.sample"
    read_out = ceremony(run, labs, "--json").json["fingerprint"]
    move = tmp_path / "move.json"
    made = run("party", "move", "--from", bare, "--party", labs, "--out", move)
    assert f"next: the operator runs `caveat party trust REPOSITORY --moved {move}`" in made.out
    trust = ("party", "trust", labs, "--home", home, "--fingerprint", read_out)
    assert run(*trust, "--json").json["moved"] == []
    stranger = tmp_path / "stranger.json"
    run("party", "init", "stranger.example", tmp_path / "key")
    run("party", "move", "--from", tmp_path / "key", "--party", labs, "--out", stranger)
    refused = run(*trust, "--moved", stranger)
    assert (refused.code, "no key that this home trusts has signed this move" in refused.err) == (1, True)
    assert run(*trust, "--moved", move, "--json").json["moved"] == ["institutional-use"]
    assert run(*trust, "--moved", move).code == 1
    operator = run("party", "init", "ministry.example", tmp_path / "ministry", "--role", "operator")
    assert operator.code == 0
    wrong = run("party", "move", "--from", bare, "--party", tmp_path / "ministry", "--out", tmp_path / "no.json")
    assert (wrong.code, "needs no such word" in wrong.err) == (2, True)


def test_a_person_is_named_under_the_partys_own_root(run, home, tmp_path):
    labs = tmp_path / "labs"
    read_out = ceremony(run, labs, "--json").json["fingerprint"]
    vkey = run("party", "init", "vera", tmp_path / "vera", "--json").json["vkey"]
    name = ("waiver", "approver", "name", "vera", "--vkey", vkey)
    file = tmp_path / "vera.json"
    assert "approves for the vendor" in run(*name, "--party", labs, "--out", file).out
    early = run("waiver", "approver", "add", file, "--home", home)
    assert early.code == 1
    run("party", "trust", labs, "--home", home, "--fingerprint", read_out)
    assert run("waiver", "approver", "add", file, "--home", home).code == 0
    (one,) = run("waiver", "approver", "list", "--home", home, "--json").json["approvers"]
    assert (one["side"], one["by"][0], one["root"]) == ("vendor", "labs.example", one["by"][-1])
    for more in (("--party", labs, "--side", "operator"), ("--party", labs, "--key", tmp_path / "vera"), ()):
        assert run(*name, *more, "--out", tmp_path / "other.json").code == 2
