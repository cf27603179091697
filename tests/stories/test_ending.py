"""A party ends the terms: new calls stop on all workers within a second, running ones do as the terms say, and the log
states the end."""

import threading
import time

import msgspec
import pytest
from tests.evidence.second import verified
from tests.gateway.house.test_leasing import ASK, DAY, PATH, S, ask, call, day, leased
from tests.gateway.process import served
from tests.gateway.running import HEAD, eventually, running, scripted_gateway, upstream_text
from tests.stories.test_adoption import version
from tests.stories.test_evidence import exported, trust_of
from tests.stories.test_kill import PLAY
from tests.stories.test_workers import Crew

from caveat.evidence.statement import open_statement, sign_statement
from caveat.gateway.home.directory import open_home
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.house.founding import SAMPLES, party_key
from caveat.gateway.scripted.script import Answer, Reply, always, says
from caveat.gateway.scripted.server import serve
from caveat.ledger.clock import Clock
from caveat.talks.draft import read_draft
from caveat.terms.ending import sign_ending
from caveat.terms.sign import claimed_terms, sign_terms

SLOW = always(Reply(answer=Answer("The harbour lies in the north of the town. " * 10), every=60, pause_ms=40))
WHY = "The talks have failed."


@pytest.fixture
def governed(tmp_path):
    with scripted_gateway(tmp_path / "home", says("Hello there.")) as pair:
        yield pair


def word(gateway, signed, by="vendor", ends_ms=0):
    return sign_ending(claimed_terms(signed), party_key(gateway.home, SAMPLES[by]), WHY, ends_ms)


def end(gateway, note=b""):
    return ask(gateway, "DELETE", "/caveat/v1/terms/institutional-use", content=note)


def stated(gateway):
    keys, _ = house_keys(gateway.home, gateway.home.settings().gateway.origin)
    reply = ask(gateway, "POST", "/caveat/v1/terms/institutional-use/statement")
    assert reply.status_code == 200, reply.text
    return open_statement(reply.json()["statement"].encode(), keys.verify_keys)


def test_the_log_states_the_end_with_its_last_call_and_counts(governed):
    gateway, _ = governed
    signed = leased(gateway, "lease: {calls: 100}")
    assert [call(gateway).status_code for _ in range(3)] == [200] * 3
    secret = {**ASK, "messages": [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nSummarise."}]}
    assert gateway.http().post(PATH, json=secret).status_code == 403
    last = gateway.last("opened").index
    before = ask(gateway, "POST", "/caveat/v1/terms/institutional-use/statement")
    assert "have not ended" in before.json()["error"]["message"]
    assert end(gateway, word(gateway, signed)).status_code == 200
    assert call(gateway).json()["error"]["code"] == "terms_missing"
    said = stated(gateway)
    assert (said.name, said.by, said.reason, said.counted.last) == (
        "institutional-use@" + said.name.rpartition("@")[2],
        "vendor",
        WHY,
        last,
    )
    assert (said.counted.sent, said.counted.running) == (3, 0)
    assert said.counted.endings == {"completed": 3, "denied": 1}
    assert said.head.size > said.index
    assert gateway.records()[said.index].leaf.what == "terms.ended"
    assert gateway.last("control").leaf.what == "end.stated"


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("cut", [True, False], ids=["cut", "finish"])
def test_running_calls_are_cut_or_finish_as_the_terms_say(governed, streams, cut):
    gateway, upstream = governed
    upstream.play(SLOW)
    signed = leased(gateway, "wind_down: {cut_after_s: 0}" if cut else "")
    answers = []

    def calling():
        answers.append(gateway.http().post(PATH, json={**ASK, "stream": streams}))

    caller = threading.Thread(target=calling, daemon=True)
    caller.start()
    eventually(lambda: len(upstream.received) == 1)
    time.sleep(0.3)
    end(gateway, word(gateway, signed))
    caller.join()
    (answer,) = answers
    settled = gateway.ending(answer.headers["x-caveat-call"]).leaf
    if cut:
        assert settled.o == "stopped"
        assert "terms_ended" in answer.text
    else:
        assert settled.o == "completed"
    assert call(gateway).json()["error"]["code"] == "terms_missing"
    assert stated(gateway).counted.running == 0


def test_terms_that_a_newer_version_replaces_cut_nothing(governed):
    gateway, upstream = governed
    upstream.play(SLOW)
    leased(gateway, "wind_down: {cut_after_s: 0}")
    answers = []
    caller = threading.Thread(
        target=lambda: answers.append(gateway.http().post(PATH, json={**ASK, "stream": True})), daemon=True
    )
    caller.start()
    eventually(lambda: len(upstream.received) == 1)
    leased(gateway, "wind_down: {cut_after_s: 0}")
    caller.join()
    assert gateway.ending(answers[0].headers["x-caveat-call"]).leaf.o == "completed"


def test_notice_lets_calls_go_on_until_its_day(governed):
    gateway, _ = governed
    wall, passed = [time.time_ns()], [50 * S]
    gateway.house.clock = Clock(lambda: wall[0], lambda: passed[0])
    signed = leased(gateway, "lease: {calls: 100}")
    ends = (gateway.house.now_ms() + 3_000) // 1000 * 1000
    assert end(gateway, word(gateway, signed, ends_ms=ends)).status_code == 200
    assert call(gateway).status_code == 200
    (row,) = ask(gateway, "GET", "/caveat/v1/leases").json()["leases"]
    assert (row["revoked_by"], row["phase"]) == ("vendor", "running")
    wall[0] += 3 * S
    passed[0] += 3 * S
    assert call(gateway).json()["error"]["code"] == "terms_lapsed"
    assert "revoked by the vendor" in ask(gateway, "GET", "/readyz").json()["warnings"][0]
    assert stated(gateway).counted.endings == {"completed": 1, "denied": 1}


def test_a_day_far_off_in_a_word_of_the_vendors_prolongs_nothing(governed):
    gateway, _ = governed
    ends = gateway.house.now_ms() + 20 * DAY
    signed = leased(gateway, f'lease: {{until: "{day(ends)}"}}')
    end(gateway, word(gateway, signed, ends_ms=ends + 900 * DAY))
    (row,) = ask(gateway, "GET", "/caveat/v1/leases").json()["leases"]
    assert row["until"] == day(ends)


def test_verification_counts_a_statement_again(governed):
    """A true statement is proved; one that a gateway forged fails the bundle that holds it."""
    gateway, _ = governed
    signed = leased(gateway, "lease: {calls: 100}")
    call(gateway)
    end(gateway, word(gateway, signed))
    said = stated(gateway)
    report = verified(exported(gateway, "none")[1], trust_of(gateway))
    assert report.verified, report.sentences()
    (step,) = [step for step in report.steps if step.number == 14]
    assert "1 statements of end were counted again" in step.says
    forged = msgspec.structs.replace(said, counted=msgspec.structs.replace(said.counted, sent=0))
    gateway.run(noted(gateway.house, sign_statement(forged, gateway.house.ticket_key)))
    report = verified(exported(gateway, "none")[1], trust_of(gateway))
    assert [(step.number, step.says) for step in report.failed] == [
        (14, f"record {gateway.last('control').index}: a statement of end counts otherwise than the records")
    ]


async def noted(house, note):
    await house.note("end.stated", "institutional-use@9", note)


WORKERS = 4


@pytest.fixture(scope="module")
def crew(tmp_path_factory):
    path = tmp_path_factory.mktemp("ending") / "home"
    with serve(PLAY) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            keys = gateway.caller_key, gateway.operator_key
        (path / "caveat.toml").write_text(text)
        with served(path, "--workers", str(WORKERS)) as process:
            one = Crew(open_home(path), process, keys)
            eventually(one.all_there, 90)
            yield one


def test_a_signed_word_stops_new_calls_on_four_workers_within_a_second(crew):
    """Under load: a second after the import no call is let through, whichever worker takes it; none was opened after it."""
    seen: list[tuple[float, int]] = []
    stop = threading.Event()

    def calling():
        while not stop.is_set():
            sent = time.monotonic()
            seen.append((sent, crew.call().status_code))

    callers = [threading.Thread(target=calling, daemon=True) for _ in range(3)]
    for caller in callers:
        caller.start()
    eventually(lambda: len(seen) > 3)
    keys = [party_key(crew.home, name) for name in SAMPLES.values()]
    note = sign_ending(claimed_terms(sign_terms(read_draft(version(1)), *keys)), keys[0], WHY)
    assert crew.ask("DELETE", "/caveat/v1/terms/institutional-use", content=note).status_code == 200
    imported = time.monotonic()
    try:
        eventually(lambda: len([1 for sent, _ in list(seen) if sent > imported + 1.0]) >= 4)
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    records = crew.records()
    ended = [index for index, leaf in records if leaf.what == "terms.ended"][-1]
    late = [status for sent, status in seen if sent > imported + 1.0]
    assert len(late) >= 4
    assert set(late) == {503}
    assert not [index for index, leaf in records[ended + 1 :] if leaf.k == "opened"]
    assert 200 in [status for sent, status in seen if sent < imported]
    crew.process.stop()
