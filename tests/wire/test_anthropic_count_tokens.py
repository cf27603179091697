"""Counting tokens sends every word to the provider, so every word is read."""

import pytest

from caveat.errors import Unavailable, Unreadable
from caveat.wire.anthropic_count_tokens import read_call, read_reply
from caveat.wire.reply import Usage


def test_system_tools_and_messages_as_the_sdk_sends_them(vendor):
    vendor.answers(b'{"input_tokens": 14}')
    counted = vendor.anthropic.messages.count_tokens(
        model="m",
        system="be brief",
        messages=[{"role": "user", "content": "hello"}],
        tools=[{"name": "look", "description": "Looks", "input_schema": {"type": "object"}}],
        thinking={"type": "disabled"},
    )
    assert counted.input_tokens == 14
    assert vendor.paths == ["/v1/messages/count_tokens"]
    call = read_call(vendor.bodies[-1])
    assert (call.dialect, call.operation, call.model) == ("anthropic_count_tokens", "count_tokens", "m")
    assert {(part.at, part.voice, part.text) for part in call.parts} == {
        ("/system", "system", "be brief"),
        ("/messages/0/content", "user", "hello"),
        ("/tools/0/name", "definition", "look"),
        ("/tools/0/description", "definition", "Looks"),
    }
    assert [tool.name for tool in call.tools] == ["look"]
    assert (call.streams, call.max_output_tokens, call.unlisted) == (False, None, ())


def test_fields_of_a_message_are_unlisted_here():
    call = read_call(b'{"model":"m","messages":[],"max_tokens":5,"stream":true}')
    assert call.unlisted == ("/max_tokens", "/stream")


def test_the_count_is_usage_and_says_nothing():
    frame = read_reply(b'{"input_tokens": 14}')
    assert (frame.usage, frame.says, frame.last) == (Usage(14, 0), (), True)


BAD = {
    "words": (b'{"input_tokens": "many"}', "/input_tokens"),
    "an unknown field": (b'{"input_tokens": 1, "note": "x"}', "/note"),
    "no count": (b"{}", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_what_no_table_knows_is_refused(case):
    body, at = BAD[case]
    with pytest.raises(Unreadable) as refused:
        read_reply(body)
    assert refused.value.at == at


def test_an_error_in_a_reply():
    with pytest.raises(Unavailable):
        read_reply(b'{"type":"error","error":{"type":"api_error","message":"no"}}')
