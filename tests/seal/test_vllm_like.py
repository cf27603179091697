"""The middleware before an application with vLLM's own routes, cancellation, usage and counters (vllm_like.py)."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from tests.gateway.running import eventually
from tests.seal.sealing import BODY, CHAT, make_folder, settings_text, sse_ticket, token
from tests.seal.test_vllm import beats, serving
from tests.seal.vllm_like import GET, POST, VllmLike

from caveat.errors import Unavailable
from caveat.meter.ticket import Ticket, read_ticket
from caveat.seal.vllm import FOLDER, Middleware


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "seal", settings_text("") + 'counters = "vllm"\n')
    monkeypatch.setenv(FOLDER, str(folder))
    return folder


def body(**more: Any) -> bytes:
    return json.dumps(json.loads(BODY) | more).encode()


def tickets(http: httpx.Client) -> dict[int, Ticket]:
    """All so far, by number."""
    return {one.number: one for _, lines in beats(http) for one in map(read_ticket, lines)}


@pytest.fixture
def engine(folder: Any) -> Iterator[tuple[VllmLike, httpx.Client]]:
    made = VllmLike()
    with serving(made) as http:
        yield made, http


def test_no_route_of_vllm_is_open_without_a_permit(engine: tuple[VllmLike, httpx.Client]) -> None:
    """Nor to a browser that asks beforehand (CORS), nor to a websocket; but for /health."""
    _, http = engine
    assert http.get("/health").status_code == 200
    for method, paths in (("GET", GET), ("POST", (CHAT, *POST)), ("OPTIONS", (CHAT,))):
        for path in paths:
            assert http.request(method, path).status_code == 401, path
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
               "sec-websocket-version": "13"}  # fmt: skip
    assert http.get("/v1/realtime", headers=upgrade).status_code in {401, 403, 404, 426}
    assert beats(http)[-1][0].last == 0


USAGE: dict[str, tuple[dict[str, Any], tuple[int | None, int | None]]] = {
    "whole": ({}, (7, 3)),
    "an error": ({"max_tokens": 9999}, (None, None)),
    "a stream that asks for usage": ({"stream": True, "stream_options": {"include_usage": True}}, (7, 3)),
    "a stream with usage in each chunk": (
        {"stream": True, "stream_options": {"include_usage": True, "continuous_usage_stats": True}},
        (7, 3),
    ),
    "a stream that does not ask": ({"stream": True}, (None, None)),
    "a stream under which the engine dies": ({"stream": True, "breaks": True}, (None, None)),
}


def test_usage_is_read_wherever_vllm_puts_it(engine: tuple[VllmLike, httpx.Client]) -> None:
    _, http = engine
    for number, (case, (more, wanted)) in enumerate(USAGE.items(), start=1):
        asked = body(**more)
        reply = http.post(CHAT, content=asked, headers={"caveat-permit": token(asked)})
        ticket = (
            sse_ticket(reply.content)[1] if more.get("stream") else read_ticket(reply.headers["caveat-seal-ticket"])
        )
        assert (ticket.number, ticket.tokens_in, ticket.tokens_out, ticket.end) == (number, *wanted, "done"), case


def test_forced_usage_reaches_every_stream(folder: Any) -> None:
    asked = body(stream=True)
    with serving(VllmLike(forced=True)) as http:
        reply = http.post(CHAT, content=asked, headers={"caveat-permit": token(asked)})
        _, ticket = sse_ticket(reply.content)
        beat, _ = beats(http)[-1]
    assert (ticket.tokens_in, ticket.tokens_out) == (7, 3)
    assert beat.tokens == beat.engine == (7, 3)


def test_a_stream_that_is_cancelled_is_cut_in_its_ticket(engine: tuple[VllmLike, httpx.Client]) -> None:
    """What the engine had made by then it counts; the ticket has no figure, for vLLM gave none."""
    _, http = engine
    asked = body(slow=True, stream=True)
    with http.stream("POST", CHAT, content=asked, headers={"caveat-permit": token(asked)}) as reply:
        next(reply.iter_raw())
    cut(http, counted=(7, 1))


def test_a_whole_call_that_is_cancelled_is_cut_in_its_ticket(engine: tuple[VllmLike, httpx.Client]) -> None:
    """vLLM ends it with `null`, as if it were answered."""
    made, http = engine
    asked = body(slow=True)
    caller = HTTPConnection("127.0.0.1", http.base_url.port)
    caller.request("POST", CHAT, asked, {"caveat-permit": token(asked)})
    eventually(lambda: made.waiting)
    caller.close()
    cut(http, counted=(0, 0))
    assert made.aborted == 1


def cut(http: httpx.Client, counted: tuple[int, int]) -> None:
    """The only call so far ended as cut; `counted`: tokens by the engine."""
    eventually(lambda: 1 in tickets(http))
    ticket = tickets(http)[1]
    assert (ticket.end, ticket.tokens_in, ticket.tokens_out) == ("cut", None, None)
    beat, _ = beats(http)[-1]
    assert (beat.open, beat.unmeasured, beat.engine) == ((), 1, counted)


def test_a_second_server_process_does_not_share_the_seal(engine: tuple[VllmLike, httpx.Client]) -> None:
    """`--api-server-count 2` would count every call twice, or not at all: the second does not start."""
    with pytest.raises(Unavailable, match="another seal holds"):
        Middleware(VllmLike().app())
