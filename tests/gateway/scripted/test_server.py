"""The scripted upstream plays answers, delays, cuts and broken endings over real sockets."""

import json
import socket
import subprocess
import sys
import time

import httpx
import pytest

from caveat.gateway.scripted.script import Answer, Event, Reply, Rule, Script, always, says
from caveat.gateway.scripted.server import serve

CHAT = "/v1/chat/completions"


@pytest.fixture
def upstream():
    with serve(says("Hello.")) as scripted:
        yield scripted


def post(upstream, path=CHAT, body=None):
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.post(upstream.address + path, json={"model": "m"} if body is None else body)


def raw(upstream, request, *, wait=0.0):
    """Everything that comes back over one connection until the server closes it."""
    host, port = upstream.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as wire:
        for part in request if isinstance(request, list) else [request]:
            wire.sendall(part)
            time.sleep(wait)
        back = b""
        while data := wire.recv(65536):
            back += data
    return back


def test_answers_in_the_dialect_of_the_path(upstream):
    assert post(upstream).json()["choices"][0]["message"]["content"] == "Hello."
    assert post(upstream, "/v1/messages").json()["content"] == [{"type": "text", "text": "Hello."}]
    assert post(upstream, "/v1/messages/count_tokens").json() == {"input_tokens": 12}


def test_rules_are_tried_in_order_and_used_up():
    script = Script(
        (
            Rule(Reply(text="first"), times=1),
            Rule(Reply(text="rain"), contains="rain"),
            Rule(Reply(text="rest"), path=CHAT),
        )
    )
    with serve(script) as upstream:
        said = [post(upstream, body=body).text for body in ({"a": "rain"}, {"a": "rain"}, {"a": "sun"})]
        assert said == ["first", "rain", "rest"]
        assert post(upstream, "/elsewhere").status_code == 404


BODIES = {
    "json": (Reply(json={"error": None}, status=529, headers={"X-Odd": "1"}), 529, b'{"error":null}'),
    "json null": (Reply(json=None), 200, b"null"),
    "text": (Reply(text="é"), 200, "é".encode()),
    "bytes": (Reply(base64=b"\xff\x00"), 200, b"\xff\x00"),
    "nothing": (Reply(status=204), 204, b""),
    "events": (
        Reply(events=(Event({"a": 1}, "x"), Event("[DONE]"))),
        200,
        b'event: x\ndata: {"a":1}\n\ndata: [DONE]\n\n',
    ),
    "chunked": (Reply(text="abcdef", framing="chunked", cuts=(1, 4)), 200, b"abcdef"),
    "until it closes": (Reply(text="abcdef", framing="close"), 200, b"abcdef"),
}


@pytest.mark.parametrize("case", BODIES)
def test_body_status_and_headers_are_those_of_the_script(upstream, case):
    reply, status, body = BODIES[case]
    upstream.play(always(reply))
    got = post(upstream)
    assert (got.status_code, got.content) == (status, body)
    assert {name: got.headers[name] for name in reply.headers} == reply.headers


def test_chunks_are_cut_exactly_where_the_script_says(upstream):
    request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    upstream.play(always(Reply(text="abcdef", framing="chunked", cuts=(1, 4))))
    assert raw(upstream, request).endswith(b"1\r\na\r\n3\r\nbcd\r\n2\r\nef\r\n0\r\n\r\n")
    upstream.play(always(Reply(text="abcdef", framing="chunked", every=4)))
    assert raw(upstream, request).endswith(b"4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n")


def test_answer_can_be_cut_at_any_byte(upstream):
    """Cuts fall inside events, and even inside a character."""
    upstream.play(always(Reply(answer=Answer("déjà vu"))))
    whole = post(upstream, body={"model": "m", "stream": True}).content
    upstream.play(always(Reply(answer=Answer("déjà vu"), every=1)))
    assert post(upstream, body={"model": "m", "stream": True}).content == whole


def test_delay_comes_before_and_pause_between_the_pieces(upstream):
    upstream.play(always(Reply(text="abc", every=1, delay_ms=60, pause_ms=30)))
    began = time.monotonic()
    assert post(upstream).text == "abc"
    assert time.monotonic() - began > 0.1  # a timer may be a little early


def test_drop_breaks_off_in_the_middle(upstream):
    upstream.play(always(Reply(text="abcdef", take=3, end="drop")))
    with pytest.raises(httpx.TransportError):
        post(upstream)
    upstream.play(always(Reply(head=False, end="drop")))
    with pytest.raises(httpx.TransportError):
        post(upstream)


def test_hang_sends_what_it_has_and_then_nothing(upstream):
    upstream.play(always(Reply(text="abcdef", take=3, end="hang")))
    with httpx.Client(trust_env=False, timeout=60) as client, client.stream("POST", upstream.address) as got:
        said = got.iter_raw()
        assert next(said) == b"abc"
        wire = got.extensions["network_stream"].get_extra_info("socket")
        wire.settimeout(0.3)
        with pytest.raises(TimeoutError):
            wire.recv(1)


def test_repeat_never_ends_and_the_hang_up_is_noticed(upstream):
    upstream.play(always(Reply(text="ab", framing="chunked", every=1, pause_ms=1, end="repeat")))
    with httpx.Client(trust_env=False, timeout=60) as client, client.stream("POST", upstream.address) as got:
        said = b""
        for piece in got.iter_raw():
            said += piece
            if len(said) > 20:
                break
    assert said.startswith(b"abbbbbbbbb")
    deadline = time.monotonic() + 60
    while not upstream.received[0].cut:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_received_requests_are_remembered_until_forgotten(upstream):
    post(upstream, CHAT + "?beta=true", {"model": "é"})
    with httpx.Client(trust_env=False, timeout=60) as client:
        told = client.get(upstream.address + "/__received").json()
        assert client.delete(upstream.address + "/__received").status_code == 200
        assert client.get(upstream.address + "/__received").json() == []
        assert client.get(upstream.address + "/__other").status_code == 404
    assert [(r["method"], r["path"], r["query"], json.loads(r["body"])) for r in told] == [
        ("POST", CHAT, "beta=true", {"model": "é"})
    ]
    assert told[0]["headers"]["content-type"] == "application/json"


def test_script_can_be_replaced_over_http(upstream):
    with httpx.Client(trust_env=False, timeout=60) as client:
        bad = client.put(upstream.address + "/__script", content=b'{"rules": 7}')
        assert bad.status_code == 400
        client.put(upstream.address + "/__script", json={"rules": [{"reply": {"text": "other"}}]})
    assert post(upstream).text == "other"


def test_requests_on_one_connection_are_answered_in_order(upstream):
    """The second request arrives while the first is still being played."""
    upstream.play(Script((Rule(Reply(text="slow", delay_ms=50), times=1), Rule(Reply(text="next")))))
    first = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
    second = b"GET /b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    back = raw(upstream, [first, second], wait=0.01)
    assert back.index(b"slow") < back.index(b"next")


def test_what_is_no_http_is_hung_up_on(upstream):
    with pytest.raises(ConnectionResetError):
        raw(upstream, b"\x16\x03\x01 nonsense\r\n\r\n")


def test_process_prints_its_address_and_stops_when_told(tmp_path):
    script = tmp_path / "script.json"
    script.write_text('{"rules": [{"reply": {"text": "from a file"}}]}')
    command = [sys.executable, "-m", "caveat.gateway.scripted.server", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with httpx.Client(trust_env=False, timeout=60) as client:
            assert client.post(address).text == "from a file"
        taken = subprocess.run(
            [*command, "--port", address.rpartition(":")[2]], capture_output=True, text=True, check=False
        )
        process.terminate()
        assert process.wait(60) == 0
    assert taken.returncode == 3
    assert "cannot listen on port" in taken.stderr


def test_process_refuses_a_bad_script(tmp_path):
    script = tmp_path / "script.json"
    script.write_text("[]")
    done = subprocess.run(
        [sys.executable, "-m", "caveat.gateway.scripted.server", str(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "does not fit" in done.stderr
