"""A conversation that means the same in every wire format, and how each format writes it down.

Rules of this file: one small writer a dialect, in a table by its name; what a dialect cannot say raises Inexpressible
with the reason, and is never left out in silence; a dialect that has no writer here raises Unwritten, which the matrix
shows red.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

from msgspec import Struct, field

TOOL_ID = "call_0"


class Inexpressible(Exception):
    """A wire format cannot say this; the argument is why, a clause of a sentence."""


class Unwritten(Exception):
    """The build speaks a dialect that this file does not."""


class Turn(Struct, frozen=True):
    """One turn.  `called`: the model called the tool with these words as argument; `result`: what the tool gave back;
    `image`: the user shows a picture at this URL."""

    kind: Literal["user", "model", "called", "result", "image"]
    text: str


class Offered(Struct, frozen=True):
    """A tool that is offered to the model."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


class Talk(Struct, frozen=True):
    """A conversation.

    tool    the name of the tool that was called in it
    shape   a JSON Schema that the reply must follow
    label   free text of the caller's that is not meant for the model
    limit   the most tokens of the reply
    """

    turns: tuple[Turn, ...]
    system: str = ""
    tools: tuple[Offered, ...] = ()
    tool: str = "lookup"
    shape: dict[str, Any] | None = None
    label: str = ""
    limit: int | None = None


HELLO = Turn("user", "Good morning.")


def with_text(place: str, text: str, tool: str) -> Talk:
    """An ordinary talk with a text in one place of a request (cells.REQUEST); `tool` is one that may be offered."""
    offered = (Offered(tool, "Looks something up."),)
    asked = Turn("called", "tea")
    return {
        "system": lambda: Talk((HELLO,), system=text),
        "user": lambda: Talk((Turn("user", text),)),
        "history": lambda: Talk((HELLO, Turn("model", text), Turn("user", "Go on."))),
        "definition": lambda: Talk((HELLO,), tools=(Offered(tool, text),), tool=tool),
        "arguments": lambda: Talk((HELLO, Turn("called", text), Turn("result", "done")), tools=offered, tool=tool),
        "result": lambda: Talk((HELLO, asked, Turn("result", text)), tools=offered, tool=tool),
        "shape": lambda: Talk((HELLO,), shape={"type": "object", "properties": {"said": {"const": text}}}),
        "label": lambda: Talk((HELLO,), label=text),
    }[place]()


def of_call(probe: dict[str, Any]) -> Talk:
    """A probe that is a whole call (OpenAI chat completions).  Raises Inexpressible for what no other format says."""
    left = {k: v for k, v in probe.items() if k not in ("model", "messages", "tools", "max_tokens", "response_format")}
    if left:
        raise Inexpressible(f"the probe's `{next(iter(left))}` is a field of OpenAI chat completions alone")
    turns: list[Turn] = []
    system: list[str] = []
    for message in probe["messages"]:
        if message["role"] in ("system", "developer"):
            system.append(message["content"])
        else:
            turns += _turns(message)
    return Talk(
        tuple(turns),
        "\n".join(system),
        tuple(_offered(tool) for tool in probe.get("tools", ())),
        shape=_shape(probe.get("response_format")),
        limit=probe.get("max_tokens"),
    )


def _turns(message: dict[str, Any]) -> Iterator[Turn]:
    if message["role"] not in ("user", "assistant") or set(message) - {"role", "content"}:
        raise Inexpressible("the probe's turns are more than text and pictures")
    content = message["content"]
    parts: list[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for part in parts:
        if part["type"] == "text":
            yield Turn("user" if message["role"] == "user" else "model", part["text"])
        elif part["type"] == "image_url" and message["role"] == "user":
            yield Turn("image", part["image_url"]["url"])
        else:
            raise Inexpressible(f"the probe has a part of type `{part['type']}`")


def _offered(tool: dict[str, Any]) -> Offered:
    if tool.get("type") != "function" or set(tool["function"]) - {"name", "description", "parameters"}:
        raise Inexpressible("the probe offers a tool of a kind that other formats do not have")
    return Offered(**tool["function"])


def _shape(wanted: dict[str, Any] | None) -> dict[str, Any] | None:
    if wanted is None or wanted["type"] == "text":
        return None
    if wanted["type"] != "json_schema":
        raise Inexpressible("the probe dictates a shape without a schema")
    schema: dict[str, Any] = wanted["json_schema"]["schema"]
    return schema


def write(dialect: str, talk: Talk, model: str) -> dict[str, Any]:
    """The talk as a request body.  Raises Inexpressible, Unwritten."""
    writer = WRITERS.get(dialect)
    if writer is None:
        raise Unwritten(f"the matrix cannot write `{dialect}` yet")
    return {"model": model, **writer(talk)}


def _chat(talk: Talk) -> dict[str, Any]:
    messages = [{"role": "system", "content": talk.system}] if talk.system else []
    body: dict[str, Any] = {"messages": [*messages, *(_chat_message(turn, talk.tool) for turn in _merged(talk))]}
    if talk.tools:
        body["tools"] = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
            for t in talk.tools
        ]
    if talk.shape is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "shape", "schema": talk.shape}}
    return _with(body, metadata={"note": talk.label} if talk.label else None, max_tokens=talk.limit)


def _chat_message(turns: tuple[Turn, ...], tool: str) -> dict[str, Any]:
    first = turns[0]
    if first.kind == "called":
        function = {"name": tool, "arguments": json.dumps({"text": first.text})}
        calls = [{"id": TOOL_ID, "type": "function", "function": function}]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    if first.kind == "result":
        return {"role": "tool", "tool_call_id": TOOL_ID, "content": first.text}
    if first.kind == "model":
        return {"role": "assistant", "content": first.text}
    if len(turns) == 1 and first.kind == "user":
        return {"role": "user", "content": first.text}
    return {"role": "user", "content": [_chat_part(turn) for turn in turns]}


def _chat_part(turn: Turn) -> dict[str, Any]:
    if turn.kind == "image":
        return {"type": "image_url", "image_url": {"url": turn.text}}
    return {"type": "text", "text": turn.text}


def _counted(talk: Talk) -> dict[str, Any]:
    if talk.label:
        raise Inexpressible("a request to count tokens has no label")
    if talk.limit is not None:
        raise Inexpressible("a request to count tokens has no limit")
    body: dict[str, Any] = {"messages": [_anthropic_message(turns, talk.tool) for turns in _merged(talk)]}
    if talk.tools:
        body["tools"] = [
            {"name": t.name, "description": t.description, "input_schema": t.parameters} for t in talk.tools
        ]
    shape = {"format": {"type": "json_schema", "schema": talk.shape}} if talk.shape is not None else None
    return _with(body, system=talk.system or None, output_config=shape)


def _messages(talk: Talk) -> dict[str, Any]:
    plain = Talk(talk.turns, talk.system, talk.tools, talk.tool, talk.shape)
    return _with(_counted(plain), metadata={"user_id": talk.label} if talk.label else None, max_tokens=talk.limit)


def _anthropic_message(turns: tuple[Turn, ...], tool: str) -> dict[str, Any]:
    role = "assistant" if turns[0].kind in ("model", "called") else "user"
    return {"role": role, "content": [_block(turn, tool) for turn in turns]}


def _block(turn: Turn, tool: str) -> dict[str, Any]:
    match turn.kind:
        case "called":
            return {"type": "tool_use", "id": TOOL_ID, "name": tool, "input": {"text": turn.text}}
        case "result":
            return {"type": "tool_result", "tool_use_id": TOOL_ID, "content": turn.text}
        case "image":
            return {"type": "image", "source": {"type": "url", "url": turn.text}}
    return {"type": "text", "text": turn.text}


def _responses(talk: Talk) -> dict[str, Any]:
    body: dict[str, Any] = {"input": [_item(turns, talk.tool) for turns in _merged(talk)]}
    if talk.tools:
        body["tools"] = [
            {"type": "function", "name": t.name, "description": t.description, "parameters": t.parameters}
            for t in talk.tools
        ]
    if talk.shape is not None:
        body["text"] = {"format": {"type": "json_schema", "name": "shape", "schema": talk.shape}}
    label = {"note": talk.label} if talk.label else None
    return _with(body, instructions=talk.system or None, metadata=label, max_output_tokens=talk.limit)


def _item(turns: tuple[Turn, ...], tool: str) -> dict[str, Any]:
    first = turns[0]
    match first.kind:
        case "called":
            arguments = json.dumps({"text": first.text})
            return {"type": "function_call", "call_id": TOOL_ID, "name": tool, "arguments": arguments}
        case "result":
            return {"type": "function_call_output", "call_id": TOOL_ID, "output": first.text}
        case "model":
            said = {"type": "output_text", "text": first.text, "annotations": []}
            return {"type": "message", "role": "assistant", "content": [said]}
    shown = [
        {"type": "input_image", "image_url": t.text, "detail": "auto"}
        if t.kind == "image"
        else {"type": "input_text", "text": t.text}
        for t in turns
    ]
    return {"type": "message", "role": "user", "content": shown}


def _embeddings(talk: Talk) -> dict[str, Any]:
    if len(talk.turns) != 1 or talk.turns[0].kind != "user" or talk.system or talk.tools or talk.shape is not None:
        raise Inexpressible("a request for embeddings holds one user's texts and nothing else")
    if talk.limit is not None:
        raise Inexpressible("a request for embeddings has no limit")
    return _with({"input": [talk.turns[0].text]}, user=talk.label or None)


WRITERS: dict[str, Callable[[Talk], dict[str, Any]]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "openai_embeddings": _embeddings,
    "anthropic_messages": _messages,
    "anthropic_count_tokens": _counted,
}


def _merged(talk: Talk) -> list[tuple[Turn, ...]]:
    """Turns by message: what a user says and shows at once stands in one."""
    merged: list[tuple[Turn, ...]] = []
    for turn in talk.turns:
        user = turn.kind in ("user", "image")
        if user and merged and merged[-1][0].kind in ("user", "image"):
            merged[-1] = (*merged[-1], turn)
        else:
            merged.append((turn,))
    return merged


def _with(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**body, **{name: value for name, value in more.items() if value is not None}}
