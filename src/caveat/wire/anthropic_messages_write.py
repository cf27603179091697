"""Anthropic messages: the events that the provider did not write.

A stop is what anthropic-python shows as stop_reason `refusal` with its details:

    event: message_delta
    data: {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_sequence": null, "stop_details":
           {"type": "refusal", "category": "persons.surveillance", "explanation": "..."}}, "usage": {...}}
    event: message_stop
    data: {"type": "message_stop"}
"""

from typing import Any

from caveat.wire import anthropic_errors
from caveat.wire.reply import Frame, Halt
from caveat.wire.span import appended, edited, items, member, value, written
from caveat.wire.stream import data_of

_START = {
    "type": "message_start",
    "message": {
        "id": "msg_caveat",
        "type": "message",
        "role": "assistant",
        "model": "",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    },
}


class Writer:
    """A reply.ReplyWriter.  `_open` holds the blocks that have begun and not ended, in order."""

    def __init__(self) -> None:
        self._started = False
        self._open: dict[int, None] = {}
        self._tokens_out = 0

    def saw(self, frame: Frame) -> None:
        """See reply.ReplyWriter."""
        self._started = self._started or b"message_start" in frame.raw
        if frame.usage:
            self._tokens_out = frame.usage.tokens_out
        if b"content_block_st" in frame.raw:
            self._mark(data_of(frame))

    def leaving(self, frame: Frame) -> bytes:
        """See reply.ReplyWriter."""
        return frame.raw

    def text(self, channel: str, text: str) -> bytes:
        """See reply.ReplyWriter."""
        if not channel.endswith("/text") or _block(channel) not in self._open:
            return b""
        delta = {"type": "text_delta", "text": text}
        return _event({"type": "content_block_delta", "index": _block(channel), "delta": delta})

    def stop(self, halt: Halt) -> bytes:
        """See reply.ReplyWriter."""
        details = {"type": "refusal", "category": halt.clause or halt.code, "explanation": halt.message}
        delta = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
        events: list[dict[str, Any]] = [] if self._started else [_START]
        events += [{"type": "content_block_stop", "index": index} for index in self._open]
        events += [
            {"type": "message_delta", "delta": delta, "usage": {"output_tokens": self._tokens_out}},
            {"type": "message_stop"},
        ]
        return b"".join(map(_event, events))

    def broke(self, halt: Halt) -> bytes:
        """See reply.ReplyWriter."""
        return anthropic_errors.broke(halt)

    def _mark(self, event: dict[str, Any]) -> None:
        """A block begins or ends."""
        if event.get("type") == "content_block_start":
            self._open[event["index"]] = None
        elif event.get("type") == "content_block_stop":
            self._open.pop(event["index"], None)


def with_notice(body: bytes, notice: str) -> tuple[bytes, int]:
    """See dialect.Dialect.with_notice.  The notice ends the last text block, where there is one."""
    text = body.decode()
    content = member(text, "content")
    last = None
    for start, _ in items(text, content[0]) if content else ():
        kind, words = member(text, "type", start), member(text, "text", start)
        if kind and words and value(text, kind) == "text" and words[1] - words[0] > 2:
            last = words
    return (edited(text, [appended(last, "\n\n" + notice)]), 1) if last else (body, 0)


def _block(channel: str) -> int:
    """N of `block/N/...`."""
    return int(channel.split("/", 2)[1])


def _event(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {written(event)}\n\n".encode()
