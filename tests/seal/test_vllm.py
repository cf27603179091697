"""The seal as middleware of an engine that is an ASGI application, under uvicorn as vLLM runs it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware as Listed
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from tests.seal.sealing import BODY, CHAT, SEAL, make_folder, settings_text, sse_ticket, token, word

from caveat.errors import BadInput
from caveat.meter.beat import claimed_beat
from caveat.meter.ticket import read_ticket
from caveat.seal.vllm import FOLDER, Middleware

STREAM = BODY[:-1] + b',"stream":true}'
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


class Engine:
    """An engine that speaks as vLLM does, and keeps count as vLLM does."""

    def __init__(self) -> None:
        self.calls = 0
        self.cut = asyncio.Event()

    def app(self) -> Starlette:
        routes = [
            Route(CHAT, self.chat, methods=["POST"]),
            Route("/metrics", self.metrics),
            Route("/health", lambda _: PlainTextResponse("")),
        ]
        return Starlette(routes=routes, middleware=[Listed(Middleware)])

    async def chat(self, request: Request):
        body = await request.json()
        self.calls += 1
        if body.get("fails"):
            raise RuntimeError("the engine has crashed")
        if not body.get("stream"):
            return JSONResponse({"choices": [], "usage": USAGE})

        async def events():
            for n in range(10_000 if body.get("endless") else 2):
                yield f'data: {{"choices":[{{"delta":{{"content":"{n}"}}}}]}}\n\n'
                await asyncio.sleep(0.005)
            yield f"data: {json.dumps({'choices': [], 'usage': USAGE})}\n\ndata: [DONE]\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    async def metrics(self, _request: Request):
        count = f'{{engine="0",model_name="small"}} {7.0 * self.calls}'
        return PlainTextResponse(f"vllm:prompt_tokens_total{count}\nvllm:generation_tokens_total{count}\n")


@contextmanager
def serving(engine: Any) -> Iterator[httpx.Client]:
    config = uvicorn.Config(engine.app(), port=0, log_level="critical", lifespan="on", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
        yield http
    server.should_exit = True
    thread.join(60)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "seal", settings_text("") + 'counters = "vllm"\n')
    monkeypatch.setenv(FOLDER, str(folder))
    return folder


def beats(http: httpx.Client):
    http.post("/caveat-seal/v1/beat", headers=word("beat")).raise_for_status()
    lines = http.get("/caveat-seal/v1/report").json()["lines"]
    return [(claimed_beat(line["note"].encode()), line["tickets"]) for line in lines]


def test_calls_pass_with_permits_alone_and_bring_their_tickets(folder):
    engine = Engine()
    with serving(engine) as http:
        assert http.get("/health").status_code == 200
        for path in (CHAT, "/v1/completions", "/metrics", "/tokenize"):
            assert http.post(path, content=BODY).status_code == 401
        reply = http.post(CHAT, content=BODY, headers={"caveat-permit": token()})
        ticket = read_ticket(reply.headers["caveat-seal-ticket"])
        ticket.verify((SEAL.verify_key,))
        assert (reply.json()["usage"], ticket.tokens_in, ticket.tokens_out) == (USAGE, 7, 3)
        whole = http.post(CHAT, content=STREAM, headers={"caveat-permit": token(STREAM)})
        body, ticket = sse_ticket(whole.content)
        assert body.endswith(b"data: [DONE]\n\n")
        assert (ticket.number, ticket.tokens_in, ticket.end) == (2, 7, "done")
        beat, _ = beats(http)[-1]
        assert (engine.calls, beat.last, beat.tokens, beat.engine, beat.refused) == (2, 2, (14, 6), (14, 14), 4)


def test_a_call_that_is_cut_and_one_under_which_the_engine_fails_have_tickets(folder):
    endless, fails = BODY[:-1] + b',"stream":true,"endless":true}', BODY[:-1] + b',"fails":true}'
    with serving(Engine()) as http:
        with http.stream("POST", CHAT, content=endless, headers={"caveat-permit": token(endless)}) as reply:
            next(reply.iter_raw())
        with httpx.Client(base_url=http.base_url, trust_env=False, timeout=60) as other:
            assert other.post(CHAT, content=fails, headers={"caveat-permit": token(fails)}).status_code == 500
        for _ in range(100):
            told = beats(http)
            ends = {read_ticket(line).number: read_ticket(line).end for _, lines in told for line in lines}
            if len(ends) == 2:
                break
        assert ends[1] == "cut"
        assert ends[2] == "failed"
        assert told[-1][0].open == ()


def test_the_boot_is_closed_with_the_engine_and_the_next_follows(folder):
    with serving(Engine()) as http:
        http.post(CHAT, content=BODY, headers={"caveat-permit": token()})
    with serving(Engine()) as http:
        kinds = [(beat.boot, beat.kind, beat.last) for beat, _ in beats(http)]
    assert kinds[:3] == [(1, "open", 0), (1, "close", 1), (2, "open", 0)]


def test_without_a_folder_the_engine_does_not_start(monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    with pytest.raises(BadInput, match="does not name the seal's folder"):
        Middleware(Engine().app())
