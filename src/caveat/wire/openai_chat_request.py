"""OpenAI chat completions, the request: POST /v1/chat/completions.

    {"model": "...", "messages": [{"role": "user", "content": "..."}], "max_tokens": 64, "stream": true}

Source: the types of openai-python 3.54 and 1.109 (openai/types/chat), the API reference on platform.openai.com, and
the fields by which llama.cpp and vLLM extend it (bounded ones only: their grammars and templates are unlisted).
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
    texts,
)
from caveat.wire.body import MAX_INT
from caveat.wire.call import Call, Voice
from caveat.wire.fields import (
    Field,
    array,
    boolean,
    by,
    either,
    integer,
    known,
    number,
    optional,
    table,
    word,
)

LIMITS = ("max_tokens", "max_completion_tokens", "n_predict")
"""Where engines look for the output limit."""

_COUNT = optional(integer(-1, 2**31 - 1))
_FLAG = optional(boolean)
_NUMBER = optional(number())
_LABEL = optional(text("field"))
_BREAKPOINT = optional(table({"mode": word("explicit"), "ttl": word("30m", "12h")}))


def _kind(**fields: Field) -> Field:
    """A content part: its type, its fields (all needed), a cache marker."""
    return table({"type": known, **fields, "prompt_cache_breakpoint": _BREAKPOINT}, fields)


def _content(voice: Voice) -> Field:
    """What a message says: a string, or parts."""
    url = table({"url": address(voice), "detail": word("auto", "low", "high", "original")}, ["url"])
    sound = table({"data": blob, "format": word("wav", "mp3")}, ["data"])
    file = table({"file_data": blob, "file_id": text(voice), "filename": text(voice)})
    kinds = {
        "text": _kind(text=text(voice)),
        "refusal": _kind(refusal=text(voice)),
        "image_url": media("image", voice, _kind(image_url=url)),
        "input_audio": media("audio", voice, _kind(input_audio=sound)),
        "file": media("file", voice, _kind(file=file)),
    }
    return either(text(voice), array(by("type", kinds)))


def _message(voice: Voice, needs: tuple[str, ...] = ("content",), **fields: Field) -> Field:
    content = _content(voice) if "content" in needs else optional(_content(voice))
    return table({"role": known, "content": content, "name": text(voice), **fields}, needs)


_CALLED = table({"name": text("model"), "arguments": arguments("model")})
_TOOL_CALL = by(
    "type",
    {
        "function": table({"type": known, "id": text("field"), "index": integer(0, 1023), "function": _CALLED}),
        "custom": table(
            {"type": known, "id": text("field"), "custom": table({"name": text("model"), "input": text("model")})}
        ),
    },
    default="function",
)

_MESSAGES = array(
    by(
        "role",
        {
            "system": _message("system"),
            "developer": _message("system"),
            "user": _message("user"),
            "assistant": _message(
                "model",
                (),
                refusal=optional(text("model")),
                reasoning=optional(text("model")),
                reasoning_content=optional(text("model")),
                tool_calls=optional(array(_TOOL_CALL)),
                function_call=optional(_CALLED),
                annotations=optional(array(free("model"))),
                audio=optional(media("audio", "model", table({"id": text("field")}))),
            ),
            "tool": _message("tool", tool_call_id=text("field")),
            "function": _message("tool", ()),
        },
    )
)

_FUNCTION = {
    "name": text("definition"),
    "description": optional(text("definition")),
    "parameters": optional(schema),
    "strict": _FLAG,
}
_CUSTOM = {
    "name": text("definition"),
    "description": text("definition"),
    "format": by("type", {"text": table({"type": known}), "grammar": listed(structured=True)}),
}
_TOOL = by(
    "type",
    {
        "function": offered("function/name", table({"type": known, "function": table(_FUNCTION)})),
        "custom": offered("custom/name", table({"type": known, "custom": table(_CUSTOM)})),
    },
    other=strange_tool,
)


def _chosen(value: Any, at: str, asked: Asked) -> None:
    """`tool_choice`: whatever forces a tool dictates the reply's shape."""
    _CHOICE(value, at, asked)
    if value not in ("none", "auto"):
        asked.structured = True


_NAMED = table({"name": text("field")})
_CHOICE = either(
    word("none", "auto", "required"),
    by(
        "type",
        {
            "function": table({"type": known, "function": _NAMED}),
            "custom": table({"type": known, "custom": _NAMED}),
            "allowed_tools": table(
                {
                    "type": known,
                    "allowed_tools": table({"mode": word("auto", "required"), "tools": array(free("field"))}),
                }
            ),
        },
    ),
)


def _dictated(value: Any, at: str, asked: Asked) -> None:
    """`response_format`: anything but plain text dictates the reply's shape, a schema even its words."""
    _FORMAT(value, at, asked)
    if value.get("type") != "text":
        asked.structured = True


_BARE = table({"type": known})
_FORMAT = by("type", {"text": _BARE, "json_object": _BARE, "json_schema": listed(structured=True)})

_MODE = optional(table({"mode": word("score", "block")}))

_BODY = table(
    {
        "model": routed,
        "messages": _MESSAGES,
        "stream": _FLAG,
        "stream_options": optional(
            table({"include_usage": _FLAG, "include_obfuscation": _FLAG, "continuous_usage_stats": _FLAG})
        ),
        "n": optional(integer(1, 1024)),
        "max_tokens": _COUNT,
        "max_completion_tokens": _COUNT,
        "temperature": _NUMBER,
        "top_p": _NUMBER,
        "frequency_penalty": _NUMBER,
        "presence_penalty": _NUMBER,
        "seed": optional(integer(-MAX_INT, MAX_INT)),
        "stop": optional(texts("field")),
        "logprobs": _FLAG,
        "top_logprobs": optional(integer(0, 1024)),
        "logit_bias": listed(structured=True),
        "tools": optional(array(_TOOL)),
        "tool_choice": optional(_chosen),
        "parallel_tool_calls": _FLAG,
        "functions": optional(array(offered("name", table(_FUNCTION)))),
        "function_call": optional(either(_chosen, _NAMED)),
        "response_format": optional(_dictated),
        "prediction": optional(by("type", {"content": table({"type": known, "content": _content("user")})})),
        "reasoning_effort": optional(word("none", "minimal", "low", "medium", "high", "xhigh", "max")),
        "verbosity": optional(word("low", "medium", "high")),
        "modalities": optional(array(word("text"))),
        "audio": listed(),
        "web_search_options": listed(),
        "moderation": optional(
            table({"model": text("field"), "policy": optional(table({"input": _MODE, "output": _MODE}))})
        ),
        "service_tier": optional(word("auto", "default", "flex", "scale", "priority", "fast")),
        "store": _FLAG,
        "metadata": optional(free("field")),
        "user": _LABEL,
        "safety_identifier": _LABEL,
        "prompt_cache_key": _LABEL,
        "prompt_cache_options": optional(table({"mode": word("implicit", "explicit"), "ttl": word("30m")})),
        "prompt_cache_retention": optional(word("in_memory", "in-memory", "24h")),
        # llama.cpp and vLLM
        "n_predict": _COUNT,
        "min_tokens": _COUNT,
        "top_k": _COUNT,
        "repeat_last_n": _COUNT,
        "min_p": _NUMBER,
        "typical_p": _NUMBER,
        "length_penalty": _NUMBER,
        "repeat_penalty": _NUMBER,
        "repetition_penalty": _NUMBER,
        "cache_prompt": _FLAG,
        "ignore_eos": _FLAG,
        "timings_per_token": _FLAG,
    },
    ["model", "messages"],
)


def read_call(body: bytes) -> Call:
    """See dialect.Dialect.read_call."""
    value, asked = ask(body, _BODY)
    return asked.call(value, "openai_chat", "chat", choices=value.get("n") or 1, max_output_tokens=_most(value))


def _most(value: dict[str, Any]) -> int | None:
    """The highest limit given, so that a second, lower one hides nothing; -1 is llama.cpp's word for none."""
    given = [value[name] for name in LIMITS if value.get(name) is not None]
    return None if not given or -1 in given else max(given)
