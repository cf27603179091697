"""Counters say what ran: by wire format, streamed or not, of the request and of the reply."""

import pytest
from tests.gateway.running import MODEL, scripted_gateway

from caveat.gateway.scripted.script import says

SECRET = "TOP SECRET//SI//NOFORN\nThe report says that the bridge is closed."


@pytest.fixture(scope="module")
def governed(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("metrics") / "home", says("Hello there.")) as pair:
        yield pair


def value(gateway, name, **labels):
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    lines = gateway.http(gateway.operator_key).get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name) and all(w in line for w in wanted))


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_was_judged_is_counted_and_what_held_of_it_too(governed, stream):
    gateway, upstream = governed
    path = {"dialect": "openai_chat", "stream": str(stream).lower()}
    names = ("caveat_evaluations_total", "caveat_reply_evaluations_total")
    before = [value(gateway, name, **path) for name in names]
    held = value(gateway, "caveat_reply_clause_held_total", clause="marking.ceiling", **path)
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}], "stream": stream}
    for text in ("Hello there.", SECRET):
        upstream.play(says(text))
        gateway.http().post("/v1/chat/completions", json=body)
    assert [value(gateway, name, **path) for name in names] == [one + 2 for one in before]
    assert value(gateway, "caveat_reply_clause_held_total", clause="marking.ceiling", **path) == held + 1


def test_a_denied_call_has_no_reply_to_judge(governed):
    gateway, _ = governed
    path = {"dialect": "anthropic_messages", "stream": "false"}
    body = {"model": MODEL, "messages": [{"role": "user", "content": SECRET}]}
    assert gateway.http().post("/v1/messages", json=body).status_code == 403
    assert value(gateway, "caveat_evaluations_total", **path) == 1
    assert value(gateway, "caveat_clause_held_total", clause="marking.ceiling", **path) == 1
    assert value(gateway, "caveat_reply_evaluations_total", **path) == 0
