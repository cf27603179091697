"""Streams: what leaves, when, and how a stream ends that does not end well."""

import json

import anthropic
import openai
import pytest
from tests.gateway.running import MODEL, eventually

from caveat.gateway.scripted.script import Answer, Event, Reply, always
from caveat.wire.sse import Events

NOTICE = "This text was written by a machine. Check it before you rely on it."
MENTION = "Ce texte a été écrit par une machine. Vérifiez-le avant de vous y fier."
BANNER = "TOP SECRET//SI//NOFORN"
PLAIN = "The harbour lies in the north of the town, and ships from every sea come in with wind and tide. "
OPENAI = "/v1/chat/completions"
ANTHROPIC = "/v1/messages"
WIRES = [OPENAI, ANTHROPIC]
ASK = {"model": MODEL, "max_tokens": 900, "stream": True, "messages": [{"role": "user", "content": "Tell me."}]}


def streamed(gateway, path, **headers):
    """The whole stream as bytes, and the call's id."""
    with gateway.http().stream("POST", path, json=ASK, headers=headers) as reply:
        assert reply.status_code == 200, reply.read()
        return b"".join(reply.iter_raw()), reply.headers["x-caveat-call"]


def events(data):
    return [json.loads(event.data) for event in Events().feed(data) if event.data.startswith(b"{")]


def text_of(path, data):
    """The model's words, as an SDK would put them together."""
    if path == OPENAI:
        choices = [choice for event in events(data) for choice in event.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)
    return "".join(e["delta"].get("text", "") for e in events(data) if e["type"] == "content_block_delta")


def ended(path, data):
    """How the stream says that it ended, "" where it does not say."""
    if path == OPENAI:
        reasons = [c["finish_reason"] for e in events(data) for c in e.get("choices", ()) if c["finish_reason"]]
        return reasons[-1] if reasons and data.endswith(b"data: [DONE]\n\n") else ""
    reasons = [e["delta"]["stop_reason"] for e in events(data) if e["type"] == "message_delta"]
    return reasons[-1] if reasons and events(data)[-1]["type"] == "message_stop" else ""


def complete(data):
    return data.endswith(b"data: [DONE]\n\n") or b"message_stop" in data


@pytest.mark.parametrize("path", WIRES)
def test_words_reach_the_client_while_the_model_still_writes(gateway, upstream, path):
    """The model never says that it has ended."""
    upstream.play(always(Reply(answer=Answer(PLAIN * 30, piece=64), take=6000, every=300, pause_ms=5, end="hang")))
    said = b""
    with gateway.http().stream("POST", path, json=ASK) as reply:
        for piece in reply.iter_raw():
            said += piece
            if said.count(b"harbour") > 10:
                break
    assert not complete(said)


@pytest.mark.parametrize("path", WIRES)
def test_a_plain_stream_is_complete_and_recorded(gateway, upstream, path):
    upstream.play(always(Reply(answer=Answer(PLAIN * 3))))
    data, call = streamed(gateway, path)
    assert text_of(path, data) == f"{PLAIN * 3}\n\n{NOTICE}"
    assert ended(path, data) in {"stop", "end_turn"}
    settled = gateway.ending(call)
    assert settled.leaf.o == "completed"
    assert path == OPENAI or settled.leaf.tok == (12, 61)  # OpenAI tells tokens only where stream_options asks
    assert settled.opened["answer"]["len"] == len(data)
    assert settled.opened["answer"]["chars_left"] == len(PLAIN * 3)


@pytest.mark.parametrize("path", WIRES)
@pytest.mark.parametrize("before", [0, 1, 200, 255, 256, 300, 1500])
def test_a_clause_on_output_stops_the_stream_before_the_words_leave(gateway, upstream, path, before):
    said = (PLAIN * 20)[:before] + ("\n" if before else "") + BANNER + "\n" + PLAIN * 8
    upstream.play(always(Reply(answer=Answer(said, piece=7))))
    data, call = streamed(gateway, path)
    left = text_of(path, data)
    assert BANNER.encode() not in data
    assert (PLAIN * 20)[:before].startswith(left.rstrip("\n"))
    assert before - len(left) < 1024
    assert ended(path, data) in {"content_filter", "refusal"}
    settled = gateway.ending(call)
    assert settled.leaf.o == "stopped"
    assert settled.opened["decision"]["clauses"] == ["marking.ceiling"]
    assert settled.opened["answer"]["chars_left"] == len(left)
    assert NOTICE.encode() not in data


@pytest.mark.parametrize("path", WIRES)
def test_the_banner_in_pieces_is_stopped_like_the_banner_whole(gateway, upstream, path):
    """However the model's server cuts words and bytes, the same leaves and the same is on record."""
    said = PLAIN * 4 + "\n" + BANNER + "\n" + PLAIN
    outcomes = set()
    for piece, every in ((0, 0), (1, 0), (3, 0), (13, 0), (len(said), 0), (9, 1), (50, 7), (11, 4096)):
        upstream.play(always(Reply(answer=Answer(said, piece=piece), every=every)))
        data, call = streamed(gateway, path)
        settled = gateway.ending(call)
        outcomes.add((text_of(path, data), ended(path, data), settled.leaf.o, settled.opened["answer"]["chars_left"]))
    assert len(outcomes) == 1
    assert outcomes.pop()[2] == "stopped"


@pytest.mark.parametrize("cut", range(len(BANNER) + 1))
def test_every_split_of_the_banner(gateway, upstream, cut):
    head, tail = f"A line.\n{BANNER[:cut]}", f"{BANNER[cut:]}\nThe report."
    chunks = [{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL} for _ in range(3)]
    for chunk, delta, reason in zip(
        chunks, ({"content": head}, {"content": tail}, {}), (None, None, "stop"), strict=True
    ):
        chunk["choices"] = [{"index": 0, "delta": delta, "finish_reason": reason}]
    upstream.play(always(Reply(events=(*map(Event, chunks), Event("[DONE]")))))
    data, call = streamed(gateway, OPENAI)
    assert (text_of(OPENAI, data), ended(OPENAI, data)) == ("", "content_filter")
    assert gateway.ending(call).leaf.o == "stopped"


def test_openai_sees_content_filter(gateway, upstream):
    upstream.play(always(Reply(answer=Answer(f"{BANNER}\n{PLAIN}"))))
    chunks = list(gateway.openai().chat.completions.create(stream=True, model=MODEL, messages=ASK["messages"]))
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert chunks[-1].model_extra["caveat"]["clause"] == "marking.ceiling"
    assert "neither given to the model nor taken from it" in chunks[-1].model_extra["caveat"]["message"]


def test_anthropic_sees_a_refusal(gateway, upstream):
    upstream.play(always(Reply(answer=Answer(f"{BANNER}\n{PLAIN}"))))
    client = gateway.anthropic(default_headers={"accept-language": "fr"})
    with client.messages.stream(model=MODEL, max_tokens=900, messages=ASK["messages"]) as stream:
        made = stream.get_final_message()
    assert made.stop_reason == "refusal"
    assert made.stop_details.category == "marking.ceiling"
    assert "Des données marquées" in made.stop_details.explanation


@pytest.mark.parametrize("path", WIRES)
def test_a_whole_reply_over_the_ceiling_does_not_leave(gateway, upstream, path):
    upstream.play(always(Reply(answer=Answer(f"{BANNER}\n{PLAIN}"))))
    reply = gateway.http().post(path, json={**ASK, "stream": False})
    assert reply.status_code == 403
    assert PLAIN[:16] not in reply.text
    assert reply.headers["x-caveat-decision"] == "deny"
    assert gateway.ending(reply.headers["x-caveat-call"]).leaf.o == "stopped"


@pytest.mark.parametrize("path", WIRES)
@pytest.mark.parametrize("take", [200, 900])
@pytest.mark.parametrize("end", ["done", "drop"])
def test_a_stream_that_is_cut_short_ends_with_an_error_and_no_terminator(gateway, upstream, path, take, end):
    upstream.play(always(Reply(answer=Answer(PLAIN * 6), take=take, end=end)))
    data, call = streamed(gateway, path)
    assert not complete(data)
    assert b"event: error\ndata: " in data
    last = events(data)[-1]["error"]
    assert (last.get("code") or last["details"]["error_code"]) in {
        "upstream_broke",
        "upstream_unreadable",
        "unreadable",
    }
    assert gateway.ending(call).leaf.o == "broken"


@pytest.mark.parametrize("take", [200, 900])
def test_the_official_packages_raise_where_a_stream_was_cut_short(gateway, upstream, take):
    upstream.play(always(Reply(answer=Answer(PLAIN * 6), take=take)))
    with pytest.raises(openai.APIError):
        list(gateway.openai().chat.completions.create(stream=True, model=MODEL, messages=ASK["messages"]))
    with pytest.raises(anthropic.APIError):
        list(gateway.anthropic().messages.create(stream=True, model=MODEL, max_tokens=9, messages=ASK["messages"]))


@pytest.mark.parametrize("path", WIRES)
def test_an_event_that_no_table_knows_is_not_passed_on(gateway, upstream, path):
    strange = Event({"type": "secret_channel", "words": "not for you"}, "secret_channel")
    upstream.play(always(Reply(events=(strange,))))
    data, call = streamed(gateway, path)
    assert b"not for you" not in data
    assert b"event: error" in data
    assert gateway.ending(call).leaf.o == "broken"


@pytest.mark.parametrize("path", WIRES)
def test_an_error_in_mid_stream_is_not_passed_on_in_its_own_words(gateway, upstream, path):
    error = Event(
        {"type": "error", "error": {"type": "overloaded_error", "message": "internal host 10.0.0.7"}}, "error"
    )
    upstream.play(always(Reply(events=(error,))))
    data, call = streamed(gateway, path)
    assert b"10.0.0.7" not in data
    assert b"event: error" in data
    assert gateway.ending(call).leaf.o == "broken"


@pytest.mark.parametrize("path", WIRES)
@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply(text="<html>proxy error</html>"), 502, "upstream_unreadable"),
        (Reply(json={"surprise": "words"}), 502, "upstream_unreadable"),
        (Reply(answer=Answer(PLAIN), end="drop", take=40), 502, "upstream_broke"),
        (Reply(head=False, end="drop"), 502, "upstream_broke"),
        (Reply(status=302, headers={"location": "http://127.0.0.1:1/"}), 502, "upstream_unreadable"),
        (Reply(answer=Answer(PLAIN), headers={"content-encoding": "gzip"}), 502, "upstream_unreadable"),
        (Reply(text="x" * 3_000_000), 502, "upstream_unreadable"),
    ],
)
def test_a_whole_reply_that_cannot_be_read_does_not_leave(  # noqa: PLR0917
    gateway, upstream, path, reply, status, code
):
    upstream.play(always(reply))
    answer = gateway.http().post(path, json={**ASK, "stream": False})
    error = answer.json()["error"]
    assert (answer.status_code, error.get("code") or error["details"]["error_code"]) == (status, code)
    assert "words" not in answer.text
    assert gateway.ending(answer.headers["x-caveat-call"]).leaf.o == "broken"


@pytest.mark.parametrize("path", WIRES)
def test_an_upstreams_own_error_reaches_the_caller(gateway, upstream, path):
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down.", "code": None}}
    upstream.play(always(Reply(status=429, json=body, headers={"retry-after": "7", "x-internal-host": "10.0.0.7"})))
    for streams in (False, True):
        answer = gateway.http().post(path, json={**ASK, "stream": streams})
        assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (429, body, "7")
        assert "x-internal-host" not in answer.headers
        settled = gateway.ending(answer.headers["x-caveat-call"])
        assert (settled.leaf.o, settled.opened["upstream"]["status"]) == ("broken", 429)


@pytest.mark.parametrize("path", WIRES)
def test_an_upstreams_error_that_holds_what_a_clause_forbids_does_not_leave(gateway, upstream, path):
    upstream.play(always(Reply(status=500, json={"error": {"message": f"cannot answer:\n{BANNER}\n"}})))
    answer = gateway.http().post(path, json={**ASK, "stream": False})
    assert answer.status_code == 403
    assert "NOFORN" not in answer.text


@pytest.mark.parametrize("path", WIRES)
@pytest.mark.parametrize("streams", [True, False])
def test_a_client_that_hangs_up_stops_the_model(gateway, upstream, path, streams):
    upstream.play(always(Reply(answer=Answer(PLAIN * 200), every=100, pause_ms=20)))
    if streams:
        with gateway.http().stream("POST", path, json=ASK) as reply:
            next(reply.iter_raw())
            call = reply.headers["x-caveat-call"]
    else:
        with gateway.asking(path, {**ASK, "stream": False}):
            eventually(lambda: upstream.received)
        call = gateway.last("opened").leaf.call
    eventually(lambda: upstream.received[0].cut)
    assert gateway.ending(call).leaf.o == "aborted"


@pytest.mark.parametrize("path", WIRES)
def test_a_client_that_hangs_up_before_the_model_answers(gateway, upstream, path):
    upstream.play(always(Reply(head=False, end="hang")))
    with gateway.asking(path, ASK):
        eventually(lambda: upstream.received)
    eventually(lambda: upstream.received[0].cut)
    assert gateway.ending(gateway.last("opened").leaf.call).leaf.o == "aborted"


@pytest.mark.parametrize("path", WIRES)
@pytest.mark.parametrize(("accepts", "notice"), [("fr", MENTION), ("en", NOTICE), ("de", NOTICE)])
def test_the_notice_is_placed_in_the_callers_language_and_recorded(gateway, upstream, path, accepts, notice):
    data, call = streamed(gateway, path, **{"accept-language": accepts})
    assert text_of(path, data) == f"Hello there.\n\n{notice}"
    whole = gateway.http().post(path, json={**ASK, "stream": False}, headers={"accept-language": accepts})
    assert json.dumps(notice, ensure_ascii=False)[1:-1] in whole.text or notice in json.dumps(
        whole.json(), ensure_ascii=False
    )
    for id_ in (call, whole.headers["x-caveat-call"]):
        done = {duty["duty"]: duty["done"] for duty in gateway.ending(id_).opened["duties"]}
        assert done["label.output"] == {"notices": 1, "header": True}
    assert whole.headers["x-caveat-source-type"] == "trainedAlgorithmicMedia"


def test_an_output_limit_is_put_in_and_recorded(gateway, upstream):
    """A call without limit gets the terms' one; the record says that the body was amended, and how."""
    free = {"model": MODEL, "messages": ASK["messages"]}
    for body, sent, done in (
        (free, 1024, 1024),
        ({**free, "max_tokens": 9000}, 1024, 1024),
        ({**free, "max_tokens": 1024}, 1024, None),
        ({**free, "max_completion_tokens": 2000}, None, 1024),
        ({**free, "max_tokens": 100}, 100, None),
    ):
        reply = gateway.http().post(OPENAI, json=body)
        received = json.loads(upstream.received[-1].body)
        assert received.get("max_tokens") == sent
        assert max(v for k, v in received.items() if k.startswith("max_")) <= 1024
        duties = {d["duty"]: d["done"] for d in gateway.ending(reply.headers["x-caveat-call"]).opened["duties"]}
        assert duties.get("limit.tokens") == done
        assert ("sent" in gateway.ending(reply.headers["x-caveat-call"]).opened["upstream"]) == (done is not None)
