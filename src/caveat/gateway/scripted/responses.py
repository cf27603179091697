"""Well-formed replies of OpenAI Responses: what the scripted upstream says there, whole and as a stream of named events.

Shapes are those of openai-python 3.54 (openai/types/responses, `Response` and `*_event.py`).  Ids and times are fixed.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from caveat.gateway.scripted.forms import CREATED, Asked, ending, event, pieces, tokens_out
from caveat.gateway.scripted.script import Answer, ToolCall

_INCOMPLETE = {"length": "max_output_tokens", "filter": "content_filter"}


def _items(answer: Answer) -> list[dict[str, Any]]:
    """The output: reasoning, a message, calls to tools."""
    found: list[dict[str, Any]] = []
    if answer.reasoning:
        found.append({"type": "reasoning", "id": "rs_0", "summary": [_part("summary_text", answer.reasoning)]})
    parts = [_part("output_text", answer.text)] if answer.text else []
    parts += [_part("refusal", answer.refusal)] if answer.refusal else []
    if parts or not (found or answer.tool_calls):
        message = {"type": "message", "id": "msg_0", "status": "completed", "role": "assistant"}
        found.append({**message, "content": parts or [_part("output_text", "")]})
    return [*found, *(_call(index, call) for index, call in enumerate(answer.tool_calls))]


def _part(kind: str, text: str) -> dict[str, Any]:
    if kind == "output_text":
        return {"type": kind, "text": text, "annotations": []}
    return {"type": kind, "refusal" if kind == "refusal" else "text": text}


def _call(index: int, call: ToolCall) -> dict[str, Any]:
    named = {"id": f"fc_{index}", "call_id": f"call_{index}", "name": call.name}
    return {"type": "function_call", **named, "arguments": call.arguments, "status": "completed"}


def whole(asked: Asked, answer: Answer) -> dict[str, Any]:
    """The whole response."""
    why, out = _INCOMPLETE.get(ending(answer)), tokens_out(answer)
    return {
        "id": "resp_scripted",
        "object": "response",
        "created_at": CREATED,
        "status": "incomplete" if why else "completed",
        "error": None,
        "incomplete_details": {"reason": why} if why else None,
        "instructions": asked.instructions,
        "metadata": {},
        "model": asked.model,
        "output": _items(answer),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": answer.tokens_in,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": answer.tokens_in + out,
        },
    }


def stream(asked: Asked, answer: Answer) -> Iterator[bytes]:
    """The same as a stream's events."""
    yield from (event(one, one["type"]) for one in _events(whole(asked, answer), answer))


def _events(made: dict[str, Any], answer: Answer) -> Iterator[dict[str, Any]]:
    number = count()
    begun = {**made, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    for kind in ("response.created", "response.in_progress"):
        yield {"type": kind, "sequence_number": next(number), "response": begun}
    for index, item in enumerate(made["output"]):
        for one in _item(item, answer):
            yield {"sequence_number": next(number), "output_index": index, **one}
    last = "response.incomplete" if made["status"] == "incomplete" else "response.completed"
    yield {"type": last, "sequence_number": next(number), "response": made}


def _item(item: dict[str, Any], answer: Answer) -> Iterator[dict[str, Any]]:
    empty: dict[str, dict[str, Any]] = {
        "message": {"content": [], "status": "in_progress"},
        "reasoning": {"summary": []},
    }
    called: dict[str, Any] = {"arguments": "", "status": "in_progress"}
    bare = empty.get(item["type"], called)
    yield {"type": "response.output_item.added", "item": {**item, **bare}}
    if item["type"] == "function_call":
        for piece in pieces(item["arguments"], answer.piece):
            yield {"type": "response.function_call_arguments.delta", "item_id": item["id"], "delta": piece}
        done = {"item_id": item["id"], "name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.function_call_arguments.done", **done}
    for number, part in enumerate(item.get("content", item.get("summary", ()))):
        yield from _grown(item, number, part, pieces(_words(part), answer.piece))
    yield {"type": "response.output_item.done", "item": item}


_EVENTS = {
    "output_text": ("response.content_part", "response.output_text", "content_index", "text"),
    "refusal": ("response.content_part", "response.refusal", "content_index", "refusal"),
    "summary_text": ("response.reasoning_summary_part", "response.reasoning_summary_text", "summary_index", "text"),
}
"""For each kind of part: the events of the part and of its text, which member numbers it, which holds the text."""


def _words(part: dict[str, Any]) -> str:
    return str(part[_EVENTS[part["type"]][3]])


def _grown(item: dict[str, Any], number: int, part: dict[str, Any], cut: list[str]) -> Iterator[dict[str, Any]]:
    of_part, of_text, index, member = _EVENTS[part["type"]]
    at = {"item_id": item["id"], index: number}
    more: dict[str, Any] = {"logprobs": []} if part["type"] == "output_text" else {}
    yield {"type": f"{of_part}.added", **at, "part": {**part, member: ""}}
    for piece in cut:
        yield {"type": f"{of_text}.delta", **at, "delta": piece, **more}
    yield {"type": f"{of_text}.done", **at, member: part[member], **more}
    yield {"type": f"{of_part}.done", **at, "part": part}
