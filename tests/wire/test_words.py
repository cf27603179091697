"""Words as a person reads them: whole again where they came in pieces."""

import json

from caveat.wire.words import reply_words, request_words

CHUNK = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hel"}}]}


def test_a_streams_pieces_are_one_text():
    events = b"".join(
        b"data: " + json.dumps({**CHUNK, "choices": [{"index": 0, "delta": {"content": piece}}]}).encode() + b"\n\n"
        for piece in ("Hel", "lo ", "there")
    )
    assert reply_words("openai_chat", events, streamed=True) == (("0/content", "Hello there"),)


def test_a_requests_parts_stand_by_their_pointers():
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    assert ("/messages/0/content", "Hello") in request_words("openai_chat", body)


def test_what_does_not_read_stands_there_as_it_came():
    assert request_words("openai_chat", b"\xff{") == (("", "\ufffd{"),)
    assert reply_words("nobody", b"x", streamed=False) == (("", "x"),)
    assert reply_words("openai_chat", b"x", streamed=False) == (("", "x"),)
