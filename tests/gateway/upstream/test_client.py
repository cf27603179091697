"""The upstream client against real servers: what it sends, what it refuses, and how each failure is told."""

import asyncio
import json
import socket
import time

import pytest

from caveat.errors import BadInput, Refused, Unavailable
from caveat.gateway.home.secret import Secret
from caveat.gateway.scripted.script import Answer, Reply, always
from caveat.gateway.scripted.server import serve
from caveat.gateway.upstream.client import PIECE, Access, HttpUpstream, Outgoing
from caveat.gateway.upstream.endpoint import Endpoint

CHAT = "/v1/chat/completions"
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-caller", "x-api-key": "sk-caller"}
BODY = b'{"model": "m", "prompt": "my very secret prompt"}'


@pytest.fixture
def scripted():
    with serve(always(Reply(answer=Answer("Hello.")))) as server:
        yield server


def made(address, **access):
    return HttpUpstream("local", Endpoint(address), ("openai_chat", "anthropic_messages"), Access(**access))


async def sent(upstream, path=CHAT, query=b"", body=BODY, dialect="openai_chat"):
    return await upstream.send(Outgoing(path, query, HEADERS, body, dialect))


def run(upstream, **call):
    """Send one call and read its whole reply: (status, body)."""

    async def main():
        try:
            reply = await sent(upstream, **call)
            try:
                return reply.status, await reply.read(10_000)
            finally:
                await reply.close()
        finally:
            await upstream.close()

    return asyncio.run(main())


def test_body_goes_as_it_came_and_the_reply_comes_back(scripted):
    status, body = run(made(scripted.address), query=b"beta=true")
    assert status == 200
    assert json.loads(body)["choices"][0]["message"]["content"] == "Hello."
    got = scripted.received[0]
    assert (got.method, got.path, got.query, got.body.encode()) == ("POST", CHAT, "beta=true", BODY)


KEY_HEADERS = {
    "openai": (CHAT, "openai_chat", {"authorization": "Bearer sk-ours"}),
    "anthropic": ("/v1/messages", "anthropic_messages", {"x-api-key": "sk-ours"}),
    "anthropic under its prefix": ("/anthropic/v1/messages", "anthropic_messages", {"x-api-key": "sk-ours"}),
}


@pytest.mark.parametrize("case", KEY_HEADERS)
def test_only_our_own_key_goes_upstream_in_the_dialects_header(scripted, case):
    path, dialect, wanted = KEY_HEADERS[case]
    run(made(scripted.address, key=Secret("sk-ours")), path=path, dialect=dialect)
    got = scripted.received[0]
    assert got.path == path.removeprefix("/anthropic")
    assert {name: got.headers[name] for name in wanted} == wanted
    assert "sk-caller" not in str(got.headers)
    assert set(got.headers) == {
        "host",
        "accept",
        "content-type",
        "accept-encoding",
        "user-agent",
        "content-length",
        *wanted,
    }
    assert got.headers["accept-encoding"] == "identity"


def test_without_a_key_none_is_sent(scripted):
    run(made(scripted.address))
    assert not {"authorization", "x-api-key", "cookie"} & set(scripted.received[0].headers)


BASES = {
    "plain": ("", CHAT),
    "slash": ("/", CHAT),
    "path": ("/api/openai", "/api/openai" + CHAT),
    "quoted path": ("/a%2Fb", "/a%2Fb" + CHAT),
}


@pytest.mark.parametrize("case", BASES)
def test_path_is_put_under_the_base_url(scripted, case):
    base, wanted = BASES[case]
    run(made(scripted.address + base))
    assert scripted.received[0].path == wanted


def test_large_body_is_sent_whole_with_its_length(scripted):
    body = b'{"model": "m", "x": "' + b"a" * (3 * PIECE + 7) + b'"}'
    run(made(scripted.address), body=body)
    got = scripted.received[0]
    assert got.headers["content-length"] == str(len(body))
    assert got.body.encode() == body


def test_connections_are_kept_and_cookies_are_not(scripted):
    scripted.play(always(Reply(text="{}", headers={"set-cookie": "a=b; Path=/"})))

    async def main():
        upstream = made(scripted.address)
        for _ in range(3):
            reply = await sent(upstream)
            await reply.read(100)
            await reply.close()
        pool = upstream._pool().connector
        assert pool is not None
        kept = len(pool._conns)
        await upstream.close()
        return kept

    assert asyncio.run(main()) == 1
    assert all("cookie" not in got.headers for got in scripted.received)


def test_environment_proxy_is_not_taken(scripted, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert run(made(scripted.address))[0] == 200


def test_stream_arrives_while_the_model_is_still_writing(scripted):
    """It never says that it has ended."""
    scripted.play(always(Reply(text="abc", every=1, framing="chunked", pause_ms=20, end="hang")))

    async def main():
        upstream = made(scripted.address)
        reply = await sent(upstream)
        came = b""
        async with asyncio.timeout(60):
            async for piece in reply.pieces():
                came += piece
                if len(came) == 3:
                    break
        await reply.close()
        await upstream.close()
        return came

    assert asyncio.run(main()) == b"abc"


def test_status_and_only_listed_headers_come_back(scripted):
    scripted.play(always(Reply(json={}, status=429, headers={"retry-after": "7", "server": "x", "x-ratelimit-a": "1"})))

    async def main():
        upstream = made(scripted.address)
        reply = await sent(upstream)
        await reply.close()
        await upstream.close()
        return reply

    reply = asyncio.run(main())
    assert (reply.status, reply.content_type) == (429, "application/json")
    assert reply.headers == (("retry-after", "7"), ("x-ratelimit-a", "1"))


def wait_for_cut(scripted):
    deadline = time.monotonic() + 60
    while not scripted.received[-1].cut:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_close_cuts_an_unfinished_reply_at_once(scripted):
    scripted.play(always(Reply(text="ab", framing="chunked", every=1, pause_ms=1, end="repeat")))

    async def main():
        upstream = made(scripted.address)
        reply = await sent(upstream)
        pieces = aiter(reply.pieces())
        await anext(pieces)
        await reply.close()
        await asyncio.to_thread(wait_for_cut, scripted)
        await upstream.close()

    asyncio.run(main())


def test_cancelling_the_wait_cuts_the_call(scripted):
    scripted.play(always(Reply(text="late", delay_ms=20_000)))

    async def main():
        upstream = made(scripted.address)
        waiting = asyncio.create_task(sent(upstream))
        while not scripted.received:
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.to_thread(wait_for_cut, scripted)
        await upstream.close()

    asyncio.run(main())


BROKEN = {
    "no reply at all": (Reply(head=False, end="drop"), "upstream_broke"),
    "cut after its head": (Reply(text="abcdef", take=0, end="drop"), "upstream_broke"),
    "cut in a chunk stream": (Reply(text="abcdef", framing="chunked", take=3, end="drop"), "upstream_broke"),
    "silent before its head": (Reply(delay_ms=5_000), "upstream_timeout"),
    "silent in its body": (Reply(text="abcdef", take=3, end="hang"), "upstream_timeout"),
    "redirect": (Reply(status=307, headers={"location": "http://127.0.0.1:9/"}), "upstream_unreadable"),
    "not modified": (Reply(status=304), "upstream_unreadable"),
    "encoded": (Reply(text="x", headers={"content-encoding": "gzip"}), "upstream_unreadable"),
    "too long": (Reply(text="x" * 10_001), "upstream_unreadable"),
    "bad header": (Reply(text="x", headers={"bad header": "x\ry"}), "upstream_unreadable"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_failure_is_told_by_its_code(scripted, case):
    reply, code = BROKEN[case]
    scripted.play(always(reply))
    with pytest.raises(Unavailable) as failed:
        run(made(scripted.address, timeout_s=0.3))
    assert failed.value.code == code
    assert_discreet(failed.value, scripted.address)


def assert_discreet(error, address):
    """No prompt, no key, no address."""
    told = f"{error} {error.hint}"
    for secret in ("secret prompt", "sk-", address.partition("://")[2]):
        assert secret not in told


def test_reply_of_exactly_the_limit_is_read(scripted):
    scripted.play(always(Reply(text="x" * 10_000)))
    assert len(run(made(scripted.address))[1]) == 10_000


def test_refused_connection_is_unreachable():
    """A port that is held and not listened on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable) as failed:
            run(made(f"http://127.0.0.1:{held.getsockname()[1]}"))
    assert failed.value.code == "upstream_unreachable"


def test_name_that_does_not_resolve_is_unreachable():
    with pytest.raises(Unavailable) as failed:
        run(made("http://no-such-host.invalid"))
    assert failed.value.code == "upstream_unreachable"


def test_connection_that_is_never_taken_is_a_timeout():
    """A listener with a full backlog."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        with pytest.raises(Unavailable) as failed:
            run(made(f"http://127.0.0.1:{listener.getsockname()[1]}", connect_timeout_s=0.3))
    assert failed.value.code == "upstream_timeout"


def test_what_is_not_forwarded_is_refused_before_anything_is_sent(scripted):
    with pytest.raises(Refused):
        run(made(scripted.address), query=b"model=other")
    assert scripted.received == []


def test_call_is_never_sent_twice(scripted):
    scripted.play(always(Reply(head=False, end="drop")))
    with pytest.raises(Unavailable):
        run(made(scripted.address))
    assert len(scripted.received) == 1


def tls(scripted, authority, **access):
    return HttpUpstream(
        "tls", Endpoint(scripted.address, ca_bundle=authority.bundle), ("openai_chat",), Access(**access)
    )


def test_ca_bundle_is_trusted_and_the_key_becomes_the_identity(authority, tmp_path):
    with serve(always(Reply(text="{}")), tls=authority.server(tmp_path)) as scripted:
        upstream = tls(scripted, authority)
        assert upstream.identity("m") == "endpoint:unknown+m"
        asyncio.run(upstream.meet())
        assert run(upstream)[0] == 200
        identity = upstream.identity("m")
    kind, _, rest = identity.partition(":")
    assert kind == "endpoint"
    assert rest.startswith("sha256:")
    assert rest.endswith("+m")
    assert len(rest) == len("sha256:") + 64 + len("+m")


def test_no_call_goes_to_an_endpoint_whose_identity_is_not_known_yet(authority, tmp_path):
    """The first call fails and makes it known: a record never names an unknown identity for a call that was sent."""
    changes = []
    with serve(always(Reply(text="{}")), tls=authority.server(tmp_path)) as scripted:
        endpoint = Endpoint(scripted.address, ca_bundle=authority.bundle)
        upstream = HttpUpstream("tls", endpoint, ("openai_chat",), changed=lambda: changes.append(1))
        with pytest.raises(Unavailable, match="try again"):
            run(upstream)
        assert scripted.received == []
        assert changes == [1]
        assert run(upstream)[0] == 200


def test_unknown_ca_is_unreachable(authority, tmp_path):
    with serve(always(Reply(text="{}")), tls=authority.server(tmp_path)) as scripted:
        upstream = HttpUpstream("tls", Endpoint(scripted.address), ("openai_chat",))
        with pytest.raises(Unavailable, match="certificate") as failed:
            asyncio.run(upstream.meet())
    assert failed.value.code == "upstream_unreachable"


def test_server_without_tls_is_unreachable_over_https(scripted, authority):
    endpoint = Endpoint(scripted.address.replace("http:", "https:"), ca_bundle=authority.bundle)
    with pytest.raises(Unavailable) as failed:
        asyncio.run(HttpUpstream("tls", endpoint, ()).meet())
    assert failed.value.code == "upstream_unreachable"


def test_changed_key_fails_the_call_and_becomes_the_new_identity(authority, tmp_path):
    changes = []
    with (
        serve(always(Reply(text="{}")), tls=authority.server(tmp_path)) as before,
        serve(always(Reply(text="{}")), tls=authority.server(tmp_path)) as after,
    ):
        endpoint = Endpoint(before.address, ca_bundle=authority.bundle)
        upstream = HttpUpstream("tls", endpoint, ("openai_chat",), changed=lambda: changes.append(1))
        asyncio.run(upstream.meet())
        first = upstream.identity("m")
        endpoint.url = Endpoint(after.address).url  # the same name now leads to another server
        with pytest.raises(Unavailable, match="TLS key has changed"):
            run(upstream)
        assert after.received == []
        assert len(changes) == 2
        assert upstream.identity("m") != first
        assert run(upstream)[0] == 200


def test_pinned_key_is_never_replaced(authority, tmp_path):
    with serve(always(Reply(text="{}")), tls=authority.server(tmp_path)) as scripted:
        endpoint = Endpoint(scripted.address, ca_bundle=authority.bundle, pin="sha256:" + "0" * 64)
        upstream = HttpUpstream("tls", endpoint, ("openai_chat",))
        for _ in range(2):
            with pytest.raises(Unavailable):
                run(upstream)
        assert scripted.received == []
        assert upstream.identity("m") == "endpoint:sha256:" + "0" * 64 + "+m"


def test_identity_that_the_operator_states_is_told_as_it_stands(scripted):
    assert made(scripted.address).identity("m") == "endpoint:none+m"
    assert made(scripted.address, identity="weights:sha256:ab").identity("m") == "weights:sha256:ab"


def test_bad_ca_bundle_is_named(tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for bundle in (broken, tmp_path / "nowhere.pem"):
        with pytest.raises(BadInput, match=bundle.name):
            Endpoint("https://127.0.0.1", ca_bundle=bundle)
