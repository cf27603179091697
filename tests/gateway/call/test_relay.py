"""The relay holds a stream back: what leaves, when, and that what waits is bounded."""

import json

import pytest
from tests.making import ANYTHING, clause, facts, terms

from caveat.decide.decide import decide
from caveat.decide.guard import Guard
from caveat.decide.policy import Policy
from caveat.errors import Unavailable
from caveat.gateway.call.relay import Relay
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.wire.dialects import DIALECTS
from caveat.wire.reply import Halt

POLICY = Policy(terms(ANYTHING, clause("secrets", "forbid", "context.secretsOut", probe={"trips": "x", "passes": "y"})))
PANEL = default_panel(load_profile("civil"))
SECRET = "AKIAIOSFODNN7EXAMPLQ"
PROSE = "The harbour is quiet in the morning, and the boats lie still. "
HALT = Halt("terms_denied", "no secrets", "secrets")


def relay(notice="", **more):
    dialect, asked = DIALECTS["openai_chat"], facts()
    guard = Guard(POLICY, asked, decide(POLICY, asked), (), PANEL.recognize_text, horizon=PANEL.horizon)
    return Relay(dialect.reader(), dialect.writer(), guard, notice, **more)


def event(delta, finish=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(value)}\n\n".encode()


def stream(text, size):
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    words = b"".join(event({"content": piece}) for piece in pieces)
    return event({"role": "assistant", "content": ""}) + words + event({}, "stop") + b"data: [DONE]\n\n"


def text_of(data):
    events = [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: {")]
    return "".join(c["delta"].get("content") or "" for e in events for c in e["choices"])


def played(text, size, notice=""):
    """The whole stream fed at once; what left, and the relay."""
    one = relay(notice)
    out = b"".join(one.feed(stream(text, size)))
    if not one.stopped:
        out += b"".join(one.finish())
    return out, one


@pytest.mark.parametrize("size", [1, 7, 64, 5000])
def test_a_clean_stream_leaves_as_it_came_but_for_its_last_frame(size):
    """Byte for byte; the terminator waits until the outcome is on record."""
    out, one = played(PROSE * 20, size)
    assert out + one.last == stream(PROSE * 20, size)
    assert (one.last, one.complete) == (b"data: [DONE]\n\n", True)


@pytest.mark.parametrize("before", [0, 3, 11, 40])
def test_what_had_left_before_a_stop_does_not_depend_on_the_cuts(before):
    text = PROSE * before + f"The key is {SECRET}. " + PROSE * 30
    outcomes = set()
    for size in (1, 5, 33, 256, 1000, 100_000):
        out, one = played(text, size)
        assert one.stopped
        outcomes.add(text_of(out + one.stop(HALT)))
    assert len(outcomes) == 1
    left = outcomes.pop()
    assert text.startswith(left)
    assert SECRET[:4] not in left


def test_a_notice_stands_at_the_end_of_the_text():
    out, one = played(PROSE, 9, notice="A machine wrote this.")
    assert text_of(out) == f"{PROSE}\n\nA machine wrote this."
    assert one.notices == 1


def test_a_reply_that_never_can_leave_does_not_fill_the_memory():
    """Arguments of a tool call wait until they are whole; one that never is has a limit."""
    one = relay(most_held=20_000)
    opening = {"index": 0, "id": "t", "type": "function", "function": {"name": "search_x", "arguments": "{"}}
    with pytest.raises(Unavailable) as caught:
        one.feed(event({"tool_calls": [opening]}))
        for _ in range(1000):
            one.feed(event({"tool_calls": [{"index": 0, "function": {"arguments": "a" * 100}}]}))
    assert caught.value.code == "upstream_unreadable"
