"""The answer's way out: headers once, a status once, and no endless wait for a client that takes nothing."""

import asyncio

import pytest

from caveat.gateway.call.sender import Sender
from caveat.gateway.house.watch import ClientGone


def sent_by(story, send=None):
    """The ASGI messages that a story sends."""
    messages = []

    async def keep(message):
        messages.append(message)

    async def within():
        await story(Sender(send or keep, patience_s=0.05))

    asyncio.run(within())
    return messages


def test_a_whole_answer():
    async def story(out):
        assert not out.started
        out.add("x-caveat-call", "1")
        await out.whole(403, [("content-type", "application/json")], b"{}")
        assert (out.started, out.status) == (True, 403)

    start, body = sent_by(story)
    assert start["status"] == 403
    assert sorted(start["headers"]) == [
        (b"content-length", b"2"),
        (b"content-type", b"application/json"),
        (b"x-caveat-call", b"1"),
    ]
    assert body == {"type": "http.response.body", "body": b"{}", "more_body": False}


def test_a_header_leaves_once_with_its_latest_value():
    async def story(out):
        out.add("x-request-id", "1")
        out.add("x-caveat-decision", "allow")
        out.add("x-caveat-decision", "deny")
        await out.start(200, [("x-request-id", "2")])

    (start,) = sent_by(story)
    assert start["headers"] == [(b"x-request-id", b"2"), (b"x-caveat-decision", b"deny")]


def test_pieces_leave_in_order_and_empty_ones_not_at_all():
    async def story(out):
        await out.start(200, [])
        for piece in (b"a", b"", b"b"):
            await out.write(piece)
        await out.end(b"c")

    _, *pieces = sent_by(story)
    assert [(p["body"], p["more_body"]) for p in pieces] == [(b"a", True), (b"b", True), (b"c", False)]


def test_a_client_that_takes_nothing_has_gone():
    async def never(_):
        await asyncio.sleep(60)

    async def story(out):
        with pytest.raises(ClientGone):
            await out.write(b"a")

    sent_by(story, never)
