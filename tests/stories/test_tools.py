"""Tools: only what the terms list is offered, and no forbidden call in the model's answer reaches the caller."""

import json
from typing import Any

import pytest
from tests.gateway.running import HEAD, MODEL, running, upstream_text

from caveat.canon import digest
from caveat.gateway.scripted.script import Answer, Reply, ToolCall, always, says
from caveat.gateway.scripted.server import serve
from caveat.terms.samples import sample_terms
from caveat.wire.dialects import BY_PATH

ALL = '["openai_chat", "openai_responses", "openai_embeddings", "anthropic_messages"]'
PATHS = ["/v1/chat/completions", "/v1/responses", "/v1/messages"]
RUN = "run_shell"
BANNER = "TOP SECRET//SI//NOFORN"
STRIPPED = b"""\
  effect: oblige
  when: context.unlistedTools > 0
  duties: [strip.tools]
- id: tools.called
  title: {en: Only listed tools are called, fr: Seuls les outils list\xc3\xa9s sont appel\xc3\xa9s}
  says:
    en: The model calls only the tools that these terms list.
    fr: Le mod\xc3\xa8le n'appelle que les outils list\xc3\xa9s dans les pr\xc3\xa9sentes conditions.
  effect: forbid
  when: context.unlistedCalls > 0
"""
FORBIDS = b"""\
  effect: forbid
  when: context.unlistedTools > 0 || context.unlistedCalls > 0
"""


@pytest.fixture(scope="module")
def governed(tmp_path_factory):
    """A gateway whose upstream speaks every dialect, under the sample terms."""
    home = tmp_path_factory.mktemp("tools") / "home"
    with serve(says("Hello.")) as upstream:
        text = HEAD + upstream_text(upstream.address, dialects=ALL)
        with running(home, text) as gateway:
            yield gateway, upstream


def tool(path: str, name: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {}}
    if path == PATHS[0]:
        return {"type": "function", "function": {"name": name, "description": "d", "parameters": schema}}
    if path == PATHS[1]:
        return {"type": "function", "name": name, "description": "d", "parameters": schema}
    return {"name": name, "description": "d", "input_schema": schema}


def body(path: str, *names: str, **more: Any) -> dict[str, Any]:
    says_it: dict[str, Any] = (
        {"input": "Tidy up."} if path == PATHS[1] else {"messages": [{"role": "user", "content": "Tidy up."}]}
    )
    limit = "max_output_tokens" if path == PATHS[1] else "max_tokens"
    offered = {"tools": [tool(path, name) for name in names]} if names else {}
    return {"model": MODEL, limit: 200, **says_it, **offered, **more}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_a_listed_tool_is_offered_and_its_call_arrives(governed, path, stream):
    gateway, upstream = governed
    upstream.play(always(Reply(answer=Answer("Let me see.", tool_calls=(ToolCall("calculator", '{"sum": "6*7"}'),)))))
    answer = gateway.http().post(path, json=body(path, "calculator", stream=stream))
    assert answer.status_code == 200, answer.text
    assert "calculator" in answer.text
    assert gateway.ending(answer.headers["x-caveat-call"]).leaf.o == "completed"


@pytest.mark.parametrize("path", PATHS)
def test_a_tool_that_the_terms_do_not_list_is_refused(governed, path):
    gateway, upstream = governed
    upstream.play(says("Hello."))
    before = len(upstream.received)
    answer = gateway.http().post(path, json=body(path, "calculator", RUN))
    assert answer.status_code == 403
    assert "tools.listed" in answer.text
    assert len(upstream.received) == before


CALLS = {
    "a tool that the terms do not list": ToolCall(RUN, '{"command": "rm"}'),
    "words above the ceiling": ToolCall("search_files", json.dumps({"query": f"{BANNER} report"})),
    "words above the ceiling, escaped": ToolCall(
        "search_files", '{"query": "' + "".join(f"\\u{ord(one):04x}" for one in BANNER) + '"}'
    ),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("piece", [0, 3])
def test_a_forbidden_call_in_the_answer_never_arrives(governed, path, stream, case, piece):
    """Whole or streamed, however it is cut: not its name, not one character of its arguments."""
    gateway, upstream = governed
    call = CALLS[case]
    upstream.play(always(Reply(answer=Answer("Let me see.", tool_calls=(call,), piece=piece))))
    answer = gateway.http().post(path, json=body(path, "search_files", stream=stream))
    settled = gateway.ending(answer.headers["x-caveat-call"])
    assert settled.leaf.o == "stopped"
    for part in (call.name, "command", "query", "TOP", "0054"):
        assert f'"{part}"' not in answer.text
        assert part == "TOP" or part not in answer.text
    if stream:
        assert answer.status_code == 200
        assert any(word in answer.text for word in ("content_filter", "refusal"))
    else:
        assert answer.status_code == 403


@pytest.fixture(scope="module")
def stripping(tmp_path_factory):
    """The same under terms by which unlisted tools are taken out instead."""
    home = tmp_path_factory.mktemp("stripping") / "home"
    with serve(says("Hello.")) as upstream:
        text = HEAD + upstream_text(upstream.address, dialects=ALL)
        with running(home, text) as gateway:
            terms = sample_terms()
            assert FORBIDS in terms
            terms = terms.replace(FORBIDS, STRIPPED).replace(b"\nversion: 1\n", b"\nversion: 2\n")
            gateway.adopt(terms)
            yield gateway, upstream


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_unlisted_tools_are_stripped_where_the_terms_say_so(stripping, path, stream):
    """All the rest goes as it came, and the record tells how many went, and which by their digests."""
    gateway, upstream = stripping
    upstream.play(says("Hello."))
    answer = gateway.http().post(path, json=body(path, RUN, "calculator", "format_disk", stream=stream))
    assert answer.status_code == 200, answer.text
    sent = json.loads(upstream.received[-1].body)
    assert sent == body(path, "calculator", stream=stream)
    settled = gateway.ending(answer.headers["x-caveat-call"])
    done = {duty["duty"]: duty["done"] for duty in settled.opened["duties"]}
    assert done["strip.tools"] == {"count": 2, "names": [digest(name.encode()) for name in (RUN, "format_disk")]}
    assert settled.opened["upstream"]["sent"]["len"] == len(upstream.received[-1].body)


@pytest.mark.parametrize("path", PATHS)
def test_the_choice_goes_with_the_last_tool(stripping, path):
    gateway, upstream = stripping
    upstream.play(says("Hello."))
    choice = {"type": "auto"} if path == PATHS[2] else "auto"
    answer = gateway.http().post(path, json=body(path, RUN, tool_choice=choice))
    assert answer.status_code == 200, answer.text
    assert json.loads(upstream.received[-1].body) == body(path)


@pytest.mark.parametrize("path", PATHS)
def test_a_stripped_tool_cannot_be_called_either(stripping, path):
    gateway, upstream = stripping
    upstream.play(always(Reply(answer=Answer(tool_calls=(ToolCall(RUN, "{}"),)))))
    answer = gateway.http().post(path, json=body(path, RUN, "calculator"))
    assert answer.status_code == 403
    assert "tools.called" in answer.text


def test_every_path_with_tools_is_tried_here():
    with_tools = {dialect.name for dialect in BY_PATH.values()} - {"openai_embeddings", "anthropic_count_tokens"}
    assert {BY_PATH[path].name for path in PATHS} == with_tools
