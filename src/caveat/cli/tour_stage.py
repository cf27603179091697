"""The tour's stage: a fresh home, the real gateway and model as a process, and callers that use plain HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct

from caveat.cli.remote import NO_TLS
from caveat.errors import Unavailable
from caveat.gateway.home.directory import Home

MODEL = "smollm2-135m"
START_SECONDS = 120.0
CALL_SECONDS = 60.0


class Answer(Struct, frozen=True):
    """What a caller saw.

    first_ms, last_ms  milliseconds from sending to the first and the last byte of the body
    ended              finish_reason or stop_reason, "" where there was none
    """

    status: int
    text: str
    code: str
    message: str
    ended: str
    call: str
    first_ms: int
    last_ms: int
    pieces: int


class Gateway:
    """The gateway as callers see it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=CALL_SECONDS, trust_env=False, verify=NO_TLS)

    def openai(
        self, key: str, text: str, *, stream: bool = False, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        """One chat completion."""
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": 60,
            "stream": stream,
            **more,
        }
        return self._send("/v1/chat/completions", {"authorization": f"Bearer {key}", **(headers or {})}, body)

    def anthropic(self, key: str, text: str, *, headers: dict[str, str] | None = None, **more: Any) -> Answer:
        """One message."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": 60, **more}
        return self._send("/v1/messages", {"x-api-key": key, **(headers or {})}, body)

    def receipt(self, key: str, call: str) -> bytes:
        """A call's receipt, once a checkpoint covers it."""
        for _ in range(40):
            reply = self._client.get(f"/caveat/v1/receipts/{call}", headers={"x-api-key": key})
            if reply.status_code == httpx.codes.OK:
                return reply.content
            time.sleep(0.1)
        raise Unavailable(f"no checkpoint has covered the call `{call}` in time")

    def _send(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Answer:
        began = time.perf_counter()
        pieces: list[bytes] = []
        first = 0.0
        with self._client.stream("POST", path, headers=headers, json=body) as reply:
            for piece in reply.iter_raw():
                first = first or time.perf_counter() - began
                pieces.append(piece)
        last = time.perf_counter() - began
        seen = (
            _read_stream(pieces) if body.get("stream") and reply.status_code == httpx.codes.OK else _read_whole(pieces)
        )
        return Answer(
            status=reply.status_code,
            call=reply.headers.get("x-caveat-call", ""),
            first_ms=int(first * 1000),
            last_ms=int(last * 1000),
            pieces=len(pieces),
            **seen,
        )


def _read_whole(pieces: list[bytes]) -> dict[str, str]:
    value = json.loads(b"".join(pieces))
    error = value.get("error", {})
    if error:
        code = error.get("code") or error.get("details", {}).get("error_code", "")
        return {"text": "", "code": code, "message": error.get("message", ""), "ended": ""}
    if "choices" in value:
        choice = value["choices"][0]
        return {"text": choice["message"]["content"], "code": "", "message": "", "ended": choice["finish_reason"]}
    text = "".join(block.get("text", "") for block in value["content"])
    return {"text": text, "code": "", "message": "", "ended": value["stop_reason"]}


def _read_stream(pieces: list[bytes]) -> dict[str, str]:
    text, ended, message = "", "", ""
    for line in b"".join(pieces).decode().splitlines():
        if not line.startswith("data: {"):
            continue
        value = json.loads(line[6:])
        for choice in value.get("choices", ()):
            text += choice["delta"].get("content") or ""
            ended = choice.get("finish_reason") or ended
        message = value.get("caveat", {}).get("message", message)
    return {"text": text, "code": "", "message": message, "ended": ended}


@contextmanager
def serving(home: Home) -> Iterator[Gateway]:
    """The gateway on that home as a process of its own, and its model; both have ended when the block has."""
    command = [sys.executable, "-m", "caveat", "serve", "--home", str(home.path), "--port", "0", "--json"]
    log = (home.path.parent / "gateway.log").open("wb")
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdout=subprocess.PIPE, stderr=log, env=os.environ | {"NO_COLOR": "1"}
    )
    try:
        yield Gateway(_url(process, home.path.parent / "gateway.log"))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
        log.close()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address that the gateway prints once it serves."""
    assert process.stdout is not None
    printed = b""
    for line in process.stdout:
        printed += line
        if line.rstrip() == b"}":
            url: str = json.loads(printed)["url"]
            return url
    said = log.read_text("utf-8", "replace").strip().splitlines()
    raise Unavailable("the gateway did not start: " + (said[-1] if said else "it said nothing"))
