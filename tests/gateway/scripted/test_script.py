"""A script says what it means, and a mistake in it is named."""

import json

import pytest

from caveat.errors import BadInput
from caveat.gateway.scripted.script import Reply, Rule, always, load_script, read_script

FITS = {
    "no condition": (Rule(Reply()), True),
    "path": (Rule(Reply(), path="/v1/messages"), True),
    "another path": (Rule(Reply(), path="/v1/chat/completions"), False),
    "text in the body": (Rule(Reply(), contains="météo"), True),
    "text not in the body": (Rule(Reply(), contains="snow"), False),
    "pointer": (Rule(Reply(), at={"/model": "m"}), True),
    "pointer into a list": (Rule(Reply(), at={"/messages/0/content": "la météo"}), True),
    "escaped pointer": (Rule(Reply(), at={"/a~1b": 1}), True),
    "pointer to nothing": (Rule(Reply(), at={"/messages/7": "x"}), False),
    "pointer with another value": (Rule(Reply(), at={"/model": "other"}), False),
    "header": (Rule(Reply(), headers={"x-api-key": "k"}), True),
    "another header": (Rule(Reply(), headers={"x-api-key": "q"}), False),
    "all but one": (Rule(Reply(), path="/v1/messages", contains="météo", at={"/model": "other"}), False),
}


@pytest.mark.parametrize("case", FITS)
def test_rule_fits_when_all_its_conditions_hold(case):
    rule, wanted = FITS[case]
    body = json.dumps({"model": "m", "messages": [{"content": "la météo"}], "a/b": 1}, ensure_ascii=False).encode()
    assert rule.fits("/v1/messages", {"x-api-key": "k"}, body) is wanted


def test_pointer_condition_never_fits_a_body_that_is_no_json():
    assert not Rule(Reply(), at={"/model": "m"}).fits("/", {}, b"not json")


def test_json_and_yaml_say_the_same(tmp_path):
    as_json = tmp_path / "script.json"
    as_json.write_text('{"rules": [{"path": "/v1/messages", "reply": {"answer": {"text": "Hi", "piece": 2}}}]}')
    as_yaml = tmp_path / "script.yaml"
    as_yaml.write_text("rules:\n  - path: /v1/messages\n    reply: {answer: {text: Hi, piece: 2}}\n")
    assert load_script(as_json) == load_script(as_yaml)


BAD = {
    "unknown member": ('{"rules": [{"reply": {"stauts": 500}}]}', "stauts"),
    "wrong type": ('{"rules": [{"reply": {"status": "no"}}]}', "status"),
    "unknown ending": ('{"rules": [{"reply": {"end": "explode"}}]}', "explode"),
    "no rules": ("{}", "rules"),
    "no yaml": ("{rules: [", "not YAML"),
}


@pytest.mark.parametrize("case", BAD)
def test_mistake_in_a_script_is_named(case):
    text, named = BAD[case]
    with pytest.raises(BadInput, match=named):
        read_script(text)


def test_missing_script_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"nowhere\.json"):
        load_script(tmp_path / "nowhere.json")


PLAIN = {
    "default": (Reply(), True),
    "delayed": (Reply(delay_ms=1), False),
    "paused": (Reply(pause_ms=1), False),
    "dropped": (Reply(end="drop"), False),
    "hanging": (Reply(end="hang"), False),
    "endless": (Reply(end="repeat"), False),
    "short": (Reply(take=0), False),
    "headless": (Reply(head=False), False),
    "cut": (Reply(cuts=(1, 2)), True),
}


@pytest.mark.parametrize("case", PLAIN)
def test_plain_reply_is_one_that_can_be_written_at_once(case):
    reply, wanted = PLAIN[case]
    assert always(reply).rules[0].reply.plain is wanted
