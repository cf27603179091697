"""The scripted upstream: a real HTTP server that plays whatever its script says and remembers what it received.

Tests, the coverage matrix and the benchmarks run against it.  As a process of its own:

    python -m caveat.gateway.scripted.server SCRIPT.yaml --port 8999        prints its address once it listens

or inside another program, on a loopback port and a thread of its own: `with scripted.serve(script) as upstream`.

GET /__received tells every request so far, DELETE /__received forgets them, PUT /__script sets another script.
It answers a request that no rule fits with 404.  What can be written at once is written at once, from bytes made
before, because the benchmarks measure the gateway and not its upstream.
"""

import argparse
import asyncio
import signal
import socket
import ssl
import struct
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop

from caveat.errors import BadInput, CaveatError, Unavailable
from caveat.gateway.scripted.answers import Asked, read_asked
from caveat.gateway.scripted.script import Reply, Script, load_script, read_script, says
from caveat.gateway.scripted.stage import Received, Stage, framed, head, own


class _Connection(asyncio.Protocol):
    """One client's connection: requests one after the other, each answered before the next is read."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Received, bytes, bool]] = deque()
        self._playing: Received | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._writable = asyncio.Event()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, _: Exception | None) -> None:
        self._writable.set()
        if self._playing is not None:
            self._playing.cut = True
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._reset()

    # callbacks of httptools

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        url = urlsplit(self._target.decode("latin-1"))
        method = self._parser.get_method().decode("ascii")
        if url.path.startswith("/__"):
            self._transport.write(self._steer(method, url.path, body))
            return
        received = Received(method, url.path, url.query, self._headers, body.decode("utf-8", "replace"))
        self._stage.received.append(received)
        self._waiting.append((received, body, self._parser.should_keep_alive()))
        self._next()

    def _next(self) -> None:
        """Answer what waits, one after the other, until a reply takes its time."""
        while self._waiting and self._playing is None:
            self._answer(*self._waiting.popleft())

    def _answer(self, received: Received, body: bytes, stays: bool) -> None:  # noqa: FBT001
        found = self._stage.reply(received.path, received.headers, body)
        if found is None:
            self._transport.write(own({"error": {"message": "no rule of the script fits this request"}}, 404))
            return
        number, reply = found
        asked = read_asked(body) if reply.answer is not None else None
        closes = reply.framing == "close" or not stays
        if reply.plain:
            self._transport.write(self._stage.plain(number, reply, received.path, asked))
            if closes:
                self._transport.close()
            return
        self._playing = received
        self._task = asyncio.get_running_loop().create_task(self._play(reply, received.path, asked, closes=closes))

    def _steer(self, method: str, path: str, body: bytes) -> bytes:
        """The paths that drive the upstream itself."""
        if (method, path) == ("GET", "/__received"):
            return own(list(self._stage.received))
        if (method, path) == ("DELETE", "/__received"):
            self._stage.received.clear()
            return own({})
        if (method, path) == ("PUT", "/__script"):
            try:
                self._stage.play(read_script(body.decode("utf-8", "replace")))
            except BadInput as error:
                return own({"error": {"message": error.message}}, 400)
            return own({})
        return own({"error": {"message": f"no such path: `{path}`"}}, 404)

    async def _play(self, reply: Reply, path: str, asked: Asked | None, *, closes: bool) -> None:
        """A reply that takes its time or ends badly."""
        await asyncio.sleep(reply.delay_ms / 1000)
        pieces = framed(reply, path, asked) if reply.head else []
        if reply.head:
            self._transport.write(head(reply, path, asked))
        for number, piece in enumerate(pieces):
            await asyncio.sleep(reply.pause_ms / 1000 if number else 0)
            self._transport.write(piece)
        await self._end(reply, pieces, closes=closes)

    async def _end(self, reply: Reply, pieces: list[bytes], *, closes: bool) -> None:
        if reply.end == "hang":
            await asyncio.get_running_loop().create_future()
        while reply.end == "repeat" and pieces:
            await asyncio.sleep(reply.pause_ms / 1000)
            await self._writable.wait()
            self._transport.write(pieces[-1])
        self._playing = None
        if reply.end == "drop":
            await asyncio.sleep(0.02)  # so that what was written leaves before the reset throws it away
            self._reset()
        elif closes:
            self._transport.close()
        self._next()

    def _reset(self) -> None:
        """Cut the connection so that the client cannot take it for an orderly end (SO_LINGER 0 sends RST)."""
        wire = self._transport.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


async def listen(
    script: Script, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.Server, Stage, str]:
    """Listen in the running loop: the server, its stage and its address.  Raises Unavailable for a port in use."""
    stage = Stage(script)
    try:
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(stage), host, port, ssl=tls)
    except OSError as error:
        raise Unavailable(f"cannot listen on port `{port}`: {error.strerror}", hint="choose another --port") from None
    bound: socket.socket = server.sockets[0]
    return server, stage, f"{'https' if tls else 'http'}://{host}:{bound.getsockname()[1]}"


class Scripted:
    """A scripted upstream that runs on a thread of this process; made by `serve`."""

    def __init__(self, stage: Stage, address: str, loop: asyncio.AbstractEventLoop) -> None:
        self.address = address
        self._stage = stage
        self._loop = loop

    @property
    def received(self) -> list[Received]:
        """Every request so far, oldest first."""
        return list(self._stage.received)

    def play(self, script: Script) -> None:
        """Play another script; requests received so far are forgotten.  Returns once it is in force."""

        async def change() -> None:
            self._stage.received.clear()
            self._stage.play(script)

        asyncio.run_coroutine_threadsafe(change(), self._loop).result()


@contextmanager
def serve(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """A scripted upstream on a loopback port, as long as the `with` block lasts."""
    loop = uvloop.new_event_loop()
    server, stage, address = loop.run_until_complete(listen(script, tls=tls))
    thread = threading.Thread(target=loop.run_forever, name="scripted upstream", daemon=True)
    thread.start()
    try:
        yield Scripted(stage, address, loop)
    finally:
        asyncio.run_coroutine_threadsafe(_shut(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _shut(server: asyncio.Server) -> None:
    """Stop listening, end every reply that is still being played and let the connections close."""
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)


async def _run(script: Script, port: int) -> None:
    server, _, address = await listen(script, port=port)
    print(address, flush=True)  # noqa: T201 (whoever starts the process reads its address)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await _shut(server)


def main(argv: list[str] | None = None) -> int:
    """The process: 0 when it was told to stop, 2 for a bad script, 3 for a port in use."""
    parser = argparse.ArgumentParser(prog="caveat.gateway.scripted.server", description="a scripted upstream")
    parser.add_argument("script", nargs="?", type=Path, help="a JSON or YAML script; without one it only says hello")
    parser.add_argument("--port", type=int, default=0, help="loopback port, 0 for any that is free")
    args = parser.parse_args(argv)
    try:
        script = load_script(args.script) if args.script else says("Hello from the scripted upstream.")
        uvloop.run(_run(script, args.port))
    except CaveatError as error:
        print(f"caveat: {error.message}", error.hint, sep="\n", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
