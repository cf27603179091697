"""OpenAI chat completions, the reply: one body, or a stream of chunks that ends with `data: [DONE]`.

    data: {"id": "...", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hel"}}]}

Channels of choice N: `N/content`, `N/reasoning`, `N/reasoning_content`, `N/refusal`, `N/tool/M` (arguments of its
M-th tool call) and `N/tool/M/name`, `N/function` (the older form), `N/logprobs` and, for the K-th alternative to each
token, `N/logprobs/K`.  All of a choice's channels are complete with its finish_reason: only then are tool calls, too,
since a provider may interleave them.

Source: openai-python 3.54 (openai/types/chat/chat_completion*.py), llama.cpp's server as shipped in xllamacpp
2026.10, vLLM's protocol as of autumn 2026.
"""

from collections.abc import Callable
from typing import Any

from caveat.errors import Unreadable
from caveat.wire.body import read_json
from caveat.wire.fields import Field, array, boolean, integer, known, number, optional, table, unknown, word, wrong
from caveat.wire.heard import Heard, all_said, broken, count, identifier, label, said, wordless
from caveat.wire.reply import Frame, ReplyReader, Usage
from caveat.wire.sse import Event
from caveat.wire.stream import Stream

_MAX_INDEX = 1023
_IDENTIFIER = optional(identifier)
_COUNT = optional(number())


def _index(value: Any, at: str) -> int:
    index = value.get("index") if type(value) is dict else None
    if type(index) is not int or not 0 <= index <= _MAX_INDEX:
        raise Unreadable(f"expected an index from 0 to {_MAX_INDEX}", at=f"{at}/index")
    return index


def _position(_value: Any, at: str) -> int:
    return int(at[at.rindex("/") + 1 :])


_CALLED = table({"name": optional(known), "arguments": optional(said("")), "input": optional(said(""))})
_TOOL_CALL = table(
    {
        "index": integer(0, _MAX_INDEX),
        "id": _IDENTIFIER,
        "type": optional(word("function", "custom")),
        "function": optional(_CALLED),
        "custom": optional(_CALLED),
    }
)


def _tool_call(place: Callable[[Any, str], int]) -> Field:
    """One tool call, or a piece of one; `place` says which."""

    def read(value: Any, at: str, heard: Heard) -> None:
        choice = heard.prefix
        index = place(value, at)
        called = value.get("function") or value.get("custom") if type(value) is dict else None
        if type(called) is dict:
            heard.call(f"{choice}/tool/{index}", called.get("name"), at)
        _TOOL_CALL(value, at, heard)
        heard.prefix, heard.tool = choice, ""

    return read


def _function_call(value: Any, at: str, heard: Heard) -> None:
    choice = heard.prefix
    if type(value) is dict:
        heard.call(f"{choice}/function", value.get("name"), at)
    _CALLED(value, at, heard)
    heard.prefix, heard.tool = choice, ""


def _says(place: Callable[[Any, str], int]) -> Field:
    """A message, or what a chunk adds to it."""
    return table(
        {
            "role": optional(word("assistant", "developer", "system", "tool", "user")),
            "content": optional(said("/content")),
            "refusal": optional(said("/refusal")),
            "reasoning": optional(said("/reasoning")),
            "reasoning_content": optional(said("/reasoning_content")),
            "tool_calls": optional(array(_tool_call(place))),
            "function_call": optional(_function_call),
            "annotations": optional(all_said("/annotations")),
            "audio": optional(unknown),
        }
    )


_TOKEN = {"token": known, "logprob": _COUNT, "bytes": optional(array(integer(0, 255))), "id": integer(0, 2**31)}
_ALTERNATIVE = table(_TOKEN, ["token"])


def _token(suffix: str, value: Any, at: str, heard: Heard) -> None:
    token = value["token"]
    if type(token) is not str:
        raise wrong("a string", token, f"{at}/token")
    heard.say(suffix, token)


def _alternatives(value: Any, at: str, heard: Heard) -> None:
    """The other tokens that might have come, likeliest first; each rank is a text of its own."""
    array(_ALTERNATIVE)(value, at, heard)
    for rank, one in enumerate(value):
        _token(f"/logprobs/{rank}", one, f"{at}/{rank}", heard)


_CHOSEN = table({**_TOKEN, "top_logprobs": optional(_alternatives)}, ["token"])


def _chosen(value: Any, at: str, heard: Heard) -> None:
    _CHOSEN(value, at, heard)
    _token("/logprobs", value, at, heard)


_TOKENS = optional(array(_chosen))
_ENDS = ("stop", "length", "tool_calls", "content_filter", "function_call", "abort")
_CHOICE = {
    "index": known,
    "finish_reason": optional(word(*_ENDS)),
    "logprobs": optional(table({"content": _TOKENS, "refusal": _TOKENS})),
    "content_filter_results": optional(all_said("/filter")),
    "stop_reason": optional(all_said("/stop")),
    "token_ids": optional(wordless),
}


def _choice(inner: Field) -> Field:
    """One answer; its channels are complete with its finish_reason."""

    def read(value: Any, at: str, heard: Heard) -> None:
        prefix = str(_index(value, at))
        heard.prefix = prefix
        inner(value, at, heard)
        heard.prefix = ""
        if value.get("finish_reason") is not None:
            heard.end(f"{prefix}/")

    return read


def _usage(value: Any, at: str, heard: Heard) -> None:
    wordless(value, at, heard)
    if type(value) is not dict:
        raise wrong("an object", value, at)
    heard.usage = Usage(count(value, "prompt_tokens"), count(value, "completion_tokens"))


_BODY = {
    "id": _IDENTIFIER,
    "created": _COUNT,
    "model": optional(label),
    "usage": optional(_usage),
    "service_tier": _IDENTIFIER,
    "system_fingerprint": _IDENTIFIER,
    "obfuscation": _IDENTIFIER,
    "metadata": optional(all_said("metadata")),
    "moderation": optional(all_said("moderation")),
    "prompt_filter_results": optional(all_said("prompt_filter")),
    "error": optional(broken),
    "caveat": optional(all_said("caveat")),
    # llama.cpp and vLLM
    "timings": optional(wordless),
    "prompt_logprobs": optional(all_said("prompt_logprobs")),
    "prompt_token_ids": optional(wordless),
    "kv_transfer_params": optional(all_said("kv_transfer")),
    "cached": optional(boolean),
}
_REPLY = table(
    {
        **_BODY,
        "object": word("chat.completion"),
        "choices": array(_choice(table({**_CHOICE, "message": _says(_position)}, ["message"]))),
    },
)
_CHUNK = table(
    {
        **_BODY,
        "object": word("chat.completion.chunk"),
        "choices": array(_choice(table({**_CHOICE, "delta": _says(_index)}))),
    },
)


def read_reply(body: bytes, _asked: bytes = b"") -> Frame:
    """See dialect.Dialect.read_reply."""
    value = read_json(body)
    heard = Heard()
    _REPLY(value, "", heard)
    if "choices" not in value:
        raise Unreadable("expected a member `choices`")
    heard.end("")
    return heard.frame(body, last=True)


class _Chunks:
    """The chunks of one stream."""

    def __init__(self) -> None:
        self._heard = Heard()
        self._done = False

    def read(self, event: Event) -> Frame:
        if event.name == "error":
            broken(None, "", self._heard)
        if event.name not in {"", "message"}:
            raise Unreadable("a stream event has a name that no table knows")
        if not event.data:
            return Frame(event.raw)
        if self._done:
            raise Unreadable("the stream goes on after `[DONE]`")
        if event.data == b"[DONE]":
            self._done = True
            self._heard.end("")
            return self._heard.frame(event.raw, last=True)
        _CHUNK(read_json(event.data), "", self._heard)
        return self._heard.frame(event.raw)


def reader(_asked: bytes = b"") -> ReplyReader:
    """See dialect.Dialect.reader."""
    return Stream(_Chunks().read)
