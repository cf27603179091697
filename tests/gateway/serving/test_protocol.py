"""What comes before a body is bounded in size and time, and nothing comes after it."""

import asyncio

import pytest
import uvicorn

from caveat.gateway.house.watch import HANG_UP
from caveat.gateway.serving.protocol import MAX_HEAD, Protocol

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"


class Quick(Protocol):
    """The same with less patience."""

    head_seconds = 0.3


async def echo(scope, receive, send):
    """Answers with how much body came."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def listening(app, kind: type[Protocol] = Protocol) -> tuple[asyncio.Server, tuple[str, int]]:
    """A server of that application, and where it listens."""
    config = uvicorn.Config(app, http=kind, ws="none", loop="none", lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    made = await asyncio.get_running_loop().create_server(
        lambda: kind(config=config, server_state=server.server_state, app_state={}), "127.0.0.1", 0
    )
    return made, made.sockets[0].getsockname()


def spoken(*pieces: bytes, pause: float = 0.0, kind: type[Protocol] = Protocol) -> bytes:
    """What comes back for these pieces until the connection is closed (`reset` where that is all), or nothing more comes
    for half a second after something has."""

    async def main() -> bytes:
        made, address = await listening(echo, kind)
        reader, writer = await asyncio.open_connection(*address)
        received = b""
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            while got := await asyncio.wait_for(reader.read(65536), 0.5 if received else 60):
                received += got
        except TimeoutError:
            pass
        except ConnectionError:
            received = received or b"reset"
        writer.close()
        made.close()
        return received

    return asyncio.run(main())


def status(answer: bytes) -> bytes:
    return answer.split(b"\r\n")[0]


def test_an_ordinary_request_passes():
    assert spoken(HEAD + b"content-length: 5\r\n\r\nhello").endswith(b"\r\n\r\n5")


def test_a_large_body_is_no_head():
    body = b"x" * (4 * MAX_HEAD)
    assert spoken(HEAD + b"content-length: %d\r\n\r\n" % len(body), body).endswith(b"%d" % len(body))


def test_a_head_just_within_the_bound_passes():
    assert (
        status(spoken(HEAD + b"x-a: " + b"a" * (MAX_HEAD - 1000) + b"\r\ncontent-length: 0\r\n\r\n"))
        == b"HTTP/1.1 200 OK"
    )


@pytest.mark.parametrize("end", [b"", b"\r\ncontent-length: 0\r\n\r\n"])
@pytest.mark.parametrize("flood", [b"x-a: " + b"a" * 2 * MAX_HEAD, b"x-a: b\r\n" * MAX_HEAD], ids=["one", "many"])
def test_a_head_over_the_bound_is_refused(flood, end):
    """Whether its end has come or not: nothing waits for it."""
    half = len(flood) // 2
    got = spoken(HEAD + flood[:half], flood[half:] + end, pause=0.05)
    assert status(got)[:12] in {b"HTTP/1.1 431", b"HTTP/1.1 400", b"reset"}


def test_a_slow_head_is_given_up():
    assert spoken(HEAD, b"x-a: b\r\n", b"x-b: c\r\n", b"content-length: 0\r\n\r\n", pause=0.2, kind=Quick) in {
        b"",
        b"reset",
    }


def test_a_slow_body_is_not_the_heads_affair():
    assert spoken(HEAD + b"content-length: 2\r\n\r\n", b"a", b"b", pause=0.4, kind=Quick).endswith(b"\r\n\r\n2")


def test_header_fields_after_the_body_are_refused():
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
    assert spoken(chunked + b"\r\n").endswith(b"\r\n\r\n2")
    assert status(spoken(chunked + b"x-late: b\r\n\r\n"))[:12] == b"HTTP/1.1 400"


def test_a_hang_up_is_told_once_and_only_to_the_request_that_runs():
    """Two requests over one connection: the first is answered, the client goes during the second."""

    async def main() -> list[str]:
        gone: list[str] = []
        over = asyncio.Event()

        async def app(scope, receive, send):
            path = scope["path"]

            def told():
                gone.append(path)
                over.set()

            await receive()
            scope["extensions"][HANG_UP]["when"](told)
            if path == "/first":
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
                await send({"type": "http.response.body", "body": b""})
            else:
                await over.wait()

        made, address = await listening(app)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(HEAD.replace(b"/", b"/first", 1) + b"content-length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD.replace(b"/", b"/second", 1) + b"content-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        await asyncio.wait_for(over.wait(), 60)
        made.close()
        return gone

    assert asyncio.run(main()) == ["/second"]
