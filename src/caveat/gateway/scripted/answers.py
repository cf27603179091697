"""Well-formed replies of both vendors' formats, made from a plain answer: what the scripted upstream says.

Shapes are those of the official SDKs' types, autumn 2026 (openai 3.54 `ChatCompletion`, `ChatCompletionChunk`;
anthropic 2.12 `Message`, `RawMessageStreamEvent`).  Ids and times are fixed, so that equal requests get equal bytes.
"""

import base64
import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from caveat.gateway.scripted import responses as answers_responses
from caveat.gateway.scripted.forms import (
    CREATED,
    EVENTS_TYPE,
    JSON_TYPE,
    Asked,
    Rendered,
    StreamOptions,
    ending,
    event,
    pieces,
    read_asked,
    tokens_out,
)
from caveat.gateway.scripted.script import Answer, ToolCall

__all__ = ["CREATED", "EVENTS_TYPE", "JSON_TYPE", "Asked", "Rendered", "StreamOptions", "event", "pieces", "read_asked"]


def render(path: str, asked: Asked, answer: Answer) -> Rendered | None:
    """The answer in the dialect of a path, streamed if asked; None for a path that no dialect owns."""
    for suffix, (whole, stream) in _DIALECTS.items():
        if path.endswith(suffix):
            if asked.stream and stream is not None:
                return Rendered(tuple(stream(asked, answer)), EVENTS_TYPE)
            return Rendered((msgspec.json.encode(whole(asked, answer)),), JSON_TYPE)
    return None


# OpenAI chat completions

_FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls", "filter": "content_filter"}


def _openai_usage(answer: Answer) -> dict[str, int]:
    out = tokens_out(answer)
    return {"prompt_tokens": answer.tokens_in, "completion_tokens": out, "total_tokens": answer.tokens_in + out}


def _openai_tool(index: int, call: ToolCall) -> dict[str, Any]:
    return {"id": f"call_{index}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _openai_message(answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": answer.refusal or None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [_openai_tool(i, call) for i, call in enumerate(answer.tool_calls)]
    return message


def _of_choice(answer: Answer, index: int, asked: Asked) -> Answer:
    return Answer(answer.others, piece=answer.piece) if answer.others and index < asked.n - 1 else answer


def _openai_choice(index: int, answer: Answer) -> dict[str, Any]:
    reason = _FINISH[ending(answer)]
    return {"index": index, "message": _openai_message(answer), "logprobs": None, "finish_reason": reason}


def _openai(asked: Asked, answer: Answer) -> Any:
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": CREATED,
        "model": asked.model,
        "choices": [_openai_choice(i, _of_choice(answer, i, asked)) for i in range(asked.n)],
        "usage": _openai_usage(answer),
    }


def _openai_deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for piece in pieces(answer.reasoning, answer.piece):
        yield {"reasoning_content": piece}
    for piece in pieces(answer.text, answer.piece):
        yield {"content": piece}
    for piece in pieces(answer.refusal, answer.piece):
        yield {"refusal": piece}
    for index, call in enumerate(answer.tool_calls):
        whole = _openai_tool(index, call)
        yield {"tool_calls": [{"index": index, **whole, "function": {"name": call.name, "arguments": ""}}]}
        for piece in pieces(call.arguments, answer.piece):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _openai_stream(asked: Asked, answer: Answer) -> Iterator[bytes]:
    wants_usage = asked.stream_options is not None and asked.stream_options.include_usage
    head = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": asked.model,
    }
    usage = {"usage": None} if wants_usage else {}
    for index in range(asked.n):
        said = _of_choice(answer, index, asked)
        for delta in _openai_deltas(said):
            yield event(head | {"choices": [{"index": index, "delta": delta, "finish_reason": None}]} | usage)
        last = {"index": index, "delta": {}, "finish_reason": _FINISH[ending(said)]}
        yield event(head | {"choices": [last]} | usage)
    if wants_usage:
        yield event(head | {"choices": [], "usage": _openai_usage(answer)})
    yield event("[DONE]")


# Anthropic messages

_STOP_REASON = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use", "filter": "refusal"}


def _arguments(call: ToolCall) -> Any:
    try:
        return msgspec.json.decode(call.arguments)
    except msgspec.DecodeError:
        return {}


def _blocks(answer: Answer) -> Iterator[dict[str, Any]]:
    if answer.reasoning:
        yield {"type": "thinking", "thinking": answer.reasoning, "signature": "c2NyaXB0ZWQ="}
    if answer.text:
        yield {"type": "text", "text": answer.text}
    for index, call in enumerate(answer.tool_calls):
        yield {"type": "tool_use", "id": f"toolu_{index}", "name": call.name, "input": _arguments(call)}


def _anthropic_ending(answer: Answer) -> dict[str, Any]:
    """Why the message ends; a refusal's words stand in its details."""
    if not answer.refusal:
        return {"stop_reason": _STOP_REASON[ending(answer)], "stop_sequence": None}
    details = {"type": "refusal", "category": None, "explanation": answer.refusal}
    return {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}


def _anthropic(asked: Asked, answer: Answer) -> Any:
    return {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": list(_blocks(answer)),
        **_anthropic_ending(answer),
        "usage": {"input_tokens": answer.tokens_in, "output_tokens": tokens_out(answer)},
    }


def _named(data: dict[str, Any]) -> bytes:
    return event(data, data["type"])


def _deltas(block: dict[str, Any], arguments: str, size: int) -> list[dict[str, Any]]:
    if block["type"] == "thinking":
        said = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"], size)]
        return [*said, {"type": "signature_delta", "signature": block["signature"]}]
    if block["type"] == "tool_use":
        return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(arguments, size)]
    return [{"type": "text_delta", "text": piece} for piece in pieces(block["text"], size)]


_EMPTY = {"thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}, "text": {"text": ""}}


def _anthropic_stream(asked: Asked, answer: Answer) -> Iterator[bytes]:
    whole = _anthropic(asked, answer)
    usage = {"input_tokens": answer.tokens_in, "output_tokens": 1}
    begun = {k: v for k, v in whole.items() if k != "stop_details"} | {
        "content": [],
        "stop_reason": None,
        "usage": usage,
    }
    yield _named({"type": "message_start", "message": begun})
    yield _named({"type": "ping"})
    calls = iter(answer.tool_calls)
    for index, block in enumerate(whole["content"]):
        arguments = next(calls).arguments if block["type"] == "tool_use" else ""
        yield _named({"type": "content_block_start", "index": index, "content_block": block | _EMPTY[block["type"]]})
        for delta in _deltas(block, arguments, answer.piece):
            yield _named({"type": "content_block_delta", "index": index, "delta": delta})
        yield _named({"type": "content_block_stop", "index": index})
    yield _named(
        {"type": "message_delta", "delta": _anthropic_ending(answer), "usage": {"output_tokens": tokens_out(answer)}}
    )
    yield _named({"type": "message_stop"})


# OpenAI embeddings

_VECTOR = (0.5, -0.5)


def _embedding(asked: Asked, answer: Answer) -> Any:
    """One vector, whatever was asked; base64 is little-endian float32 (openai-python asks for it by itself)."""
    packed = base64.b64encode(struct.pack("<2f", *_VECTOR)).decode()
    vector = packed if asked.encoding_format == "base64" else list(_VECTOR)
    usage = {"prompt_tokens": answer.tokens_in, "total_tokens": answer.tokens_in}
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    return {"object": "list", "model": asked.model, "data": data, "usage": usage}


def _count(_: Asked, answer: Answer) -> Any:
    return {"input_tokens": answer.tokens_in}


_Whole = Callable[[Asked, Answer], Any]
_Stream = Callable[[Asked, Answer], Iterator[bytes]]
_DIALECTS: dict[str, tuple[_Whole, _Stream | None]] = {
    "/embeddings": (_embedding, None),
    "/chat/completions": (_openai, _openai_stream),
    "/responses": (answers_responses.whole, answers_responses.stream),
    "/messages/count_tokens": (_count, None),
    "/messages": (_anthropic, _anthropic_stream),
}
"""By the end of the path: how an answer looks whole, and as a stream where the dialect has streams."""
