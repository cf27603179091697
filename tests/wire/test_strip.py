"""Tools taken out of a request: what is left is byte for byte what came, and its dialect reads it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.wire.call import Tool
from caveat.wire.dialects import DIALECTS
from caveat.wire.strip import without_tools

CASES: dict[str, tuple[str, list[str], str]] = {
    "none": ('{"tools": [1, 2]}', [], '{"tools": [1, 2]}'),
    "the first": ('{"tools": [ {"a":1} , {"b":2}]}', ["/tools/0"], '{"tools": [ {"b":2}]}'),
    "the last": ('{"tools": [ {"a":1} , {"b":2} ]}', ["/tools/1"], '{"tools": [ {"a":1} ]}'),
    "the middle": ('{"tools":[1,{"a":1},2]}', ["/tools/1"], '{"tools":[1,2]}'),
    "the first and the last": ('{"tools":[1,{"a":1},2]}', ["/tools/0", "/tools/2"], '{"tools":[{"a":1}]}'),
    "all": ('{"model":"m", "tools":[1,2] , "x":3}', ["/tools/0", "/tools/1"], '{"model":"m", "x":3}'),
    "all, and the choice": (
        '{"model":"m","tool_choice":"auto","tools":[1],"parallel_tool_calls":true}',
        ["/tools/0"],
        '{"model":"m"}',
    ),
    "a choice of what stays": (
        '{"tool_choice":{"name":"stays"},"tools":[1,2]}',
        ["/tools/0"],
        '{"tool_choice":{"name":"stays"},"tools":[2]}',
    ),
    "a choice of what goes": ('{"tool_choice":{"name":"gone"},"tools":[1,2]}', ["/tools/0"], '{"tools":[2]}'),
    "of the older kind": ('{"functions":[1],"function_call":"auto","m":1}', ["/functions/0"], '{"m":1}'),
    "one of two lists": (
        '{"functions":[1],"tools":[2],"tool_choice":"auto"}',
        ["/functions/0"],
        '{"tools":[2],"tool_choice":"auto"}',
    ),
    "deep inside": (
        '{"input":[{"tools":[1, 2]},{"tools":[3]}]}',
        ["/input/0/tools/1", "/input/1/tools/0"],
        '{"input":[{"tools":[1]},{"tools":[]}]}',
    ),
    "alone in the body": ('{ "tools" : [1] }', ["/tools/0"], "{  }"),
}


@pytest.mark.parametrize("case", CASES)
def test_only_these_bytes_go(case):
    body, gone, wanted = CASES[case]
    assert without_tools(body.encode(), [Tool("gone", at) for at in gone]).decode() == wanted


def function(name: str) -> dict[str, Any]:
    return {"name": name, "description": 'a "quoted", [odd] é\\ text', "parameters": {"type": "object"}}


OFFERS: dict[str, Any] = {
    "openai_chat": lambda name: {"type": "function", "function": function(name)},
    "openai_responses": lambda name: {"type": "function", **function(name)},
    "anthropic_messages": lambda name: {"name": name, "description": "d", "input_schema": {"type": "object"}},
}
REST: dict[str, dict[str, Any]] = {
    "openai_chat": {"messages": [{"role": "user", "content": "x"}]},
    "openai_responses": {"input": "x"},
    "anthropic_messages": {"messages": [{"role": "user", "content": "x"}], "max_tokens": 5},
}


@pytest.mark.parametrize("name", OFFERS)
@given(data=st.data())
def test_any_of_them_can_go_in_every_dialect(name, data):
    """The call that is left offers exactly the others, and says all the rest."""
    names = data.draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6))
    order = data.draw(st.permutations(["model", "tools", *REST[name]]))
    whole = {"model": "m", "tools": [OFFERS[name](one) for one in names], **REST[name]}
    indent = data.draw(st.sampled_from([None, 2]))
    body = json.dumps({member: whole[member] for member in order}, indent=indent).encode()
    call = DIALECTS[name].read_call(body)
    gone = [tool for tool in call.tools if data.draw(st.booleans())]
    left = DIALECTS[name].read_call(without_tools(body, gone))
    assert [tool.name for tool in left.tools] == [tool.name for tool in call.tools if tool not in gone]
    said = [part.text for part in call.parts if part.voice != "definition"]
    assert [part.text for part in left.parts if part.voice != "definition"] == said
    if gone:
        assert ("tools" in json.loads(left.body)) is (len(gone) < len(names))
