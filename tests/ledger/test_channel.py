"""Frames over a socket: every cut gives the same messages; what is no frame, or no message, ends the connection."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import NotVerified
from caveat.ledger.channel import Channel, Frames
from caveat.ledger.messages import MAX_MESSAGE_BYTES, framed


@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(1, 30), max_size=20))
def test_frames_do_not_depend_on_how_the_stream_was_cut(messages, cuts):
    stream = b"".join(framed(message) for message in messages)
    frames, found = Frames(), []
    for cut in [*cuts, len(stream)]:
        found += frames.feed(stream[:cut])
        stream = stream[cut:]
    assert found == messages


def test_a_frame_beyond_the_limit_is_refused_before_it_comes():
    Frames().feed(MAX_MESSAGE_BYTES.to_bytes(4, "big"))
    with pytest.raises(NotVerified, match="announced"):
        Frames().feed((MAX_MESSAGE_BYTES + 1).to_bytes(4, "big"))


def test_a_message_that_its_reader_refuses_cuts_the_connection():
    async def story():
        ours, theirs, over = Channel(), Channel(), asyncio.Event()

        def refuse(_data):
            raise NotVerified("no", step="message")

        ours.heard, theirs.ended = refuse, over.set
        for channel, end in zip((ours, theirs), socket.socketpair(), strict=True):
            await channel.open(end)
        theirs.write(framed(b"what"))
        await asyncio.wait_for(over.wait(), 60)
        assert theirs.over
        theirs.write(framed(b"nothing happens"))

    asyncio.run(story())
