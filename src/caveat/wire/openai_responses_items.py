"""OpenAI Responses: the items of an answer, and the response object around them.

Channels of item N: `item/N/M/text`, `item/N/M/refusal` and `item/N/M/reasoning` of its M-th part, `item/N/M/summary`,
`item/N/M/annotation/K`, `item/N/M/logprobs` (and `logprobs/R` for the R-th alternative), `item/N/tool` (arguments) and
`item/N/tool/name`; what a tool of the provider's own was asked or gave back stands below `item/N/tool/`.

Source: openai-python 3.54 (openai/types/responses/response*.py), llama.cpp's server as shipped in xllamacpp 2026.10.
"""

from collections.abc import Callable
from typing import Any

from caveat.errors import Unreadable
from caveat.wire.body import strings
from caveat.wire.fields import Field, array, boolean, by, integer, known, number, optional, table, unknown, word, wrong
from caveat.wire.heard import broken, count, identifier, label, opaque, said, wordless
from caveat.wire.openai_responses_told import Told
from caveat.wire.reply import Usage

MAX_INDEX = 1023
_IDENTIFIER = optional(identifier)
_COUNT = optional(number())
_KNOWN = {"type": known}
_STATUS = optional(
    word(
        "calling",
        "cancelled",
        "completed",
        "failed",
        "generating",
        "in_progress",
        "incomplete",
        "interpreting",
        "queued",
        "searching",
    )
)


def whole(suffix: str) -> Field:
    """Any JSON that comes whole: every string and member name of it is Said, one a line."""

    def read(value: Any, _at: str, told: Told) -> None:
        words = strings(value)
        if words:
            told.whole(suffix, "\n".join(words) + "\n")

    return read


def echo(name: str) -> Field:
    """A member that the provider repeats from the request; see Told.echo."""

    def read(value: Any, _at: str, told: Told) -> None:
        told.echo(name, value)

    return read


def numbered(inner: Field, field: Field, suffix: str = "") -> Field:
    """An array of parts, each with a channel prefix of its own: the item's, and its number."""

    def read(value: Any, at: str, told: Told) -> None:
        inner(value, at, told)
        prefix = told.prefix
        for index, one in enumerate(value):
            told.prefix = f"{prefix}/{index}{suffix}"
            field(one, f"{at}/{index}", told)
        told.prefix = prefix

    return read


_TOKEN = {"token": known, "logprob": _COUNT, "bytes": optional(array(integer(0, 255)))}
_ALTERNATIVES = array(table(_TOKEN))
_CHOSEN = array(table({**_TOKEN, "top_logprobs": optional(_ALTERNATIVES)}, ["token"]))


def logprobs(value: Any, at: str, told: Told) -> None:
    """The tokens, and for each the other tokens that might have come, likeliest first: each rank a text of its own."""
    _CHOSEN(value, at, told)
    texts: dict[str, list[str]] = {}
    for one in value:
        ranks = enumerate(one.get("top_logprobs") or ())
        for suffix, token in (("", one), *((f"/{rank}", other) for rank, other in ranks)):
            texts.setdefault(f"/logprobs{suffix}", []).append(_token(token, at))
    for suffix, tokens in texts.items():
        text = "".join(tokens)
        if not told.repeats:
            told.say(suffix, text)
        elif text != told.told(suffix):
            told.whole(f"{suffix}/again", text)


def _token(value: Any, at: str) -> str:
    token = value.get("token", "")
    if type(token) is not str:
        raise wrong("a string", token, at)
    return token


_ANNOTATIONS = numbered(array(known), whole("/annotation"))
PART = by(
    "type",
    {
        "output_text": table(
            {
                **_KNOWN,
                "text": said("/text"),
                "annotations": optional(_ANNOTATIONS),
                "logprobs": optional(logprobs),
            },
            ["text"],
        ),
        "refusal": table({**_KNOWN, "refusal": said("/refusal")}, ["refusal"]),
        "reasoning_text": table({**_KNOWN, "text": said("/reasoning")}, ["text"]),
        "summary_text": table({**_KNOWN, "text": said("/summary")}, ["text"]),
    },
)
_PARTS = numbered(array(known), PART)


def _item(**fields: Field) -> Field:
    return table({"type": known, "id": _IDENTIFIER, "status": _STATUS, "created_by": optional(label), **fields})


_CALLER = optional(table({**_KNOWN, "caller_id": _IDENTIFIER}))
_CALLED = {
    "call_id": _IDENTIFIER,
    "namespace": optional(whole("/namespace")),
    "server_label": optional(label),
    "approval_request_id": _IDENTIFIER,
    "caller": _CALLER,
    "async": optional(boolean),
}


def _tool(named: Callable[[dict[str, Any]], Any], /, **fields: Field) -> Field:
    """A call to a tool: from here on the item's words are its arguments."""
    inner = _item(**_CALLED, **fields)

    def read(value: Any, at: str, told: Told) -> None:
        prefix = told.prefix
        told.call(f"{prefix}/tool", named(value), at)
        inner(value, at, told)
        told.prefix, told.tool = prefix, ""

    return read


def _own(value: dict[str, Any]) -> Any:
    return value.get("name")


def _hosted(*members: str, **fields: Field) -> Field:
    """A tool of the provider's own, known by the kind of the item."""
    rest = {name: optional(whole(f"/{name}")) for name in members}
    return _tool(lambda value: value["type"].removesuffix("_call"), **rest, **fields)


def _result(*members: str) -> Field:
    """What a tool of the provider's own gave back: every string in it is Said."""
    rest = {name: optional(whole(f"/tool/{name}")) for name in members}
    return _item(call_id=_IDENTIFIER, caller=_CALLER, max_output_length=_COUNT, **rest)


_ARGUMENTS = optional(said(""))
ITEM = by(
    "type",
    {
        "message": _item(role=word("assistant"), content=_PARTS, phase=optional(word("commentary", "final_answer"))),
        "reasoning": _item(summary=optional(_PARTS), content=optional(_PARTS), encrypted_content=optional(opaque)),
        "function_call": _tool(_own, name=known, arguments=_ARGUMENTS),
        "custom_tool_call": _tool(_own, name=known, input=_ARGUMENTS),
        "mcp_call": _tool(
            _own, name=known, arguments=_ARGUMENTS, output=optional(whole("/output")), error=optional(whole("/error"))
        ),
        "mcp_approval_request": _tool(_own, name=known, arguments=_ARGUMENTS),
        "code_interpreter_call": _hosted("outputs", code=_ARGUMENTS, container_id=_IDENTIFIER),
        "web_search_call": _hosted("action", "results"),
        "file_search_call": _hosted("queries", "results"),
        "computer_call": _hosted("action", "actions", "pending_safety_checks"),
        "local_shell_call": _hosted("action"),
        "shell_call": _hosted("action", "environment"),
        "apply_patch_call": _hosted("operation"),
        "tool_search_call": _hosted("arguments", "execution"),
        "image_generation_call": unknown,
        "local_shell_call_output": _result("output"),
        "shell_call_output": _result("output"),
        "apply_patch_call_output": _result("output"),
        "function_call_output": _result("output", "name", "namespace"),
        "custom_tool_call_output": _result("output", "name", "namespace"),
        "computer_call_output": unknown,
        "mcp_list_tools": _result("server_label", "tools", "error"),
        "mcp_approval_response": _result("reason", "approve", "approval_request_id"),
        "tool_search_output": _result("tools", "execution"),
        "program": _hosted("code", "fingerprint"),
        "program_output": _result("result"),
        "additional_tools": _result("tools", "role"),
        "compaction": _item(encrypted_content=opaque),
    },
)
"""What no recognizer reads is refused: a picture made or a screen seen."""


def _placed(value: Any, at: str, told: Told) -> None:
    """An item of an output that comes whole."""
    told.prefix = f"item/{at[at.rindex('/') + 1 :]}"
    ITEM(value, at, told)
    told.prefix = told.tool = ""


def _usage(value: Any, at: str, told: Told) -> None:
    wordless(value, at, told)
    if type(value) is not dict:
        raise wrong("an object", value, at)
    told.usage = Usage(count(value, "input_tokens"), count(value, "output_tokens"))


_ECHOES = (
    "access_programs",
    "billing",
    "conversation",
    "image",
    "instructions",
    "metadata",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "text",
    "tool_choice",
    "tools",
    "user",
)
_ABOUT = ("caveat", "input_transformations", "moderation", "output_text", "prompt_cache_diagnostics")
_NUMBERS = (
    "created_at",
    "completed_at",
    "frequency_penalty",
    "max_output_tokens",
    "max_tool_calls",
    "presence_penalty",
    "temperature",
    "top_logprobs",
    "top_p",
)

RESPONSE = table(
    {
        **{name: optional(echo(name)) for name in _ECHOES},
        **{name: optional(whole(f"about/{name}")) for name in _ABOUT},
        **dict.fromkeys(_NUMBERS, _COUNT),
        "id": _IDENTIFIER,
        "object": word("response"),
        "model": optional(label),
        "status": _STATUS,
        "error": optional(broken),
        "incomplete_details": optional(
            table({"reason": optional(word("max_output_tokens", "max_messages", "content_filter", "steered"))})
        ),
        "output": optional(array(_placed)),
        "usage": optional(_usage),
        "tool_usage": optional(wordless),
        "service_tier": _IDENTIFIER,
        "truncation": _IDENTIFIER,
        "background": optional(boolean),
        "parallel_tool_calls": optional(boolean),
        "store": optional(boolean),
        # llama.cpp
        "timings": optional(wordless),
    }
)


class Places:
    """Which item of the output an event speaks of: by its index where the server gives one, else by the item's id."""

    def __init__(self) -> None:
        self._by_id: dict[str, int] = {}
        self._begun: set[int] = set()

    def begin(self, event: dict[str, Any], item: dict[str, Any]) -> int:
        """The place of an item that begins.  Raises Unreadable where one has begun there."""
        place = event.get("output_index", len(self._begun))
        if type(place) is not int or not 0 <= place <= MAX_INDEX or place in self._begun:
            raise Unreadable("an item begins at no place of its own", at="/output_index")
        self._begun.add(place)
        for name in ("id", "call_id"):
            key = item.get(name)
            if type(key) is str and key:
                self._by_id[key] = place
        return place

    def find(self, event: dict[str, Any]) -> int:
        """The place of an item that has begun.  Raises Unreadable."""
        place = event.get("output_index")
        if place is None:
            item = event.get("item")
            keys = [event.get("item_id"), *((item.get("id"), item.get("call_id")) if type(item) is dict else ())]
            place = next((self._by_id[key] for key in keys if type(key) is str and key in self._by_id), None)
        if type(place) is not int or place not in self._begun:
            raise Unreadable("an event speaks of an item that has not begun", at="/output_index")
        return place
