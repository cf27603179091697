"""Evidence by hand: numbered bundles, made again, looked at before they leave, verified one behind the other."""

import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from tests.gateway.running import HEAD, running, upstream_text

from caveat.evidence.guarded import write_guarded
from caveat.gateway.home.directory import open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.proof.guarding import day_of
from caveat.ledger.reader import LedgerReader


@pytest.fixture
def trust(run, home, tmp_path):
    assert run("evidence", "trust", tmp_path / "trust.txt", "--home", home).code == 0
    return tmp_path / "trust.txt"


def export(run, home, path, *words):
    ran = run("evidence", "export", path, "--home", home, *words)
    assert ran.code == 0, ran.err
    return path


def test_numbered_bundles_follow_each_other(run, home, trust, tmp_path):
    first = export(run, home, tmp_path / "1.zip", "--receiver", "vendor")
    assert run("keys", "new", "anna", "--home", home).code == 0
    second = export(run, home, tmp_path / "2.zip", "--receiver", "vendor", "--profile", "none")
    told = run("verify", second, "--trust", trust, "--after", first, "--json")
    assert told.code == 0, told.out
    steps = {step["number"]: step for step in told.json["steps"]}
    assert steps[16]["says"] == "it is number 2 for `vendor`, behind number 1"
    assert steps[3]["outcome"] == "proved"
    assert run("verify", first, "--trust", trust, "--after", second).code == 1


def test_a_bundle_is_prepared_now_and_let_go_later(run, home, trust, tmp_path):
    made = run("evidence", "prepare", "vendor", "--home", home, "--profile", "counts", "--json").json
    size = run("ledger", "index", "--home", home, "--json").json["size"]
    assert run("evidence", "view", made["file"]).out.count("\n") > 10
    assert "waits" in run("evidence", "prepared", "--home", home).out
    assert run("ledger", "index", "--home", home, "--json").json["size"] == size  # nothing is on record yet
    overtaken = run("evidence", "prepare", "vendor", "--home", home, "--json").json["id"]
    out = tmp_path / "1.zip"
    assert run("evidence", "release", made["id"], "--home", home, "--out", out).code == 0
    assert run("verify", out, "--trust", trust).code == 0
    assert run("evidence", "release", made["id"], "--home", home, "--out", out).code == 2  # not written over
    late = run("evidence", "release", overtaken, "--home", home)
    assert late.code == 1
    assert "number" in late.err
    assert run("evidence", "drop", overtaken, "--home", home, "--json").json == {"dropped": overtaken}
    (left,) = run("evidence", "prepared", "--home", home, "--json").json["bundles"]
    assert (left["id"], left["released"]) == (made["id"], True)
    for words in (("prepare", "two words"), ("prepare", "vendor", "--profile", "all"), ("drop", "0" * 16)):
        assert run("evidence", *words, "--home", home).code == 2


def test_a_bundle_is_made_again_byte_for_byte(run, home, tmp_path):
    first = export(run, home, tmp_path / "1.zip", "--receiver", "vendor")
    export(run, home, tmp_path / "2.zip", "--receiver", "vendor")
    again = export(run, home, tmp_path / "again.zip", "--receiver", "vendor", "--again", "1")
    assert again.read_bytes() == first.read_bytes()
    bare = export(run, home, tmp_path / "3.zip", "--receiver", "vendor", "--no-challenge")
    assert (
        export(run, home, tmp_path / "3a.zip", "--receiver", "vendor", "--again", "3").read_bytes() == bare.read_bytes()
    )
    assert (
        run("evidence", "export", tmp_path / "9.zip", "--home", home, "--receiver", "vendor", "--again", "9").code == 2
    )


def test_a_running_gateway_puts_it_on_record(run, home, trust, tmp_path):
    origin = open_home(home).settings().gateway.origin
    settings = HEAD.replace("localhost/caveat/test", origin) + upstream_text("http://127.0.0.1:9")
    with running(home, settings, sample=False, parties=False):
        first = export(run, home, tmp_path / "1.zip", "--receiver", "vendor")
    told = run("ledger", "show", "--home", home, "--json").json
    assert "evidence.exported" in [leaf["what"] for _, leaf in told["records"]]
    assert run("verify", first, "--trust", trust).code == 0


def test_wrong_use_says_so(run, home, tmp_path):
    path = tmp_path / "x.zip"
    assert run("evidence", "export", path, "--home", home, "--receiver", "vendor", "--to", "3").code == 2
    assert run("evidence", "export", path, "--home", home, "--again", "1").code == 2
    export(run, home, path)
    assert run("evidence", "export", path, "--home", home).code == 2
    assert not list(tmp_path.glob("*.part"))


def test_the_release_view_shows_what_left(run, home, tmp_path):
    path = export(run, home, tmp_path / "1.zip", "--release-view", tmp_path / "view.txt")
    text = (tmp_path / "view.txt").read_text("ascii")
    assert '"persons.surveillance"' in text or "persons.surveillance" in text
    shown = run("evidence", "view", path)
    assert shown.out == text
    assert run("evidence", "view", path, tmp_path / "again.txt").code == 0
    assert run("evidence", "view", path, "--json").json["view"] == text.splitlines()
    assert run("evidence", "view", path, tmp_path / "view.txt").code == 2


def test_what_callers_keys_allow_stays_behind(run, home, trust, tmp_path):
    assert run("keys", "new", "anna", "--purpose", "translation", "--home", home).code == 0
    path = export(run, home, tmp_path / "1.zip", "--profile", "none")
    with zipfile.ZipFile(path) as archive:
        held = b"".join(archive.read(name) for name in archive.namelist() if name.startswith("control/"))
        withheld = json.loads(archive.read("manifest.json"))["withheld"]
    assert b"secret_digest" not in held
    assert len(withheld) > 1
    told = run("verify", path, "--trust", trust)
    assert told.code == 0
    assert "control documents say, which the profile withholds" in " ".join(told.out.split())


def test_a_guarded_day(run, home, trust, tmp_path):
    """Of the day before today there is nothing yet; today is not over; with the clock of tomorrow it is."""
    out = tmp_path / "day"
    today = datetime.now(UTC).date()
    assert run("evidence", "export", out, "--home", home, "--profile", "guarded").code == 2
    assert run("evidence", "export", out, "--home", home, "--profile", "guarded", "--day", today.isoformat()).code == 2
    made = open_home(home)
    reader, documents = LedgerReader(made.ledger), Documents(made.control)
    keys, _ = house_keys(made, made.settings().gateway.origin)
    for number, day in enumerate((today, today + timedelta(days=1)), start=1):
        later = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000) + 2 * 86_400_000
        said = day_of(reader, documents, day.isoformat(), later)
        assert said.number == number
        (tmp_path / f"{number}").write_bytes(write_guarded(said, keys.plain))
    told = run("verify", tmp_path / "2", "--trust", trust, "--after", tmp_path / "1", "--json")
    assert told.code == 0, told.err
    assert told.json["number"] == 2
    assert "Not proved: the counts" in " ".join(run("verify", tmp_path / "1", "--trust", trust).out.split())
    assert run("verify", tmp_path / "1", "--trust", trust, "--after", tmp_path / "2").code == 1
