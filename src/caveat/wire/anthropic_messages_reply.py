"""Anthropic messages, the reply: one message, or a stream of events that ends with `message_stop`.

    event: content_block_delta
    data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}}

Channels of block N: `block/N/text`, `block/N/thinking`, `block/N/tool` (its arguments) and `block/N/tool/name`,
`block/N/citations`, `block/N/result` (what a tool that the provider ran gave back).  A block's channels are complete
with its content_block_stop.

Rules of this file: an event's `event:` line, where it has one, names what its `type` says; a block begins once, takes
only deltas of its own kind, and takes none after its end.

Source: anthropic-python 2.12 (anthropic/types/raw_*.py, content_block.py and their beta siblings), llama.cpp's server
as shipped in xllamacpp 2026.10.
"""

from typing import Any

from caveat.errors import Unreadable
from caveat.wire.body import read_json
from caveat.wire.fields import Field, array, by, known, number, optional, table, word, wrong
from caveat.wire.heard import Heard, all_said, as_json, broken, count, identifier, label, opaque, said, wordless
from caveat.wire.reply import Frame, ReplyReader, Usage
from caveat.wire.sse import Event
from caveat.wire.stream import Stream

_MAX_INDEX = 1023
_IDENTIFIER = optional(identifier)
_KNOWN = {"type": known}
_BARE = table(_KNOWN)
_COUNT = optional(number())
_CALLED_BY = table({**_KNOWN, "tool_id": identifier})
_CALLER = by("type", {"direct": _BARE, "code_execution_20250825": _CALLED_BY, "code_execution_20260120": _CALLED_BY})


def _tool(value: Any, at: str, heard: Heard) -> None:
    """A call to a tool, the provider's own ones included: from here on the block's words are its arguments."""
    heard.call(f"{heard.prefix}/tool", value.get("name"), at)
    _TOOL(value, at, heard)


_TOOL = table(
    {
        **_KNOWN,
        "id": _IDENTIFIER,
        "name": known,
        "server_name": optional(label),
        "toolset_name": optional(label),
        "caller": optional(_CALLER),
        "input": optional(as_json("")),
    }
)


def _result(value: Any, at: str, heard: Heard) -> None:
    all_said("/result")(value, at, heard)


_RESULTS = (
    "advisor_tool_result",
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "container_upload",
    "fallback",
    "mcp_tool_listing",
    "mcp_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "web_fetch_tool_result",
    "web_search_tool_result",
)
"""Blocks that only a request with the provider's own tools brings: every string in them is Said."""

_BLOCKS: dict[str, Field] = {
    "text": table({**_KNOWN, "text": said("/text"), "citations": optional(all_said("/citations"))}, ["text"]),
    "thinking": table({**_KNOWN, "thinking": said("/thinking"), "signature": optional(opaque)}, ["thinking"]),
    "redacted_thinking": table({**_KNOWN, "data": opaque}),
    "tool_use": _tool,
    "server_tool_use": _tool,
    "mcp_tool_use": _tool,
    "compaction": _result,
    **dict.fromkeys(_RESULTS, _result),
}
_BLOCK = by("type", _BLOCKS)

_DELTAS: dict[str, tuple[Field, tuple[str, ...]]] = {
    "text_delta": (table({**_KNOWN, "text": said("/text")}, ["text"]), ("text",)),
    "thinking_delta": (table({**_KNOWN, "thinking": said("/thinking")}, ["thinking"]), ("thinking",)),
    "signature_delta": (table({**_KNOWN, "signature": opaque}), ("thinking",)),
    "citations_delta": (table({**_KNOWN, "citation": all_said("/citations")}), ("text",)),
    "input_json_delta": (
        table({**_KNOWN, "partial_json": said("")}, ["partial_json"]),
        ("tool_use", "server_tool_use", "mcp_tool_use"),
    ),
    "compaction_delta": (_result, ("compaction",)),
}
"""Kind of delta -> how it is read, and the kinds of block that take it."""


def _usage(value: Any, at: str, heard: Heard) -> None:
    """What the provider counted; tokens that came from or went to its cache were sent in as well."""
    if type(value) is not dict:
        raise wrong("an object", value, at)
    _USAGE(value, at, heard)
    read = count(value, "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    heard.usage = Usage(read, count(value, "output_tokens"))


_USAGE = table(
    {
        "input_tokens": _COUNT,
        "output_tokens": _COUNT,
        "cache_read_input_tokens": _COUNT,
        "cache_creation_input_tokens": _COUNT,
        "service_tier": _IDENTIFIER,
        "inference_geo": _IDENTIFIER,
        "speed": _IDENTIFIER,
        "iterations": optional(all_said("usage")),
        "fallback_credit": optional(all_said("usage")),
        "cache_creation": optional(wordless),
        "server_tool_use": optional(wordless),
        "output_tokens_details": optional(wordless),
    }
)

_STOP = {
    "stop_reason": optional(
        word(
            "end_turn",
            "max_tokens",
            "stop_sequence",
            "tool_use",
            "pause_turn",
            "refusal",
            "compaction",
            "model_context_window_exceeded",
        )
    ),
    "stop_sequence": optional(said("stop")),
    "stop_details": optional(all_said("stop_details")),
    "container": optional(all_said("container")),
}
_ABOUT = {
    "context_management": optional(all_said("context_management")),
    "input_transformations": optional(all_said("input_transformations")),
}


def _placed(value: Any, at: str, heard: Heard) -> None:
    """A block of a message that came whole."""
    prefix = f"block/{at[at.rindex('/') + 1 :]}"
    heard.prefix = prefix
    _BLOCK(value, at, heard)
    heard.end(f"{prefix}/")
    heard.prefix = heard.tool = ""


_MESSAGE = table(
    {
        **_STOP,
        **_ABOUT,
        "id": _IDENTIFIER,
        "type": word("message"),
        "role": word("assistant"),
        "model": label,
        "content": array(_placed),
        "usage": _usage,
        "diagnostics": optional(all_said("diagnostics")),
    },
    ["content"],
)


def read_reply(body: bytes, _asked: bytes = b"") -> Frame:
    """See dialect.Dialect.read_reply."""
    value = read_json(body)
    heard = Heard()
    if value.get("type") == "error":
        broken(value, "/error", heard)
    _MESSAGE(value, "", heard)
    heard.end("")
    return heard.frame(body, last=True)


class _Message:
    """The message that one stream brings.  `_open` holds the kind of each block that has begun and not ended."""

    def __init__(self) -> None:
        self._heard = Heard()
        self._open: dict[int, str] = {}
        self._begun: set[int] = set()
        self._tokens_in = 0
        self._done = False
        self._by_type: dict[str, Field] = {
            "message_start": table({**_KNOWN, "message": _MESSAGE}, ["message"]),
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
            "message_delta": _MESSAGE_DELTA,
            "message_stop": _BARE,
            "ping": _BARE,
            "error": broken,
        }

    def read(self, event: Event) -> Frame:
        if not event.data:
            if event.name not in {"", "ping"}:
                raise Unreadable("a stream event has a name and no data")
            return Frame(event.raw)
        value = read_json(event.data)
        kind = value.get("type")
        if type(kind) is not str or kind not in self._by_type or event.name not in {"", kind}:
            raise Unreadable("a stream event is of a type that no table knows", at="/type")
        if self._done and kind != "ping":
            raise Unreadable("the stream goes on after `message_stop`")
        self._by_type[kind](value, "", self._heard)
        self._heard.prefix = self._heard.tool = ""
        return self._frame(event.raw, last=kind == "message_stop")

    def _frame(self, raw: bytes, *, last: bool) -> Frame:
        heard = self._heard
        if heard.usage:
            self._tokens_in = heard.usage.tokens_in or self._tokens_in
            heard.usage = Usage(self._tokens_in, heard.usage.tokens_out)
        if last:
            self._done = True
            heard.end("")
        return heard.frame(raw, last=last)

    def _block_start(self, value: Any, at: str, heard: Heard) -> None:
        index = _index(value)
        if index in self._begun:
            raise Unreadable("a content block begins twice", at="/index")
        self._begun.add(index)
        heard.prefix = f"block/{index}"
        _START(value, at, heard)
        self._open[index] = value["content_block"]["type"]

    def _block_delta(self, value: Any, at: str, heard: Heard) -> None:
        index = _index(value)
        delta = value.get("delta")
        kind = delta.get("type") if type(delta) is dict else None
        field, takers = _DELTAS.get(kind, (None, ())) if type(kind) is str else (None, ())
        if field is None or self._open.get(index) not in takers:
            raise Unreadable("a delta is of a type that no table knows for its block", at="/delta/type")
        heard.prefix = f"block/{index}"
        if kind == "input_json_delta":
            heard.call(f"block/{index}/tool", None, "/delta")
        _DELTA(value, at, heard)
        field(delta, "/delta", heard)

    def _block_stop(self, value: Any, at: str, heard: Heard) -> None:
        index = _index(value)
        if self._open.pop(index, None) is None:
            raise Unreadable("a content block ends that is not open", at="/index")
        _END(value, at, heard)
        heard.end(f"block/{index}/")


_START = table({**_KNOWN, "index": known, "content_block": _BLOCK}, ["content_block"])
_DELTA = table({**_KNOWN, "index": known, "delta": known})
_END = table({**_KNOWN, "index": known})
_MESSAGE_DELTA = table({**_KNOWN, **_ABOUT, "delta": table(_STOP), "usage": optional(_usage)})


def _index(value: dict[str, Any]) -> int:
    index = value.get("index")
    if type(index) is not int or not 0 <= index <= _MAX_INDEX:
        raise Unreadable(f"expected an index from 0 to {_MAX_INDEX}", at="/index")
    return index


def reader(_asked: bytes = b"") -> ReplyReader:
    """See dialect.Dialect.reader."""
    return Stream(_Message().read)
