"""Anthropic messages, the request: POST /v1/messages.

    {"model": "...", "max_tokens": 64, "system": "...", "messages": [{"role": "user", "content": "..."}]}

Source: the types of anthropic-python 2.12 and 0.40 (anthropic/types, message_create_params.py and *_param.py), and
the API reference on platform.claude.com.  What the provider itself would run or fetch (web search, code execution,
connectors, containers) is no field of this table: a clause must list it.
"""

from typing import Any

from caveat.wire.asked import (
    Asked,
    address,
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
    texts,
)
from caveat.wire.call import Call, Voice
from caveat.wire.fields import Field, array, boolean, by, either, integer, known, number, optional, table, word

LIMITS = ("max_tokens",)
"""Where the output limit stands."""

_FLAG = optional(boolean)
_NUMBER = optional(number())
_LABEL = optional(text("field"))
_PLACE = integer(0, 2**31 - 1)
_CACHE = optional(by("type", {"ephemeral": table({"type": known, "ttl": word("5m", "1h")})}))
_BARE = table({"type": known})
_CALLER = by(
    "type",
    {
        "direct": _BARE,
        "code_execution_20250825": table({"type": known, "tool_id": text("field")}),
        "code_execution_20260120": table({"type": known, "tool_id": text("field")}),
    },
)


def _block(needs: tuple[str, ...], **fields: Field) -> Field:
    """A content block: its type, its fields, a cache marker."""
    return table({"type": known, **fields, "cache_control": _CACHE}, needs)


_PLACES = (
    "document_index",
    "search_result_index",
    "start_char_index",
    "end_char_index",
    "start_page_number",
    "end_page_number",
    "start_block_index",
    "end_block_index",
)


def _citations(voice: Voice) -> Field:
    """What a text block of an earlier reply quotes, and from where."""
    words = {name: optional(text(voice)) for name in ("cited_text", "document_title", "title", "source", "url")}
    places = dict.fromkeys(_PLACES, _PLACE)
    more = {"file_id": _LABEL, "encrypted_index": text("field"), "type": known}
    kinds = ("char", "page", "content_block", "search_result", "web_search_result")
    return optional(
        array(by("type", dict.fromkeys((f"{kind}_location" for kind in kinds), table(words | places | more))))
    )


def _texts(voice: Voice) -> Field:
    """A string, or an array of text blocks: a system prompt."""
    block = _block(("text",), text=text(voice), citations=_citations(voice))
    return either(text(voice), array(by("type", {"text": block})))


def _image(voice: Voice) -> Field:
    source = by(
        "type",
        {
            "base64": table({"type": known, "data": blob, "media_type": _IMAGE}),
            "url": table({"type": known, "url": address(voice)}),
            "file": table({"type": known, "file_id": text(voice)}),
        },
    )
    shape = optional(table({"oversized_image": word("downsize", "error")}))
    return media("image", voice, _block(("source",), source=source, transformations=shape))


_IMAGE = word("image/jpeg", "image/png", "image/gif", "image/webp")
_ENABLED = optional(table({"enabled": boolean}))


def _document(voice: Voice) -> Field:
    """A document: read where it is text, unread where it is a file."""
    block = by("type", {"text": _block(("text",), text=text(voice)), "image": _image(voice)})
    written = {
        "text": table({"type": known, "data": text(voice), "media_type": word("text/plain")}),
        "content": table({"type": known, "content": either(text(voice), array(block))}),
    }
    files = {
        "base64": table({"type": known, "data": blob, "media_type": word("application/pdf")}),
        "url": table({"type": known, "url": address(voice)}),
        "file": table({"type": known, "file_id": text(voice)}),
    }
    about = {"title": optional(text(voice)), "context": optional(text(voice)), "citations": _ENABLED}
    readable = _block(("source",), source=by("type", written), **about)
    unreadable = media("file", voice, _block(("source",), source=by("type", files), **about))

    def read(value: Any, at: str, asked: Asked) -> None:
        source = value.get("source")
        kind = source.get("type") if type(source) is dict else None
        (unreadable if type(kind) is str and kind in files else readable)(value, at, asked)

    return read


def _results(voice: Voice) -> dict[str, Field]:
    """The blocks that a message and a tool result have in common."""
    found = _block(("content",), content=_texts(voice), source=text(voice), title=text(voice), citations=_ENABLED)
    return {
        "text": _block(("text",), text=text(voice), citations=_citations(voice)),
        "image": _image(voice),
        "document": _document(voice),
        "search_result": found,
    }


_TOOL_RESULT = _block(
    ("tool_use_id",),
    tool_use_id=text("field"),
    is_error=boolean,
    toolset_name=_LABEL,
    content=either(
        text("tool"), array(by("type", {**_results("tool"), "tool_reference": _block((), tool_name=text("tool"))}))
    ),
)


def _message(voice: Voice) -> Field:
    use = _block(
        ("name",),
        id=text("field"),
        name=text(voice),
        input=free(voice),
        caller=optional(_CALLER),
        toolset_name=_LABEL,
    )
    kinds = {
        **_results(voice),
        "tool_use": use,
        "tool_result": _TOOL_RESULT,
        "thinking": _block(("thinking",), thinking=text(voice), signature=text("field")),
        "redacted_thinking": media("file", voice, _block(("data",), data=blob)),
    }
    return table({"role": known, "content": either(text(voice), array(by("type", kinds)))}, ["content"])


_MESSAGES = array(
    by(
        "role",
        {
            "user": _message("user"),
            "assistant": _message("model"),
            "system": table({"role": known, "content": _texts("system")}, ["content"]),
        },
    )
)

_CALLERS = word("direct", "code_execution_20250825", "code_execution_20260120", "code_execution_20260521")
_ABOUT_TOOL = {
    "name": text("definition"),
    "cache_control": _CACHE,
    "allowed_callers": array(_CALLERS),
    "defer_loading": boolean,
    "input_examples": array(free("definition")),
    "strict": _FLAG,
}
_CUSTOM = table(
    {
        **_ABOUT_TOOL,
        "type": known,
        "description": text("definition"),
        "input_schema": schema,
        "eager_input_streaming": _FLAG,
    }
)
_CLIENT_TOOL = table({**_ABOUT_TOOL, "type": known, "max_characters": optional(_PLACE)})
_CLIENT_TOOLS = (
    "bash_20250124",
    "memory_20250818",
    "text_editor_20250124",
    "text_editor_20250429",
    "text_editor_20250728",
)
"""Tools whose definition the provider keeps and whose calls the caller's own program carries out."""

_TOOL = by(
    "type",
    {"custom": offered("name", _CUSTOM), **dict.fromkeys(_CLIENT_TOOLS, offered("name", _CLIENT_TOOL))},
    default="custom",
    other=strange_tool,
)


def _chosen(value: Any, at: str, asked: Asked) -> None:
    """`tool_choice`: whatever forces a tool dictates the reply's shape."""
    _CHOICE(value, at, asked)
    if value.get("type") in ("any", "tool"):
        asked.structured = True


_CHOICE = by(
    "type",
    {
        "auto": table({"type": known, "disable_parallel_tool_use": boolean}),
        "any": table({"type": known, "disable_parallel_tool_use": boolean}),
        "tool": table({"type": known, "name": text("field"), "disable_parallel_tool_use": boolean}),
        "none": _BARE,
    },
)

_DISPLAY = optional(word("summarized", "omitted"))
_THINKING = by(
    "type",
    {
        "enabled": table({"type": known, "budget_tokens": integer(0, 2**31 - 1), "display": _DISPLAY}),
        "adaptive": table({"type": known, "display": _DISPLAY}),
        "between_tools": _BARE,
        "disabled": _BARE,
    },
)

ASKED: dict[str, Field] = {
    "model": routed,
    "messages": _MESSAGES,
    "system": _texts("system"),
    "cache_control": _CACHE,
    "thinking": _THINKING,
    "tools": array(_TOOL),
    "tool_choice": _chosen,
    "output_config": table(
        {"effort": optional(word("low", "medium", "high", "xhigh", "max")), "format": listed(structured=True)}
    ),
    "speed": optional(word("standard", "fast")),
}
"""What a request to count tokens has, too."""

_BODY = table(
    {
        **ASKED,
        "max_tokens": integer(0, 2**31 - 1),
        "stream": boolean,
        "stop_sequences": texts("field"),
        "temperature": _NUMBER,
        "top_p": _NUMBER,
        "top_k": optional(integer(-1, 2**31 - 1)),
        "metadata": table({"user_id": _LABEL}),
        "service_tier": word("auto", "standard_only"),
        "inference_geo": _LABEL,
        "diagnostics": optional(table({"previous_message_id": _LABEL})),
        "container": listed(),
        "output_format": listed(structured=True),
    },
    ["model", "messages"],
)


def read_call(body: bytes) -> Call:
    """See dialect.Dialect.read_call."""
    value, asked = ask(body, _BODY)
    return asked.call(value, "anthropic_messages", "chat", max_output_tokens=value.get("max_tokens"))
