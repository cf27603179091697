"""OpenAI Responses: the items of an answer, and the response object around them.

Channels of item N: `item/N/M/text`, `item/N/M/refusal` and `item/N/M/reasoning` of its M-th part, `item/N/M/summary`,
`item/N/M/annotation/K`, `item/N/M/logprobs` (and `logprobs/R` for the R-th alternative), `item/N/tool` (arguments) and
`item/N/tool/name`; what a tool of the provider's own was asked or gave back stands below `item/N/tool/`.

Source: openai-python 3.54 (openai/types/responses/response*.py), llama.cpp's server as shipped in xllamacpp 2026.10.
"""

from collections.abc import Callable
from typing import Any

from caveat.errors import Unreadable
from caveat.wire.fields import Field, array, boolean, by, known, optional, table, unknown, word, wrong
from caveat.wire.heard import broken, count, label, opaque, said, wordless
from caveat.wire.openai_responses_parts import (
    COUNT,
    IDENTIFIER,
    KNOWN,
    MAX_INDEX,
    PARTS,
    echo,
    whole,
)
from caveat.wire.openai_responses_told import Told
from caveat.wire.reply import Usage

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


def _item(**fields: Field) -> Field:
    return table({"type": known, "id": IDENTIFIER, "status": _STATUS, "created_by": optional(label), **fields})


_CALLER = optional(table({**KNOWN, "caller_id": IDENTIFIER}))
_CALLED = {
    "call_id": IDENTIFIER,
    "namespace": optional(whole("/namespace")),
    "server_label": optional(label),
    "approval_request_id": IDENTIFIER,
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
    return _item(call_id=IDENTIFIER, caller=_CALLER, max_output_length=COUNT, **rest)


_ARGUMENTS = optional(said(""))
ITEM = by(
    "type",
    {
        "message": _item(role=word("assistant"), content=PARTS, phase=optional(word("commentary", "final_answer"))),
        "reasoning": _item(summary=optional(PARTS), content=optional(PARTS), encrypted_content=optional(opaque)),
        "function_call": _tool(_own, name=known, arguments=_ARGUMENTS),
        "custom_tool_call": _tool(_own, name=known, input=_ARGUMENTS),
        "mcp_call": _tool(
            _own, name=known, arguments=_ARGUMENTS, output=optional(whole("/output")), error=optional(whole("/error"))
        ),
        "mcp_approval_request": _tool(_own, name=known, arguments=_ARGUMENTS),
        "code_interpreter_call": _hosted("outputs", code=_ARGUMENTS, container_id=IDENTIFIER),
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
        **dict.fromkeys(_NUMBERS, COUNT),
        "id": IDENTIFIER,
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
        "service_tier": IDENTIFIER,
        "truncation": IDENTIFIER,
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
