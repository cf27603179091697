"""OpenAI Responses: the events that the provider did not write.

A stop is what openai-python shows as a response that is incomplete for `content_filter`; its reason stands in an extra
member, which the SDK keeps in `model_extra`:

    event: response.incomplete
    data: {"type": "response.incomplete", "response": {"id": "...", "status": "incomplete", "output": [...],
           "incomplete_details": {"reason": "content_filter"}, "caveat": {"code": "...", "clause": "...", "message": "..."}}}

The stream repeats its texts, and a program may read any of the repetitions: so a text to which something was added is
rewritten wherever it comes again (`leaving`), and a stop repeats what has left and no more.
"""

from typing import Any

from caveat.wire import openai_errors
from caveat.wire.openai_responses_items import Places
from caveat.wire.reply import Frame, Halt
from caveat.wire.span import appended, edited, items, member, value, written
from caveat.wire.stream import data_of

_HEAD = {
    "id": "resp_caveat",
    "object": "response",
    "created_at": 0,
    "model": "",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
_MARKS = (b"response.created", b"response.output_item.", b"response.content_part.", b"response.completed")
_KEPT = ("id", "created_at", "model")


class Writer:
    """A reply.ReplyWriter.  `_items` holds the output as far as it has left, by place; `_texts` the words of each open
    text; `_added` what was added to a text."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._number = -1
        self._places = Places()
        self._items: dict[int, dict[str, Any]] = {}
        self._done: set[int] = set()
        self._texts: dict[tuple[int, int], list[str]] = {}
        self._arguments: dict[int, list[str]] = {}
        self._added: dict[tuple[int, int], str] = {}

    def saw(self, frame: Frame) -> None:
        """See reply.ReplyWriter."""
        for said in frame.says:
            steps = said.channel.split("/")
            if said.channel.endswith("/tool"):
                self._arguments.setdefault(int(steps[1]), []).append(said.text)
            elif steps[-1] == "text" and len(steps) == 4:
                self._texts.setdefault((int(steps[1]), int(steps[2])), []).append(said.text)
        self._number += b"data:" in frame.raw
        if any(mark in frame.raw for mark in _MARKS):
            self._mark(data_of(frame))

    def text(self, channel: str, text: str) -> bytes:
        """See reply.ReplyWriter."""
        steps = channel.split("/")
        if steps[0] != "item" or steps[-1] != "text" or len(steps) != 4:
            return b""
        place, part = int(steps[1]), int(steps[2])
        if place not in self._items or place in self._done:
            return b""
        self._added[place, part] = self._added.get((place, part), "") + text
        self._texts.setdefault((place, part), []).append(text)
        return self._event("response.output_text.delta", self._at(place, part) | {"delta": text, "logprobs": []})

    def leaving(self, frame: Frame) -> bytes:
        """See reply.ReplyWriter."""
        if not self._added or (b".done" not in frame.raw and not frame.last):
            return frame.raw
        data = data_of(frame)
        if not self._amend(data):
            return frame.raw
        return f"event: {data['type']}\ndata: {written(data)}\n\n".encode()

    def stop(self, halt: Halt) -> bytes:
        """See reply.ReplyWriter."""
        out = b"" if self._head else self._event("response.created", {"response": self._response("in_progress")})
        for place in self._items:
            if place not in self._done:
                out += self._closed(place)
        response = self._response("incomplete") | {
            "incomplete_details": {"reason": "content_filter"},
            "caveat": {"code": halt.code, "clause": halt.clause, "message": halt.message},
        }
        return out + self._event("response.incomplete", {"response": response})

    def broke(self, halt: Halt) -> bytes:
        """See reply.ReplyWriter."""
        return openai_errors.broke(halt)

    def _mark(self, data: dict[str, Any]) -> None:
        """The response, an item or a part begins; an item ends."""
        number = data.get("sequence_number")
        self._number = number if type(number) is int else self._number
        kind = data.get("type")
        if kind == "response.created":
            self._head = {name: one for name, one in data["response"].items() if name in _KEPT}
            self._head.setdefault("id", _HEAD["id"])
        elif kind == "response.output_item.added":
            self._items[self._places.begin(data, data["item"])] = data["item"]
        elif kind == "response.output_item.done":
            place = self._places.find(data)
            self._amend(data)
            self._items[place] = data["item"]
            self._done.add(place)

    def _amend(self, data: dict[str, Any]) -> bool:
        """Add to every repetition of a text what was added to it; whether there was any."""
        if "response" in data:
            found = [self._amend_item(place, one) for place, one in enumerate(data["response"].get("output") or ())]
            return any(found)
        place = self._places.find(data) if data else -1
        if "item" in data:
            return self._amend_item(place, data["item"])
        addition = self._added.get((place, data.get("content_index") or 0))
        holder = data.get("part", data)
        if addition is None or data["type"] not in {"response.output_text.done", "response.content_part.done"}:
            return False
        holder["text"] = holder.get("text", "") + addition
        return True

    def _amend_item(self, place: int, item: dict[str, Any]) -> bool:
        found = False
        for (owner, part), addition in self._added.items():
            if owner == place and item.get("type") == "message" and part < len(item.get("content") or ()):
                item["content"][part]["text"] += addition
                found = True
        return found

    def _closed(self, place: int) -> bytes:
        """The events that end an item in the middle, its texts as far as they left."""
        item = self._items[place]
        out = b""
        content: list[dict[str, Any]] = []
        for owner, part in sorted(self._texts):
            if owner == place:
                text = "".join(self._texts[owner, part])
                content.append({"type": "output_text", "text": text, "annotations": []})
                at = self._at(place, part)
                out += self._event("response.output_text.done", at | {"text": text, "logprobs": []})
                out += self._event("response.content_part.done", at | {"part": content[-1]})
        given = next((name for name in ("arguments", "input") if name in item), None)
        words = {given: "".join(self._arguments.get(place, ()))} if given else {}
        self._items[place] = item | {"status": "incomplete"} | words | ({"content": content} if content else {})
        return out + self._event("response.output_item.done", {"output_index": place, "item": self._items[place]})

    def _at(self, place: int, part: int) -> dict[str, Any]:
        return {"item_id": self._items[place].get("id", ""), "output_index": place, "content_index": part}

    def _response(self, status: str) -> dict[str, Any]:
        return _HEAD | self._head | {"status": status, "output": [self._items[place] for place in sorted(self._items)]}

    def _event(self, kind: str, members: dict[str, Any]) -> bytes:
        self._number += 1
        data = {"type": kind, "sequence_number": self._number, **members}
        return f"event: {kind}\ndata: {written(data)}\n\n".encode()


def with_notice(body: bytes, notice: str) -> tuple[bytes, int]:
    """See dialect.Dialect.with_notice.  The notice ends the last text, where there is one."""
    text = body.decode()
    output = member(text, "output")
    last = None
    for start, _ in items(text, output[0]) if output else ():
        content = member(text, "content", start)
        if not content or text[content[0]] != "[" or _kind(text, start) != "message":
            continue
        for part, _ in items(text, content[0]):
            words = member(text, "text", part)
            if words and _kind(text, part) == "output_text" and words[1] - words[0] > 2:
                last = words
    return (edited(text, [appended(last, "\n\n" + notice)]), 1) if last else (body, 0)


def _kind(text: str, start: int) -> Any:
    found = member(text, "type", start)
    return value(text, found) if found else None
