"""From a probe and a cell to a request body and what the upstream answers to it."""

from typing import Any

import msgspec
from msgspec import Struct

from caveat.errors import CaveatError
from caveat.gateway.coverage.cells import Cell
from caveat.gateway.coverage.concern import tools_of
from caveat.gateway.coverage.talk import HELLO, Inexpressible, Talk, Turn, of_call, with_text, write
from caveat.gateway.scripted.answers import read_asked, render
from caveat.gateway.scripted.script import Answer, ToolCall
from caveat.terms.document import Draft
from caveat.vocabulary import SIDE_EFFECTS
from caveat.wire.dialect import Dialect
from caveat.wire.dialects import DIALECTS

WELL = "Good morning to you."
"""What the upstream says where a reply is not what is tried."""


class Plan(Struct, frozen=True):
    """One call to make.  `said` is what the model is made to say, "" where the reply is not what is tried."""

    dialect: Dialect
    body: bytes
    answer: Answer
    said: str = ""


def plan(cell: Cell, probe: str | dict[str, Any], draft: Draft) -> Plan:
    """The call that puts the probe into the cell.  Raises Inexpressible, Unwritten."""
    dialect, model, tool = DIALECTS[cell.dialect], draft.models[0].alias, mildest(draft)
    if cell.side == "reply":
        return _replying(cell, dialect, probe, model, tool)
    answer = Answer(WELL)
    if cell.place != "call":
        assert isinstance(probe, str)
        return Plan(dialect, _body(cell, write(cell.dialect, with_text(cell.place, probe, tool), model)), answer)
    if isinstance(probe, str):
        return Plan(dialect, _body(cell, write(cell.dialect, Talk((Turn("user", probe),)), model)), answer)
    own = cell.dialect == "openai_chat"
    written = {**probe, "model": model} if own else write(cell.dialect, of_call(probe), model)
    return Plan(dialect, _body(cell, written), answer)


def _replying(cell: Cell, dialect: Dialect, probe: str | dict[str, Any], model: str, tool: str) -> Plan:
    """An ordinary request, answered with the probe: where several answers were asked for, in the last of them."""
    if cell.place == "tool_call":
        answer, said = Answer(tool_calls=tuple(ToolCall(name) for name in tools_of(probe))), "".join(tools_of(probe))
    else:
        assert isinstance(probe, str)
        answer, said = _saying(cell.place, probe, tool), probe
    if cell.many:
        answer = msgspec.structs.replace(answer, others=WELL)
    body = _body(cell, write(cell.dialect, Talk((HELLO,)), model))
    _check_said(dialect, body, answer, said)
    return Plan(dialect, body, answer, said)


def _saying(place: str, text: str, tool: str) -> Answer:
    arguments = msgspec.json.encode({"text": text}).decode()
    return {
        "text": Answer(text),
        "reasoning": Answer(WELL, reasoning=text),
        "refusal": Answer(refusal=text),
        "tool_arguments": Answer(tool_calls=(ToolCall(tool, arguments),)),
    }[place]


def _check_said(dialect: Dialect, body: bytes, answer: Answer, said: str) -> None:
    """Raises Inexpressible unless the dialect's reply, as its own reader reads it, has those words in it."""
    rendered = render(dialect.paths[0], msgspec.structs.replace(read_asked(body), stream=False), answer)
    try:
        frame = dialect.read_reply(rendered.pieces[0]) if rendered else None
    except CaveatError as error:
        raise Inexpressible(f"the scripted upstream cannot say it in this format: {error.message}") from None
    heard = "\n".join(one.text for one in frame.says) if frame else ""
    if unescaped(said) not in unescaped(heard):
        raise Inexpressible("a reply of this format has no such part")


def unescaped(text: str) -> str:
    """Text with JSON's escapes of line ends, quotes and slashes taken away on both sides of a comparison."""
    return "".join(text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\").split())


def _body(cell: Cell, written: dict[str, Any]) -> bytes:
    asked = {**written, **({"stream": True} if cell.stream else {}), **({"n": 2} if cell.many else {})}
    return msgspec.json.encode(asked)


def mildest(draft: Draft) -> str:
    """The name of a tool that the terms list, of the mildest side effect; any name where they list none."""
    rules = sorted(draft.tools, key=lambda rule: SIDE_EFFECTS.index(rule.side_effect))
    return rules[0].name.replace("*", "any") if rules else "lookup"
