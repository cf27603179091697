"""A guard model's second opinion: asked where a clause looks at it, and "did not run" is a fact of its own."""

import json
import subprocess
import sys

import pytest
from tests.gateway.running import HEAD, MODEL, running, upstream_text
from tests.making import ANYTHING, clause, document

from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve

PATH = "/v1/chat/completions"
LOOKS = clause(
    "second", "forbid", 'context.guardHazards.contains(Hazard::"x_cyb") || context.guardHazards.contains(Hazard::"vcr")'
)
FAILS = clause("unheard", "hold", 'context.guard == Guard::"not-run"')
SCRIPT = {
    "rules": [
        {"contains": "quickly", "reply": {"answer": {"text": "safe"}, "delay_ms": 9000}},
        {"contains": "riddle", "reply": {"answer": {"text": "It depends on what you mean."}}},
        {"contains": "broken", "reply": {"status": 500, "json": {"error": "no"}}},
        {"contains": "stab", "reply": {"answer": {"text": "unsafe\nS1"}}},
        {"reply": {"answer": {"text": "safe"}}},
    ]
}
ORDINARY = {"purpose": "drafting"}


def yaml(*clauses, version=1):
    model = [{"alias": MODEL, "identity": "any"}]
    return document(ANYTHING, *clauses, models=model, version=version, purposes=["drafting"])


@pytest.fixture(scope="module")
def guard(tmp_path_factory):
    """The scripted server in a process of its own, playing a guard model."""
    script = tmp_path_factory.mktemp("guard") / "script.json"
    script.write_text(json.dumps(SCRIPT))
    command = [sys.executable, "-m", "caveat.gateway.scripted.server", str(script), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def settings(upstream, guard, **more):
    lines = {"base_url": f'"{guard}"', "model": '"guard-1"', "speaks": '"llama-guard"', "timeout_ms": "4000", **more}
    table = "".join(f"{key} = {value}\n" for key, value in lines.items())
    return HEAD + upstream_text(upstream.address) + "[recognizer.guard]\n" + table


@pytest.fixture(scope="module")
def gateway(guard, tmp_path_factory):
    with (
        serve(says("Hello there.")) as upstream,
        running(tmp_path_factory.mktemp("second"), settings(upstream, guard), sample=False) as made,
    ):
        made.adopt(yaml(LOOKS, FAILS))
        made.caller_key = made.key("second-test")
        yield made


def asked(gateway, words):
    body = {"model": MODEL, "messages": [{"role": "user", "content": words}]}
    reply = gateway.http().post(PATH, json=body)
    assert "x-caveat-call" in reply.headers, reply.text
    return reply, gateway.call(reply.headers["x-caveat-call"])[0].opened


def test_a_harmless_opinion_lets_the_call_pass_and_stands_in_its_record(gateway):
    reply, opened = asked(gateway, "Which day comes after Tuesday?")
    assert reply.status_code == 200
    assert (opened["content"]["guard"], opened["content"]["guardHazards"]) == ("ran", [])
    read_by = opened["request"]["recognizers"]["guard"]
    assert (read_by["model"], read_by["state"]) == ("guard-1", "ran")
    assert read_by["ms"] < 4000


def test_what_it_names_a_clause_can_forbid(gateway):
    reply, opened = asked(gateway, "Where should I stab him?")
    assert reply.status_code == 403
    assert opened["content"]["guardHazards"] == ["any", "vcr"]
    assert opened["decision"]["verdict"] == "deny"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Answer quickly.", "no answer within 4000 ms"),
        ("Tell me a riddle.", "not of the form"),
        ("It is broken.", "not of the form"),
    ],
)
def test_no_opinion_in_time_or_in_form_did_not_run_and_a_clause_sees_it(gateway, words, why):
    reply, opened = asked(gateway, words)
    assert reply.json()["error"]["code"] == "approval_required"
    assert (opened["content"]["guard"], opened["content"]["guardHazards"]) == ("not-run", [])
    assert why in opened["request"]["recognizers"]["guard"]["why"]
    assert words not in json.dumps(opened["request"])


def test_a_call_too_long_for_it_did_not_run(gateway):
    _, opened = asked(gateway, "long " * 25_000)
    assert opened["content"]["guard"] == "not-run"


def test_without_a_clause_that_looks_nobody_is_asked(gateway):
    gateway.adopt(yaml(version=2))
    reply, opened = asked(gateway, "Where should I stab him?")
    assert reply.status_code == 200
    assert opened["content"]["guard"] == "none"
    assert "guard" not in opened["request"]["recognizers"]


def test_no_guard_in_the_settings_did_not_run(tmp_path):
    with (
        serve(says("Hello there.")) as upstream,
        running(tmp_path, HEAD + upstream_text(upstream.address), sample=False) as made,
    ):
        made.adopt(yaml(FAILS))
        made.caller_key = made.key("second-test")
        reply, opened = asked(made, "Hello.")
        assert reply.json()["error"]["code"] == "approval_required"
        assert opened["request"]["recognizers"]["guard"]["why"] == "the settings name no guard model"


def test_a_server_out_of_reach_did_not_run(tmp_path):
    with serve(says("Hello there.")) as upstream:
        text = settings(upstream, "http://127.0.0.1:9")
        with running(tmp_path, text, sample=False) as made:
            made.adopt(yaml(FAILS))
            made.caller_key = made.key("second-test")
            reply, opened = asked(made, "Hello.")
            assert reply.json()["error"]["code"] == "approval_required"
            assert "127.0.0.1" not in json.dumps(opened["request"])
