"""What the seals have counted against the ledger, on the site itself: found as `caveat verify` finds it, shown on Now, by the
command line and by the control API."""

import pytest
from tests.cheats.sealed import SECRET, staged
from tests.console.visiting import visiting
from tests.seal.sealing import CHAT

from caveat.gateway.index.ask import Lists
from caveat.gateway.index.base import drop, opened
from caveat.gateway.index.follow import Index
from caveat.gateway.index.metering import Metering, metered
from caveat.gateway.index.write import catch_up
from caveat.ledger.reader import LedgerReader

BODY = b'{"messages":["TOP SECRET"]}'


def found(stage):
    home = stage.gateway.home
    reader = LedgerReader(home.ledger, home.vault)
    metered(home, reader)
    return [(one.kind, one.says, one.at) for one in Lists(Index(home.index, reader, followed=True)).gaps()]


def beaten(stage, beats=3):
    """Two beats behind a call whoever has something to say of it has said it."""
    for _ in range(beats):
        stage.settled()
        stage.collect()
    stage.settled()


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    with staged(tmp_path_factory.mktemp("honest")) as stage:
        stage.calls(3)
        stage.call(SECRET)
        beaten(stage)
        yield stage


@pytest.fixture(scope="module")
def cheating(tmp_path_factory):
    """A call that was denied and served all the same, and one that no record knows."""
    with staged(tmp_path_factory.mktemp("cheating")) as stage:
        denied = stage.calls(1).call(SECRET).headers["x-caveat-call"]
        for call in (denied, "ab" * 16):
            assert stage.seal.call(stage.permit(BODY, call), BODY, CHAT).status_code == 200
        stage.calls(1)
        beaten(stage)
        yield stage


def test_an_honest_house_has_no_gap(honest):
    assert found(honest) == []
    with visiting(honest.gateway, "auditor") as client:
        assert "No number is missing" in client.get("/console/ledger").text
        assert "between a seal's count and the ledger" not in client.get("/console/now").text


def test_gaps_are_those_that_a_verifier_finds(cheating):
    gaps = found(cheating)
    assert {kind for kind, _, _ in gaps} == {"gap"}
    assert len(gaps) == 2
    report = cheating.report()
    says = " | ".join(words for step in report.failed for words in (step.says, *step.also))
    assert all(words in says for _, words, _ in gaps), says


def test_a_new_start_and_a_new_index_find_the_same_and_no_more(cheating):
    home = cheating.gateway.home
    reader = LedgerReader(home.ledger, home.vault)
    before = found(cheating)
    with opened(home.index, writing=True) as base:
        base.execute("delete from gap")  # what a new start finds again lies behind the second newest beat of the seal
    Metering(home, reader).advance()
    assert set(found(cheating)) <= set(before)
    drop(home.index)
    assert found(cheating) == before


def test_it_goes_on_where_it_was_as_the_ledger_grows(tmp_path):
    with staged(tmp_path) as stage:
        home = stage.gateway.home
        reader = LedgerReader(home.ledger, home.vault)
        catch_up(home.index, reader)
        metering = Metering(home, reader)
        for _ in range(4):
            metering.advance()
            stage.calls(1)
            beaten(stage, 1)
            catch_up(home.index, reader)
        metering.advance()
        assert found(stage) == []
        assert stage.seal.call(stage.permit(BODY, "cd" * 16), BODY, CHAT).status_code == 200
        beaten(stage)
        catch_up(home.index, reader)
        metering.advance()
        assert [kind for kind, _, _ in found(stage)] == ["gap"]


def test_pages_and_the_control_api_show_them(cheating):
    gaps = found(cheating)
    asked = cheating.gateway.http(cheating.gateway.operator_key).get("/caveat/v1/meter").json()
    assert (asked["clean"], [one["says"] for one in asked["found"]]) == (False, [words for _, words, _ in gaps])
    with visiting(cheating.gateway, "auditor") as client:
        now, ledger = client.get("/console/now").text, client.get("/console/ledger").text
    assert "2 gaps between a seal's count and the ledger in two weeks" in now
    assert "They differ." in ledger
    assert "no record knows" in ledger


def test_a_seal_that_says_nothing_is_named_until_its_terms_are_over(tmp_path):
    with staged(tmp_path) as stage:
        stage.calls(1).collect()
        house = stage.gateway.house
        house.clock.saw(house.now_ms() + 200_000)
        with visiting(stage.gateway, "viewer") as client:
            now = client.get("/console/now").text
    assert "has said nothing for more than two minutes" in now
    assert "and has said nothing since" in now
