"""The ledger by hand: shown, proved, checked; and a call explained."""

import pytest
from tests.cheats.sealed import staged
from tests.gateway.running import MODEL, scripted_gateway
from tests.seal.sealing import CHAT

from caveat.gateway.scripted.script import says
from caveat.ledger.receipt import parse_receipt

PATH = "/v1/chat/completions"
SAID = ("Hello.", "TOP SECRET//SI//NOFORN\nHello.")


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """A home that has answered: its path, an allowed call, a denied one, one that could not be read."""
    with scripted_gateway(tmp_path_factory.mktemp("answered") / "home", says("Hello there.")) as (gateway, _):
        ids = []
        for said in SAID:
            body = {"model": MODEL, "messages": [{"role": "user", "content": said}]}
            ids.append(gateway.http().post(PATH, json=body).headers["x-caveat-call"])
        bad = gateway.http().post(PATH, content=b"{", headers={"content-type": "application/json"})
        return gateway.home.path, *ids, bad.headers["x-caveat-call"]


def test_show(run, calls):
    home, allowed, *_ = calls
    shown = run("ledger", "show", "--home", home)
    assert allowed in shown.out
    told = run("ledger", "show", "--home", home, "--last", "3", "--json").json
    assert len(told["records"]) == 3
    assert told["size"] > 8


@pytest.mark.parametrize("place", [1, 2, 3])
def test_prove(run, calls, place, tmp_path):
    home, call = calls[0], calls[place]
    index = parse_receipt(run("ledger", "prove", call, "--home", home).out.encode()).index
    assert run("ledger", "prove", str(index), "--home", home, "--json").json["index"] == index
    file = tmp_path / "receipt.tlog-proof"
    assert run("ledger", "prove", call, "--home", home, "--out", file).code == 0
    assert parse_receipt(file.read_bytes()).index == index


@pytest.mark.parametrize("what", ["0" * 32, "999999", "'; drop table call"])
def test_what_is_not_there_cannot_be_proved(run, calls, what):
    assert run("ledger", "prove", what, "--home", calls[0]).code in {2, 3}


def test_fsck(run, calls):
    told = run("ledger", "fsck", "--home", calls[0])
    assert (told.code, "clean" in told.out) == (0, True)
    assert run("ledger", "fsck", "--home", calls[0], "--json").json["clean"] is True


def test_fsck_of_a_ledger_that_somebody_changed(run, tmp_path):
    home = tmp_path / "home"
    run("init", "--home", home, "--sample")
    tile = next((home / "ledger" / "tile" / "0").rglob("*.p/*"))
    raw = bytearray(tile.read_bytes())
    raw[5] ^= 1
    tile.chmod(0o600)
    tile.write_bytes(bytes(raw))
    told = run("ledger", "fsck", "--home", home)
    assert told.code == 1
    assert run("ledger", "fsck", "--home", home, "--json").json["clean"] is False


def test_explain_says_why(run, calls):
    home, allowed, denied, unread = calls
    assert "permits it" in run("explain", allowed, "--home", home).out
    told = run("explain", denied, "--home", home).out
    assert "neither given to the model nor taken from it" in " ".join(told.split())
    assert "nothing was sent to the model" in told
    french = run("explain", denied, "--home", home, "--language", "fr").out
    assert "interdit" in french
    assert "refused before a decision" in run("explain", unread, "--home", home).out


def test_explain_for_a_program(run, calls):
    home, allowed, denied, unread = calls
    assert run("explain", allowed, "--home", home, "--json").json["ending"] == "completed"
    told = run("explain", denied, "--home", home, "--json").json
    assert told["decision"]["clauses"] == ["marking.ceiling"]
    assert told["facts"]["labelRank"] > 4
    assert run("explain", unread, "--home", home, "--json").json["decision"] is None


def test_a_call_that_is_not_there(run, calls):
    told = run("explain", "0" * 32, "--home", calls[0])
    assert (told.code, told.out) == (2, "")


def test_the_meter_of_a_house_whose_gateway_served_what_no_record_knows(run, tmp_path):
    with staged(tmp_path) as stage:
        home = stage.gateway.home.path
        stage.calls(2).collect()
        stage.settled()
        told = run("ledger", "meter", "--home", home)
        assert told.code == 0
        assert told.out.startswith("0 gap(s) between the seals' counts and the ledger, in its first ")
        assert stage.seal.call(stage.permit(b"{}", "ab" * 16), b"{}", CHAT).status_code == 200
        for _ in range(3):
            stage.settled().collect()
        stage.settled()
        told = run("ledger", "meter", "--home", home, "--json")
        assert (told.code, told.json["clean"]) == (1, False)
        assert "no record knows" in told.json["found"][0]["says"]


def test_without_a_seal_the_meter_shows_nothing(run, home):
    told = run("ledger", "meter", "--home", home, "--json").json
    assert (told["clean"], told["found"]) == (True, [])
    assert told["compared"] == run("ledger", "index", "--home", home, "--json").json["size"]


def test_calls_and_records_are_found(run, calls):
    home, allowed, denied, _ = calls
    found = run("calls", "list", "--home", home, "--outcome", "denied", "--json").json["calls"]
    assert denied in [one["call"] for one in found]
    assert allowed not in [one["call"] for one in found]
    assert allowed in run("calls", "list", "--home", home, "--since", "2020-01-01", "--most", "500").out
    assert run("calls", "list", "--home", home, "--until", "2020-01-01", "--json").json["calls"] == []
    assert run("calls", "list", "--home", home, "--since", "yesterday").code == 2
    record = run("ledger", "find", allowed, "--home", home, "--json").json
    assert record["leaf"]["call"] == allowed
    assert run("ledger", "find", str(record["index"]), "--home", home).out.startswith(f"record {record['index']}\n")
    assert run("ledger", "find", "ff" * 32, "--home", home).code == 2


def test_what_was_said_is_shown_only_where_it_is_kept(run, calls):
    home, allowed, *_ = calls
    told = run("calls", "content", allowed, "--home", home)
    assert (told.code, told.out) == (1, "")
    assert "keeps no request" in told.err
