"""OpenAI Responses, the request: POST /v1/responses.

    {"model": "...", "instructions": "...", "input": "a text, or items", "max_output_tokens": 64, "stream": true}

What the request only refers to is text that nobody here can read, so a clause must list it: an earlier response, a
conversation, a stored prompt, an item by its id.  A tool that the provider itself runs is not in the table either.

Source: the types of openai-python 3.54 and 1.109 (openai/types/responses), llama.cpp's server, vLLM.
"""

from typing import Any

from caveat.wire.asked import (
    Asked,
    address,
    arguments,
    ask,
    blob,
    free,
    listed,
    media,
    offered,
    routed,
    schema,
    strange_tool,
    text,
)
from caveat.wire.call import Call, Voice
from caveat.wire.fields import Field, array, boolean, by, either, integer, known, number, optional, table, word

LIMITS = ("max_output_tokens",)

_COUNT = optional(integer(-1, 2**31 - 1))
_FLAG = optional(boolean)
_LABEL = optional(text("field"))
_STATUS = optional(word("in_progress", "completed", "incomplete", "calling", "failed", "searching", "interpreting"))
_BREAKPOINT = optional(table({"mode": word("explicit"), "ttl": optional(word("30m", "12h"))}))
_DETAIL = optional(word("auto", "low", "high", "original"))


def _kind(*needs: str, **fields: Field) -> Field:
    """A content part: its type, its fields, a cache marker."""
    return table({"type": known, **fields, "prompt_cache_breakpoint": _BREAKPOINT}, needs)


def _content(voice: Voice) -> Field:
    """What a message or a tool's output says: a string, or parts."""
    sound = table({"data": blob, "format": word("wav", "mp3")}, ["data"])
    named = {"file_id": optional(text(voice)), "filename": optional(text(voice)), "detail": _DETAIL}
    image = _kind(**named, image_url=optional(address(voice)))
    file = _kind(**named, file_data=optional(blob), file_url=optional(address(voice)))
    said = _kind("text", text=text(voice), annotations=optional(array(free(voice))), logprobs=optional(free(voice)))
    kinds = {
        "input_text": said,
        "output_text": said,
        "summary_text": said,
        "reasoning_text": said,
        "refusal": _kind("refusal", refusal=text(voice)),
        "input_image": media("image", voice, image),
        "input_audio": media("audio", voice, _kind("input_audio", input_audio=sound)),
        "input_file": media("file", voice, file),
    }
    return either(text(voice), array(by("type", kinds)))


def _item(*needs: str, **fields: Field) -> Field:
    return table({"type": known, "id": _LABEL, "status": _STATUS, **fields}, needs)


def _message(voice: Voice) -> Field:
    phase = optional(word("commentary", "final_answer"))
    return _item("content", role=known, content=_content(voice), phase=phase, name=_LABEL)


_MESSAGE = by(
    "role",
    {
        "user": _message("user"),
        "system": _message("system"),
        "developer": _message("system"),
        "assistant": _message("model"),
    },
)
_CALLER = optional(table({"type": word("direct", "program"), "caller_id": _LABEL}))
_CALL = {"call_id": _LABEL, "name": text("model"), "namespace": _LABEL, "caller": _CALLER, "async": _FLAG}
_OUTPUT = {"call_id": _LABEL, "name": _LABEL, "namespace": _LABEL, "caller": _CALLER, "output": _content("tool")}
_SEALED = media("file", "model", blob)
"""Text that only the provider can read."""

_FUNCTION = {
    "type": known,
    "name": text("definition"),
    "description": optional(text("definition")),
    "parameters": optional(schema),
    "output_schema": optional(schema),
    "strict": _FLAG,
    "async": _FLAG,
    "defer_loading": _FLAG,
    "allowed_callers": optional(array(word("direct", "programmatic"))),
}
_CUSTOM_FORMAT = by("type", {"text": table({"type": known}), "grammar": listed(structured=True)})
_CUSTOM = {
    "type": known,
    "name": text("definition"),
    "description": optional(text("definition")),
    "format": optional(_CUSTOM_FORMAT),
    "async": _FLAG,
    "defer_loading": _FLAG,
    "allowed_callers": optional(array(word("direct", "programmatic"))),
}
_TOOL = by(
    "type",
    {"function": offered("name", table(_FUNCTION)), "custom": offered("name", table(_CUSTOM))},
    other=strange_tool,
)

_HOSTED_CALLS = (
    "apply_patch_call",
    "code_interpreter_call",
    "computer_call",
    "file_search_call",
    "local_shell_call",
    "mcp_approval_request",
    "mcp_call",
    "program",
    "shell_call",
    "tool_search_call",
    "web_search_call",
)
"""What the model asked of the provider's own tools in an earlier turn: every string in it is a Part."""

_HOSTED_OUTPUTS = (
    "apply_patch_call_output",
    "local_shell_call_output",
    "mcp_approval_response",
    "mcp_list_tools",
    "program_output",
    "shell_call_output",
    "tool_search_output",
)
"""What such a tool gave back."""

_ITEMS: dict[str, Field] = {
    "message": _MESSAGE,
    "function_call": _item("name", **_CALL, arguments=arguments("model")),
    "custom_tool_call": _item("name", **_CALL, input=text("model")),
    "function_call_output": _item("output", **_OUTPUT),
    "custom_tool_call_output": _item("output", **_OUTPUT),
    "reasoning": _item(
        summary=optional(_content("model")), content=optional(_content("model")), encrypted_content=optional(_SEALED)
    ),
    "compaction": _item(encrypted_content=_SEALED, created_by=_LABEL),
    "compaction_trigger": _item(),
    "additional_tools": _item("tools", role=word("developer"), tools=array(_TOOL)),
    "computer_call_output": media("image", "tool", free("tool")),
    "image_generation_call": media(
        "image", "model", _item(result=optional(blob), revised_prompt=optional(text("model")))
    ),
    "item_reference": listed(),
    **dict.fromkeys(_HOSTED_CALLS, free("model")),
    **dict.fromkeys(_HOSTED_OUTPUTS, free("tool")),
}


def _chosen(value: Any, at: str, asked: Asked) -> None:
    """`tool_choice`: whatever forces a tool dictates the reply's shape."""
    _CHOICE(value, at, asked)
    if value not in ("none", "auto"):
        asked.structured = True


_NAMED = table({"type": known, "name": text("field")})
_ALLOWED = table({"type": known, "mode": word("auto", "required"), "tools": array(free("field"))})
_CHOICE = either(
    word("none", "auto", "required"),
    by("type", {"function": _NAMED, "custom": _NAMED, "allowed_tools": _ALLOWED}),
)


def _dictated(value: Any, at: str, asked: Asked) -> None:
    """`text.format`: anything but plain text dictates the reply's shape, a schema even its words."""
    _FORMAT(value, at, asked)
    if value.get("type") != "text":
        asked.structured = True


_BARE = table({"type": known})
_FORMAT = by("type", {"text": _BARE, "json_object": _BARE, "json_schema": listed(structured=True)})
_EFFORT = word("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SUMMARY = optional(word("auto", "concise", "detailed"))
_MODE = optional(table({"mode": word("score", "block")}))


def _deferred(value: Any, at: str, asked: Asked) -> None:
    """`background`: the answer is fetched later, by a way on which nobody reads it."""
    boolean(value, at, asked)
    if value:
        asked.unlisted.append(at)


_BODY = table(
    {
        "model": routed,
        "input": either(text("user"), array(by("type", _ITEMS, default="message"))),
        "instructions": optional(text("system")),
        "stream": _FLAG,
        "stream_options": optional(table({"include_obfuscation": _FLAG})),
        "max_output_tokens": _COUNT,
        "max_tool_calls": _COUNT,
        "temperature": optional(number()),
        "top_p": optional(number()),
        "top_logprobs": optional(integer(0, 1024)),
        "tools": optional(array(_TOOL)),
        "tool_choice": optional(_chosen),
        "parallel_tool_calls": _FLAG,
        "text": optional(table({"format": optional(_dictated), "verbosity": optional(word("low", "medium", "high"))})),
        "reasoning": optional(
            table(
                {
                    "effort": optional(_EFFORT),
                    "summary": _SUMMARY,
                    "generate_summary": _SUMMARY,
                    "context": optional(word("auto", "current_turn", "all_turns")),
                    "mode": optional(word("standard", "pro")),
                }
            )
        ),
        "include": optional(
            array(
                word(
                    "reasoning.encrypted_content",
                    "message.output_text.logprobs",
                    "message.input_image.image_url",
                    "code_interpreter_call.outputs",
                    "computer_call_output.output.image_url",
                    "file_search_call.results",
                    "web_search_call.results",
                    "web_search_call.action.sources",
                )
            )
        ),
        "truncation": optional(word("auto", "disabled")),
        "previous_response_id": listed(),
        "conversation": listed(),
        "prompt": listed(),
        "context_management": listed(),
        "background": optional(_deferred),
        "background_options": listed(),
        "store": _FLAG,
        "metadata": optional(free("field")),
        "moderation": optional(
            table({"model": text("field"), "policy": optional(table({"input": _MODE, "output": _MODE}))})
        ),
        "service_tier": optional(word("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")),
        "user": _LABEL,
        "safety_identifier": _LABEL,
        "prompt_cache_key": _LABEL,
        "prompt_cache_options": optional(
            table({"mode": word("implicit", "explicit"), "ttl": word("30m", "12h"), "prewarm": _FLAG})
        ),
        "prompt_cache_retention": optional(word("in_memory", "in-memory", "24h")),
    },
    ["model", "input"],
)


def read_call(body: bytes) -> Call:
    """See dialect.Dialect.read_call."""
    value, asked = ask(body, _BODY)
    limit = value.get("max_output_tokens")
    return asked.call(value, "openai_responses", "chat", max_output_tokens=None if limit == -1 else limit)
