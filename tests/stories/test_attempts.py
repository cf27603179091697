"""Several upstreams for one model: what follows a failure is a call of its own, decided under the terms that cover where it
goes, and never once a byte has left."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tests.gateway.running import HEAD, IDENTITY, MODEL, eventually, running, upstream_text
from tests.stories.test_adoption import STRICT, version

from caveat.gateway.scripted.script import Answer, Reply, Rule, Script, always, says
from caveat.gateway.scripted.server import serve

OPENAI, ANTHROPIC = "/v1/chat/completions", "/v1/messages"
ASK = {"model": MODEL, "max_tokens": 90, "messages": [{"role": "user", "content": "Tell me."}]}
OTHER = f"weights:sha256:{'e' * 64}"
LONG = Answer("The harbour lies in the north of the town. " * 20)


class Pair:
    """A gateway and two upstreams behind it."""

    def __init__(self, gateway, first, second):
        self.gateway = gateway
        self.first = first
        self.second = second

    def ask(self, path=OPENAI, **changes):
        return self.gateway.http().post(path, json={**ASK, **changes})

    def attempts(self, reply):
        """The records of each attempt, first to last, found backwards from the one that answered."""
        assert reply.headers["x-request-id"] == reply.headers["x-caveat-call"]
        found = [self.gateway.call(reply.headers["x-caveat-call"])]
        while "after" in (request := found[0][0].opened["request"]):
            assert request["attempt"] == int(reply.headers["x-caveat-attempts"]) - len(found) + 1
            found.insert(0, self.gateway.call(request["after"]))
        assert len(found) == int(reply.headers["x-caveat-attempts"])
        return found


@contextmanager
def pair(path, first, second="Second here.", *, refused=False, **of):
    """Two upstreams for the sample model: `first` and `second` are what they play; `of` their settings."""
    play = second if isinstance(second, Script) else says(second)
    with serve(first) as one, serve(play) as two:
        address = NOBODY if refused else one.address
        text = upstream_text(address, "first", **of.get("one", {}))
        text += upstream_text(two.address, "second", priority="1", **of.get("two", {}))
        with running(path / "home", HEAD + text) as gateway:
            yield Pair(gateway, one, two)


NOBODY = "http://127.0.0.1:9"
"""An address where nobody listens."""


ALL = {"fall_back_on": '["unreachable", "timeout", "broke", "5xx", "429"]', "timeout_s": "1"}
SLOW_DOWN = Reply(status=429, json={"error": {"message": "slow down"}}, headers={"retry-after": "7"})
FAILURES = {
    "refused": None,
    "500": Reply(status=500, json={"error": {"message": "no"}}),
    "503": Reply(status=503, text="overloaded"),
    "429": SLOW_DOWN,
    "cut before its head": Reply(head=False, end="drop"),
    "cut before its first byte": Reply(answer=LONG, take=0, end="drop"),
    "silent": Reply(head=False, end="hang"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_where_the_first_fails_the_second_serves_and_records_show_both(tmp_path, failure):
    play = FAILURES[failure]
    with pair(tmp_path, always(play or Reply()), refused=play is None, one=ALL) as two:
        for path, streams in ((OPENAI, False), (ANTHROPIC, False), (OPENAI, True), (ANTHROPIC, True)):
            reply = two.ask(path, stream=streams)
            assert (reply.status_code, reply.headers["x-caveat-attempts"]) == (200, "2")
            assert "Second" in reply.text
            assert "retry-after" not in reply.headers
            failed, served = two.attempts(reply)
            assert [one.leaf.k for one in (*failed, *served)] == ["opened", "settled"] * 2
            assert (failed[1].leaf.o, served[1].leaf.o) == ("broken", "completed")
            assert failed[1].leaf.at == failed[0].index
            assert failed[1].index < served[0].index
            assert failed[1].opened["upstream"]["name"] == "first"
            assert served[1].opened["upstream"]["name"] == "second"
            assert failed[1].opened["answer"]["chars_left"] == 0
        assert len(two.second.received) == 4
        metrics = two.gateway.http(two.gateway.operator_key).get("/metrics").text
        assert 'caveat_attempts_failed_total{failure="' in metrics


def test_a_whole_reply_cut_in_the_middle_has_left_nothing(tmp_path):
    with pair(tmp_path, always(Reply(answer=LONG, take=60, end="drop"))) as two:
        reply = two.ask()
        assert (reply.status_code, reply.headers["x-caveat-attempts"]) == (200, "2")
        assert "harbour" not in reply.text


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
def test_once_a_byte_has_left_there_is_no_other_attempt(tmp_path, path):
    with pair(tmp_path, always(Reply(answer=LONG, take=1200, end="drop")), one=ALL) as two:
        reply = two.ask(path, stream=True)
        assert "event: error" in reply.text
        assert reply.headers["x-caveat-attempts"] == "1"
        assert two.gateway.ending(reply.headers["x-caveat-call"]).leaf.o == "broken"
        assert two.second.received == []


def test_an_upstream_whose_identity_was_not_agreed_is_never_tried(tmp_path):
    with pair(tmp_path, says("First here."), one={"identity": f'"{OTHER}"'}) as two:
        reply = two.ask()
        assert (reply.status_code, reply.headers["x-caveat-attempts"]) == (200, "1")
        assert "Second" in reply.text
        assert two.first.received == []
        two.second.play(always(Reply(status=500, json={})))
        assert two.ask().status_code == 500
        assert two.first.received == []


def test_the_second_upstream_is_decided_under_the_terms_that_cover_it(tmp_path):
    """Its model is another, under an agreement of its own that forbids what the first one's allows."""
    with pair(tmp_path, always(Reply(status=500, json={})), two={"identity": f'"{OTHER}"'}) as two:
        assert two.ask().status_code == 500  # no terms cover the second
        assert two.second.received == []
        strict = version(1, **STRICT).decode().replace("id: institutional-use\n", "id: other-use\n")
        two.gateway.adopt(strict.replace(IDENTITY, OTHER).encode())
        reply = two.ask()
        error = reply.json()["error"]
        assert (reply.status_code, error["code"], reply.headers["x-should-retry"]) == (403, "terms_denied", "false")
        assert "`marking.ceiling`" in error["message"]
        assert reply.headers["x-caveat-terms"] == "other-use@1"
        assert reply.headers["x-caveat-decision"] == "deny"
        assert "x-caveat-source-type" not in reply.headers
        failed, denied = two.attempts(reply)
        assert (failed[1].leaf.o, denied[1].leaf.o) == ("broken", "denied")
        assert failed[0].leaf.terms != denied[0].leaf.terms
        assert denied[0].opened["request"]["model"] == OTHER
        assert two.second.received == []


def test_two_agreements_may_not_mean_the_same_model(tmp_path):
    """Same alias, and an identity that both could mean: one of them would decide nothing."""
    with pair(tmp_path, says("First here.")) as two:
        operator = two.gateway.http(two.gateway.operator_key)
        for identity in (IDENTITY, "any"):
            text = version(1).decode().replace("id: institutional-use\n", "id: other-use\n").replace(IDENTITY, identity)
            reply = operator.post("/caveat/v1/terms", content=two.gateway.signed(text.encode()).raw)
            assert reply.status_code == 400
            assert "cover the model" in reply.json()["error"]["message"]


def test_a_call_goes_on_only_in_its_own_wire_format(tmp_path):
    with pair(tmp_path, always(Reply(status=500, json={})), two={"dialects": '["anthropic_messages"]'}) as two:
        reply = two.ask(OPENAI)
        assert (reply.status_code, reply.headers["x-caveat-attempts"]) == (500, "1")
        assert two.second.received == []
        assert two.ask(ANTHROPIC).headers["x-caveat-attempts"] == "2"


def test_where_the_first_speaks_another_format_the_second_serves_at_once(tmp_path):
    with pair(tmp_path, says("First here."), one={"dialects": '["anthropic_messages"]'}) as two:
        reply = two.ask(OPENAI)
        assert ("Second" in reply.text, reply.headers["x-caveat-attempts"]) == (True, "1")


def test_a_wish_to_slow_down_is_passed_on_unless_the_settings_say_otherwise(tmp_path):
    with pair(tmp_path, always(SLOW_DOWN)) as two:
        reply = two.ask()
        assert (reply.status_code, reply.headers["retry-after"], reply.headers["x-caveat-attempts"]) == (429, "7", "1")
        assert two.second.received == []


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_what_the_upstream_refuses_is_not_tried_elsewhere(tmp_path, status):
    with pair(tmp_path, always(Reply(status=status, json={"error": {"message": "no"}})), one=ALL) as two:
        assert two.ask().status_code == status
        assert two.second.received == []


def test_what_cannot_be_read_is_not_tried_elsewhere(tmp_path):
    with pair(tmp_path, always(Reply(json={"surprise": "words"})), one=ALL) as two:
        assert two.ask().json()["error"]["code"] == "upstream_unreadable"
        assert two.second.received == []


def test_where_all_fail_the_last_failure_is_the_answer(tmp_path):
    last = always(Reply(status=503, json={"error": {"message": "the second is full"}}))
    with pair(tmp_path, always(Reply(status=500, json={})), last) as two:
        reply = two.ask()
        assert (reply.status_code, reply.headers["x-caveat-attempts"]) == (503, "2")
        assert "the second is full" in reply.text
        assert [one[1].leaf.o for one in two.attempts(reply)] == ["broken", "broken"]


def test_an_upstream_is_tried_again_as_often_as_it_says(tmp_path):
    twice = Script((Rule(Reply(status=500, json={}), times=2), Rule(Reply(answer=Answer("At last.")))))
    with pair(tmp_path, twice, one={"retries": "2"}) as two:
        reply = two.ask()
        assert ("At last." in reply.text, reply.headers["x-caveat-attempts"]) == (True, "3")
        names = [one[1].opened["upstream"]["name"] for one in two.attempts(reply)]
        assert names == ["first", "first", "first"]
        two.first.play(always(Reply(status=500, json={})))
        reply = two.ask()
        assert ("Second" in reply.text, reply.headers["x-caveat-attempts"]) == (True, "4")


def test_terms_adopted_between_attempts_decide_the_second(tmp_path):
    """While the first upstream keeps the call waiting, both parties forbid it: the second attempt is denied."""
    slow = always(Reply(status=500, json={}, delay_ms=4_000))
    with pair(tmp_path, slow) as two, ThreadPoolExecutor(1) as other:

        def adopt():
            eventually(lambda: two.first.received)
            two.gateway.adopt(version(2, **STRICT))

        adopted = other.submit(adopt)
        reply = two.ask()
        adopted.result()
        assert (reply.status_code, reply.headers["x-caveat-terms"]) == (403, "institutional-use@2")
        assert reply.headers["x-caveat-attempts"] == "2"
        assert two.second.received == []
