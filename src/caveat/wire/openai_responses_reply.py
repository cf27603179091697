"""OpenAI Responses, the reply: one response object, or a stream of named events that ends with `response.completed`.

    event: response.output_text.delta
    data: {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "...", "delta": "Hel"}

Rules of this file: an event's `event:` line, where it has one, names what its `type` says; an item begins once and takes
nothing after its end; what the stream repeats of itself or of the request is compared (openai_responses_told.py).

Source: openai-python 3.54 (openai/types/responses/*_event.py), llama.cpp's server as shipped in xllamacpp 2026.10 (it
gives neither indexes nor sequence numbers).
"""

from typing import Any

from caveat.errors import Unreadable
from caveat.wire.body import read_json, strings
from caveat.wire.fields import Field, integer, known, optional, table
from caveat.wire.heard import broken, identifier, said, wordless
from caveat.wire.openai_responses_items import ITEM, RESPONSE, Places
from caveat.wire.openai_responses_parts import MAX_INDEX, PART, logprobs, whole
from caveat.wire.openai_responses_told import Told
from caveat.wire.reply import Frame, ReplyReader
from caveat.wire.sse import Event
from caveat.wire.stream import Stream

_INDEX = optional(integer(0, MAX_INDEX))
_HEAD: dict[str, Field] = {
    "type": known,
    "sequence_number": optional(integer(0, 2**53 - 1)),
    "output_index": _INDEX,
    "content_index": _INDEX,
    "summary_index": _INDEX,
    "annotation_index": _INDEX,
    "item_id": optional(identifier),
    "obfuscation": optional(identifier),
    "response_id": optional(identifier),
    "timings": optional(wordless),
}
_LAST = ("response.completed", "response.incomplete")
_GROWS: dict[str, tuple[str, str, str]] = {
    "response.output_text": ("content_index", "/text", "text"),
    "response.refusal": ("content_index", "/refusal", "refusal"),
    "response.reasoning_text": ("content_index", "/reasoning", "text"),
    "response.reasoning_summary_text": ("summary_index", "/summary", "text"),
    "response.function_call_arguments": ("", "/tool", "arguments"),
    "response.custom_tool_call_input": ("", "/tool", "input"),
    "response.mcp_call_arguments": ("", "/tool", "arguments"),
    "response.code_interpreter_call_code": ("", "/tool", "code"),
}
"""Events that come as `.delta` and end with `.done`: which member numbers the part, its channel, and the member that
holds the whole text at the end."""

_STEPS = (
    "code_interpreter_call.completed",
    "code_interpreter_call.in_progress",
    "code_interpreter_call.interpreting",
    "compaction.compacting",
    "file_search_call.completed",
    "file_search_call.in_progress",
    "file_search_call.searching",
    "mcp_call.completed",
    "mcp_call.failed",
    "mcp_call.in_progress",
    "mcp_list_tools.completed",
    "mcp_list_tools.failed",
    "mcp_list_tools.in_progress",
    "web_search_call.completed",
    "web_search_call.in_progress",
    "web_search_call.searching",
)
"""Events that only tell how far a tool of the provider's own is."""

UNREAD = frozenset(
    {
        "response.audio.delta",
        "response.audio.done",
        "response.audio.transcript.delta",
        "response.audio.transcript.done",
        "response.image_generation_call.completed",
        "response.image_generation_call.generating",
        "response.image_generation_call.in_progress",
        "response.image_generation_call.partial_image",
        "response.shell_call_command.added",
        "response.shell_call_command.delta",
        "response.shell_call_command.done",
        "response.shell_call_output_content.delta",
        "response.shell_call_output_content.done",
    }
)
"""Events that the API has and the gateway refuses: sound, pictures, a shell at the provider's."""


def read_reply(body: bytes, asked: bytes = b"") -> Frame:
    """See dialect.Dialect.read_reply."""
    value = read_json(body)
    told = Told(_words(asked))
    RESPONSE(value, "", told)
    if type(value.get("output")) is not list:
        raise Unreadable("expected a member `output`")
    told.end("")
    return told.frame(body, last=True)


def _words(asked: bytes) -> frozenset[str]:
    return frozenset(strings(read_json(asked))) if asked else frozenset()


class _Response:
    """The response that one stream brings."""

    def __init__(self, asked: bytes) -> None:
        self._told = Told(_words(asked))
        self._places = Places()
        self._ended: set[int] = set()
        self._done = False
        self._by_type: dict[str, Field] = {
            **dict.fromkeys(("response.created", "response.in_progress", "response.queued", *_LAST), self._response),
            **dict.fromkeys(("error", "response.failed"), broken),
            "response.output_item.added": self._begins,
            "response.output_item.done": self._ends,
            "response.content_part.added": self._part,
            "response.content_part.done": self._part,
            "response.reasoning_summary_part.added": self._part,
            "response.reasoning_summary_part.done": self._part,
            "response.output_text.annotation.added": self._annotation,
            **{f"response.{step}": self._step for step in _STEPS},
            **{f"{name}.{way}": self._grows for name in _GROWS for way in ("delta", "done")},
        }

    def read(self, event: Event) -> Frame:
        if not event.data:
            if event.name:
                raise Unreadable("a stream event has a name and no data")
            return Frame(event.raw)
        if self._done and event.data == b"[DONE]":
            return Frame(event.raw, last=True)
        value = read_json(event.data)
        kind = value.get("type")
        if type(kind) is not str or kind not in self._by_type or event.name not in {"", "message", kind}:
            raise Unreadable("a stream event is of a type that no table knows", at="/type")
        if self._done:
            raise Unreadable("the stream goes on after the response was complete")
        told = self._told
        self._by_type[kind](value, "", told)
        told.prefix = told.tool = ""
        if told.repeats:
            told.compare()
        if kind in _LAST:
            self._done = True
            told.end("")
        return told.frame(event.raw, last=kind in _LAST)

    def _response(self, value: Any, at: str, told: Told) -> None:
        """The response as it stands: what it holds of the output was said before."""
        told.repeats = True
        _RESPONSE(value, at, told)
        output = value["response"].get("output") or ()
        for place, _ in enumerate(output):
            self._places.find({"output_index": place})

    def _begins(self, value: Any, at: str, told: Told) -> None:
        item = value.get("item")
        place = self._places.begin(value, item if type(item) is dict else {})
        told.prefix = f"item/{place}"
        _ITEM(value, at, told)

    def _ends(self, value: Any, at: str, told: Told) -> None:
        place = self._open(value)
        self._ended.add(place)
        told.prefix, told.repeats = f"item/{place}", True
        _ITEM(value, at, told)
        told.end(f"item/{place}/")

    def _open(self, value: dict[str, Any]) -> int:
        place = self._places.find(value)
        if place in self._ended:
            raise Unreadable("an item goes on after its end", at="/output_index")
        return place

    def _part(self, value: Any, at: str, told: Told) -> None:
        """A part begins, perhaps with words, or is complete."""
        place = self._open(value)
        number = value.get("content_index") or value.get("summary_index") or 0
        told.prefix = f"item/{place}/{number}"
        told.repeats = value["type"].endswith(".done")
        _PART(value, at, told)

    def _grows(self, value: Any, at: str, told: Told) -> None:
        """A piece of a text, or the whole of it at its end."""
        name, _, way = value["type"].rpartition(".")
        index, suffix, whole_text = _GROWS[name]
        prefix = f"item/{self._open(value)}"
        if index:
            prefix = f"{prefix}/{value.get(index) or 0}"
        told.prefix = prefix
        if suffix == "/tool":
            told.call(f"{prefix}/tool", None, at)
        told.repeats = way == "done"
        _piece(value, at, told, suffix if suffix != "/tool" else "", "delta" if way == "delta" else whole_text)
        if way == "done":
            told.end(prefix + suffix)

    def _annotation(self, value: Any, at: str, told: Told) -> None:
        number = value.get("annotation_index")
        told.prefix = f"item/{self._open(value)}/{value.get('content_index') or 0}/{number}"
        _ANNOTATION(value, at, told)

    def _step(self, value: Any, at: str, told: Told) -> None:
        self._open(value)
        _STEP(value, at, told)


_RESPONSE = table({**_HEAD, "response": RESPONSE}, ["response"])
_ITEM = table({**_HEAD, "item": ITEM}, ["item"])
_PART = table({**_HEAD, "part": PART, "status": optional(identifier)}, ["part"])
_ANNOTATION = table({**_HEAD, "annotation": optional(whole("/annotation"))})
_STEP = table(_HEAD)
_TEXT = {
    (suffix, member): table(
        {**_HEAD, member: said(suffix), "logprobs": optional(logprobs), "name": optional(known)}, [member]
    )
    for _, place, text in _GROWS.values()
    for suffix in ("" if place == "/tool" else place,)
    for member in ("delta", text)
}


def _piece(value: Any, at: str, told: Told, suffix: str, member: str) -> None:
    _TEXT[suffix, member](value, at, told)
    name = value.get("name")
    if name is not None and name != told.tool:
        raise Unreadable("the stream repeats a tool call with another name", at=f"{at}/name")


def reader(asked: bytes = b"") -> ReplyReader:
    """See dialect.Dialect.reader."""
    return Stream(_Response(asked).read)
