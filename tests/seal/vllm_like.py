"""An application with vLLM's own ways, as its source has them (vllm/entrypoints, release 0.11 and later, Apache-2.0; written
anew): its routes and middleware, how it cancels, where usage stands, and its counters, by the library that it uses.

- a handler races a listener for `http.disconnect`; the loser is cancelled, and a cancelled call is answered `null`
- a stream brings usage in a chunk of its own behind the last choice where it was asked for or forced, in each chunk with
  `continuous_usage_stats`, and never where it was cut
- errors are JSON with a status, or an event of a stream that has begun
- `/metrics` is a mounted application of prometheus_client
- middlewares that are named on the command line stand before all others
"""

import asyncio
import functools
import json
import re
from typing import Any

from prometheus_client import CollectorRegistry, Counter, make_asgi_app
from starlette.applications import Starlette
from starlette.middleware import Middleware as Listed
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

from caveat.seal.vllm import Middleware

PROMPT = 7
SAID = ("Dear", " Sir", ",")
GET = ("/v1/models", "/ping", "/load", "/version", "/docs", "/openapi.json", "/metrics", "/v1/responses/resp_1")
POST = (
    "/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings", "/v1/chat/completions/render", "/tokenize",
    "/detokenize", "/pooling", "/score", "/rerank", "/v1/rerank", "/invocations", "/ping", "/inference/v1/generate",
    "/scale_elastic_ep", "/v1/load_lora_adapter", "/sleep", "/reset_prefix_cache", "/collective_rpc", "/abort_requests",
)  # fmt: skip
"""Ways into vLLM beside the one that the tests use, those of a development server too."""


async def _listen(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def cancellable(handler: Any) -> Any:
    """A handler that ends when the client goes."""

    @functools.wraps(handler)
    async def racing(self: "VllmLike", request: Request) -> Response:
        work, gone = asyncio.ensure_future(handler(self, request)), asyncio.ensure_future(_listen(request))
        done, left = await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        answer: Response = work.result() if work in done else JSONResponse(None)
        return answer

    return racing


class VllmLike:
    """The engine behind it says the same three tokens to everyone.  `forced`: --enable-force-include-usage."""

    def __init__(self, *, forced: bool = False) -> None:
        registry = CollectorRegistry()
        labels = {"engine": "0", "model_name": "small"}
        made = [
            Counter(f"vllm:{name}_tokens", "tokens", labels, registry=registry) for name in ("prompt", "generation")
        ]
        self._prompt, self._generation = (counter.labels(**labels) for counter in made)
        self._registry = registry
        self._forced = forced
        self.waiting = self.aborted = 0

    def app(self) -> Starlette:
        metrics = Mount("/metrics", make_asgi_app(registry=self._registry))
        metrics.path_regex = re.compile("^/metrics(?P<path>.*)$")
        others = [Route(path, self.other, methods=["GET"]) for path in GET if path != "/metrics"]
        others += [Route(path, self.other, methods=["POST"]) for path in POST]
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/health", lambda _: PlainTextResponse("")),
                WebSocketRoute("/v1/realtime", self.socket),
                *others,
                metrics,
            ],
            middleware=[Listed(Middleware), Listed(CORSMiddleware, allow_origins=["*"])],
        )

    async def other(self, _request: Request) -> Response:
        raise AssertionError("only the seal's gate leads here")

    async def socket(self, _socket: Any) -> None:
        raise AssertionError("only the seal's gate leads here")

    @cancellable
    async def chat(self, request: Request) -> Response:
        body = await request.json()
        if body.get("max_tokens", 1) > 4096:
            return JSONResponse({"error": {"message": "too long", "type": "BadRequestError", "code": 400}}, 400)
        if body.get("stream"):
            return StreamingResponse(self._stream(body), media_type="text/event-stream")
        self.waiting += 1
        try:
            await asyncio.sleep(3600 if body.get("slow") else 0)
        except asyncio.CancelledError:
            self.aborted += 1
            raise
        self._count(len(SAID))
        message: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(SAID),
            "reasoning_content": None,
            "tool_calls": [],
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop", "stop_reason": None}
        return JSONResponse({"object": "chat.completion", "choices": [choice], "usage": _usage(len(SAID))})

    async def _stream(self, body: dict[str, Any]) -> Any:
        options = body.get("stream_options") or {}
        asked = self._forced or options.get("include_usage")
        each = asked and options.get("continuous_usage_stats")
        said = 0
        try:
            for token in SAID:
                said += 1
                chunk = {
                    "choices": [{"index": 0, "delta": {"content": token}, "logprobs": None, "finish_reason": None}]
                }
                yield _event(chunk | ({"usage": _usage(said)} if each else {}))
                if body.get("breaks"):
                    yield _event(
                        {"error": {"message": "the engine core died", "type": "InternalServerError", "code": 500}}
                    )
                    return
                await asyncio.sleep(3600 if body.get("slow") else 0)
            if asked:
                yield _event({"choices": [], "usage": _usage(said)})
            yield ": keepalive\n\n"
            yield "data: [DONE]\n\n"
        finally:
            self._count(said)

    def _count(self, said: int) -> None:
        self._prompt.inc(PROMPT)
        self._generation.inc(said)


def _usage(said: int) -> dict[str, Any]:
    return {
        "prompt_tokens": PROMPT,
        "total_tokens": PROMPT + said,
        "completion_tokens": said,
        "prompt_tokens_details": {"cached_tokens": 4},
    }


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, separators=(',', ':'))}\n\n"
