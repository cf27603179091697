"""The gateway behind a seal: permits go out, tickets come in, and nothing of either reaches a caller."""

import time

import httpx
import pytest
from tests.cheats.sealed import PLAIN, SEAL, SECRET, finding, staged, tickets
from tests.gateway.running import MODEL

from caveat.gateway.upstream.endpoint import Endpoint
from caveat.gateway.upstream.sealing import MARK, Strip
from caveat.meter.ticket import BytesDigest, read_ticket


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with staged(tmp_path_factory.mktemp("sealed")) as stage:
        yield stage


def test_a_calls_ticket_stands_in_its_outcome_and_the_caller_sees_nothing_of_it(stage):
    reply = stage.call()
    settled = stage.gateway.ending(reply.headers["x-caveat-call"])
    ticket = read_ticket(settled.leaf.m)
    ticket.verify((SEAL.verify_key,))
    assert (reply.status_code, ticket.call) == (200, reply.headers["x-caveat-call"])
    assert (ticket.tokens_in, ticket.tokens_out) == settled.leaf.tok
    assert not any("seal" in name for name in reply.headers)


def test_a_streams_ticket_is_taken_off_it(stage):
    with stage.gateway.openai().chat.completions.create(model=MODEL, messages=PLAIN, stream=True) as stream:
        said = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert said.startswith("Thank you for your letter.")
    raw = stage.call(stream=True)
    assert b"caveat-seal" not in raw.content
    assert raw.content.endswith(b"data: [DONE]\n\n")
    assert read_ticket(stage.gateway.ending(raw.headers["x-caveat-call"]).leaf.m).end == "done"


def test_the_anthropic_sdk_is_served_through_a_seal(stage):
    message = stage.gateway.anthropic().messages.create(model=MODEL, max_tokens=20, messages=PLAIN)
    assert message.content[0].text.startswith("Thank you")
    with stage.gateway.anthropic().messages.stream(model=MODEL, max_tokens=20, messages=PLAIN) as stream:
        assert "".join(stream.text_stream).startswith("Thank you")


def test_a_denied_call_never_comes_to_the_seal(stage):
    before = len(stage.model.received)
    assert stage.call(SECRET).status_code == 403
    assert len(stage.model.received) == before


def test_a_call_whose_caller_hung_up_is_settled_and_its_ticket_is_collected(stage):
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Draft for ever."}], "stream": True}
    with stage.gateway.http().stream("POST", "/v1/chat/completions", json=body) as reply:
        next(reply.iter_raw())
        call = reply.headers["x-caveat-call"]
    settled = stage.gateway.ending(call)
    assert (settled.leaf.o, settled.leaf.m) == ("aborted", "")

    end = time.monotonic() + 60
    stage.collect()
    while not (report := stage.report()).verified or finding(report).outcome != "proved":
        assert time.monotonic() < end, "\n".join(report.sentences())
        time.sleep(0.1)
        stage.collect()
    assert "no number is missing" in finding(report).says
    assert stage.gateway.house.view.register.sealed_calls == stage.gateway.house.view.register.meters[SEAL.name].last


def test_all_of_it_reconciles(stage):
    stage.calls(3)
    stage.collect()
    report = stage.report(profile="audit")
    assert report.verified, report.sentences()
    step = finding(report)
    assert step.outcome == "proved", step
    assert {t.number for t in tickets(stage.entries())} <= set(range(1, 100))


def test_a_seal_that_is_started_anew_costs_one_more_try_and_no_call(tmp_path):
    """A restarted seal refuses permits that were issued before; the gateway takes a fresh one for the same call."""
    with staged(tmp_path) as stage:
        stage.calls(2)
        sealer = stage.sealer()
        sealer._claim, sealer._looked_at = "7 " + "A" * 43 + "=", 1e12
        assert stage.call().status_code == 200


def test_a_model_whose_terms_demand_a_seal_is_not_served_without_it(tmp_path):
    with staged(tmp_path) as stage:
        stage.upstream().sealer = None

        async def review() -> None:
            stage.gateway.house.review()

        stage.gateway.run(review())
        reply = stage.call()
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "no_route")


def test_a_reply_that_bears_no_ticket_is_no_reply(tmp_path):
    """Somebody stands in the seal's place."""
    with staged(tmp_path) as stage:
        stage.calls(1)
        stage.upstream().move(Endpoint(stage.model.address))
        reply = stage.call()
        assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_unreadable")
        streamed = stage.call(stream=True)
        assert b"[DONE]" not in streamed.content
        assert stage.gateway.ending(streamed.headers["x-caveat-call"]).leaf.o == "broken"


STREAM = b'data: {"a":"b"}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize("body", [STREAM, b"", b"\n", STREAM + b"\n: caveat", b": caveat-seal is no mark\n\n"])
def test_the_ticket_is_found_however_the_stream_is_cut(body):
    whole = body + MARK + b"caveat-meter/v1 x\n\n"
    plain = BytesDigest("permit", "reply")
    plain.update(body)
    for first in range(len(whole) + 1):
        for second in range(first, min(first + 30, len(whole)) + 1):
            strip = Strip("permit", streams=True)
            out = b"".join(strip.feed(p) for p in (whole[:first], whole[first:second], whole[second:])) + strip.finish()
            assert (out, strip.line, strip.digest.value()) == (body, "caveat-meter/v1 x", plain.value())


def test_a_stream_without_a_ticket_passes_whole():
    strip = Strip("permit", streams=True)
    assert strip.feed(STREAM + b"\n: caveat-sea") + strip.finish() == STREAM + b"\n: caveat-sea"
    assert strip.line == ""


def test_nobody_reads_what_a_seal_tells_over_the_gateway(stage):
    for path in ("/caveat-seal/v1/report", "/v1/caveat-seal/v1/report"):
        assert httpx.get(stage.gateway.url + path, trust_env=False, timeout=60).status_code in (401, 404)
