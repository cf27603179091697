"""OpenAI chat completions: the chunks that the provider did not write.

A stop is what openai-python shows as finish_reason `content_filter`; its reason stands in an extra top-level member,
which the SDK keeps in `model_extra`:

    data: {"id": "...", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {},
           "finish_reason": "content_filter"}], "caveat": {"code": "...", "clause": "...", "message": "..."}}
    data: [DONE]
"""

from typing import Any

from caveat.wire import openai_errors
from caveat.wire.reply import Frame, Halt
from caveat.wire.span import Edit, appended, edited, items, member, opened, written
from caveat.wire.stream import data_of


class Writer:
    """A reply.ReplyWriter.  `_choices` holds, for each choice that has begun, whether it is still open."""

    def __init__(self) -> None:
        self._first: Frame | None = None
        self._choices: dict[int, bool] = {}

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Writer":
        """One that goes on from here apart from this one; frames do not change, so both keep the same."""
        other = Writer()
        other._first, other._choices = self._first, dict(self._choices)
        return other

    def saw(self, frame: Frame) -> None:
        """See reply.ReplyWriter."""
        if self._first is None and (frame.says or frame.raw.startswith(b"data: {")):
            self._first = frame
        for said in frame.says:
            self._mark(said.channel, is_open=True)
        for channel in frame.ends:
            self._mark(channel, is_open=False)
        if not frame.says:
            self._mark_silent(frame)

    def leaving(self, frame: Frame) -> bytes:
        """See reply.ReplyWriter."""
        return frame.raw

    def text(self, channel: str, text: str) -> bytes:
        """See reply.ReplyWriter."""
        index, _, kind = channel.partition("/")
        if kind != "content" or not self._choices.get(int(index), True):
            return b""
        delta = {"content": text} if int(index) in self._choices else {"role": "assistant", "content": text}
        self._choices[int(index)] = True
        return self._chunk([_choice(int(index), delta, None)])

    def stop(self, halt: Halt) -> bytes:
        """See reply.ReplyWriter."""
        unfinished = [index for index, is_open in self._choices.items() if is_open] if self._choices else [0]
        reason = {"caveat": {"code": halt.code, "clause": halt.clause, "message": halt.message}}
        return self._chunk([_choice(index, {}, "content_filter") for index in unfinished], reason) + b"data: [DONE]\n\n"

    def broke(self, halt: Halt) -> bytes:
        """See reply.ReplyWriter."""
        return openai_errors.broke(halt)

    def _mark(self, channel: str, *, is_open: bool) -> None:
        index = channel.partition("/")[0]
        if index.isdecimal():
            self._choices[int(index)] = is_open

    def _mark_silent(self, frame: Frame) -> None:
        """A choice may begin, and even end, without a word."""
        for choice in data_of(frame).get("choices") or ():
            if choice.get("finish_reason") is not None:
                self._choices[choice["index"]] = False
            else:
                self._choices.setdefault(choice["index"], True)

    def _chunk(self, choices: list[dict[str, Any]], more: dict[str, Any] | None = None) -> bytes:
        head = {"id": "chatcmpl-caveat", "object": "chat.completion.chunk", "created": 0, "model": "", **self._head()}
        return f"data: {written({**head, 'choices': choices, **(more or {})})}\n\n".encode()

    def _head(self) -> dict[str, Any]:
        """Id, time and model of the stream, as its first chunk has them."""
        chunk = data_of(self._first) if self._first else {}
        return {name: chunk[name] for name in ("id", "created", "model") if chunk.get(name) is not None}


def with_notice(body: bytes, notice: str) -> tuple[bytes, int]:
    """See dialect.Dialect.with_notice.  A choice without text of its own (it only calls tools) is left alone."""
    text = body.decode()
    edits: list[Edit] = []
    choices = opened(text, "choices")
    for start, _ in items(text, choices) if choices else ():
        message = opened(text, "message", start)
        content = member(text, "content", message) if message else None
        if content and text[content[0]] == '"' and content[1] - content[0] > 2:
            edits.append(appended(content, "\n\n" + notice))
    return (edited(text, edits), len(edits)) if edits else (body, 0)


def _choice(index: int, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish_reason}
