"""Bodies and headers off the channel: bounded, and of one certain meaning."""

import asyncio

import pytest

from caveat.errors import Unreadable
from caveat.gateway.call.bodyin import read_body, read_headers
from caveat.gateway.house.watch import ClientGone


def channel(*messages):
    waiting = list(messages)

    async def receive():
        if waiting:
            return waiting.pop(0)
        return await asyncio.sleep(60)

    return receive


def piece(body, *, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_pieces_is_joined():
    receive = channel(piece(b'{"a"', more=True), piece(b":1}"))
    assert asyncio.run(read_body(receive, limit=100, seconds=1)) == b'{"a":1}'


def test_a_body_over_the_limit_is_refused_before_it_is_whole():
    receive = channel(piece(b"x" * 60, more=True), piece(b"x" * 60, more=True))
    with pytest.raises(Unreadable) as caught:
        asyncio.run(read_body(receive, limit=100, seconds=1))
    assert caught.value.status == 413


def test_a_body_that_does_not_come_is_refused_in_time():
    with pytest.raises(Unreadable) as caught:
        asyncio.run(read_body(channel(piece(b"x", more=True)), limit=100, seconds=0.05))
    assert caught.value.status == 408


def test_a_client_that_hangs_up_midway_is_gone():
    with pytest.raises(ClientGone):
        asyncio.run(read_body(channel(piece(b"x", more=True), {"type": "http.disconnect"}), limit=100, seconds=1))


def test_names_are_folded_and_repeats_joined():
    assert read_headers([(b"Accept", b"a"), (b"accept", b"b")]) == {"accept": "a, b"}


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key", "Content-Type", "Content-Length", "Caveat-Purpose"])
def test_a_header_that_must_come_once_is_refused_twice(name):
    with pytest.raises(Unreadable):
        read_headers([(name.encode(), b"a"), (name.lower().encode(), b"b")])
