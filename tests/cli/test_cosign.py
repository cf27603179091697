"""Two of three keys, on three machines: each holder signs at home, and sees what."""

import json
from typing import ClassVar

import pytest
from tests.cli.test_talking import Table


class Held(Table):
    """The ministry's three terms keys are on three machines; its directory keeps the first."""

    options: ClassVar = {"ministry": ("--terms-keys", 3, "--terms-threshold", 2)}

    def __init__(self, run, folder):
        super().__init__(run, folder)
        self.keys = {n: folder / f"machine-{n}.key" for n in (2, 3)}
        for number, key in self.keys.items():
            (folder / "ministry" / "keys" / f"terms-{number}.key").rename(key)


@pytest.fixture
def held(run, tmp_path):
    return Held(run, tmp_path)


def test_a_step_is_signed_by_two_holders_on_two_machines(held, run, tmp_path):
    held.say("labs", "offer", tmp_path / "office.yaml")
    alone = held.say("ministry", "accept")
    assert alone.code == 1
    assert "1 of 2 terms keys have signed" in alone.err
    assert "--pending" in alone.err
    file = tmp_path / "pending.json"
    begun = held.say("ministry", "accept", "--pending", file, "--note", "Good.")
    assert "nothing is published yet" in begun.out
    assert held.state("--json").json["talks"][0]["state"] == "OFFERED"
    early = run("party", "publish", file, "--party", tmp_path / "ministry")
    assert (early.code, "1 of 2 terms keys have signed" in early.err) == (1, True)
    signed = run("party", "cosign", file, "--key", held.keys[3])
    assert "accept of institutional-use@1 by the operator, Good." in signed.out
    assert "bears 2 of 2 signatures" in signed.out
    done = run("party", "publish", file, "--party", tmp_path / "ministry", "--to", tmp_path / "stick" / "ministry")
    assert done.code == 0
    assert held.state("--json").json["talks"][0]["state"] == "ACCEPTED"
    assert run("party", "renew", "--party", tmp_path / "ministry", "--key", held.keys[2]).code == 0
    late = run("party", "publish", file, "--party", tmp_path / "ministry")
    assert (late.code, "older than what was seen" in late.err) == (1, True)


def test_terms_are_signed_elsewhere_and_then_agreed_to(held, run, tmp_path):
    held.say("labs", "offer", tmp_path / "office.yaml")
    held.say("ministry", "accept", "--key", held.keys[2])
    held.say("labs", "agree")
    alone = held.say("ministry", "agree", "--pending", tmp_path / "p.json")
    assert "1 of our terms keys have signed, and it takes 2" in alone.err
    assert "--signed" in alone.err
    out = tmp_path / "out"
    run("terms", "state", tmp_path / "ministry", "--theirs", tmp_path / "stick" / "labs", "--out", out)
    agreed = out / "institutional-use-1.signed.json"
    assert run("terms", "sign", agreed, "--key", held.keys[3]).code == 0
    file = tmp_path / "pending.json"
    assert held.say("ministry", "agree", "--signed", agreed, "--pending", file, "--json").json["threshold"] == 2
    assert run("party", "cosign", file, "--key", held.keys[2], "--json").json["unsigned"] == [
        "ministry.example/terms-3" + _id(held.keys[3], run)
    ]
    assert (
        run("party", "publish", file, "--party", tmp_path / "ministry", "--to", tmp_path / "stick" / "ministry").code
        == 0
    )
    assert held.say("labs", "finalize").code == 0
    assert held.state("--json").json["talks"][0]["state"] == "FINALIZED"


def _id(file, run):
    vkey = run("party", "show", file, "--json").json["vkey"]
    return "+" + vkey.split("+")[1]


def test_what_others_cannot_sign_or_publish(held, run, tmp_path):
    held.say("labs", "offer", tmp_path / "office.yaml")
    file = tmp_path / "pending.json"
    held.say("ministry", "accept", "--pending", file)
    strange = run("party", "cosign", file, "--key", tmp_path / "labs" / "keys" / "terms-1.key")
    assert (strange.code, "none of these keys" in strange.err) == (2, True)
    value = json.loads(file.read_bytes())
    path = next(iter(value["files"]))
    broken = {
        "another file": {**value, "files": {path: "YQ=="}},
        "a file that the list does not name": {**value, "files": {"talks/x.json": "YQ=="}},
        "a list cut short": {**value, "targets": value["targets"][:-9]},
        "no root": {**value, "root": "{}"},
        "no such key": {"caveat_pending": 1},
    }
    for name, changed in broken.items():
        file.write_text(json.dumps(changed))
        done = run("party", "cosign", file, "--key", held.keys[3])
        assert done.code in (1, 2), name
        assert "nobody foresaw" not in done.err, name
