"""A key's budget at the gateway: exact, refused in the caller's own format, counted again from the records alone."""

import json
import threading
from collections import Counter

import openai
import pytest
from tests.gateway.running import HEAD, MODEL, eventually, running, scripted_gateway, upstream_text

from caveat.gateway.house.budgets import used
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve

ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Summarise: the committee met on Tuesday."}]}
DENIED = {"model": MODEL, "messages": [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nSummarise: it met."}]}


@pytest.fixture
def gateway(tmp_path):
    with scripted_gateway(tmp_path / "home", says("Hello there.")) as (gateway, upstream):
        yield gateway, upstream


def limited(gateway, name="anna", **budget):
    key = gateway.key(name)
    gateway.run(gateway.house.set_budget(name, json.dumps(budget).encode()))
    return key


def call(gateway, key, body=ASK):
    return gateway.http(key).post("/v1/chat/completions", json=body)


def spent(gateway, name="anna"):
    house = gateway.house
    return gateway.run(used(house.log, house.view.register.keys[name], house.now_ms()))


def monthly(gateway):
    return {what: n for what, n in spent(gateway).items() if what.endswith("month")}


def test_as_many_calls_as_the_budget_has_reach_the_model(gateway):
    gateway, upstream = gateway
    key = limited(gateway, calls_month=3)
    assert [call(gateway, key).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert len(upstream.received) == 3
    assert spent(gateway)["calls_month"] == 3
    assert call(gateway, gateway.caller_key).status_code == 200  # another key's budget is another
    refused = gateway.last("refused")
    assert (refused.leaf.o, refused.opened["who"]["caller"]) == ("denied", "anna")
    assert refused.opened["request"]["refused"] == "budget_spent"


def test_it_is_refused_in_the_callers_own_format_and_not_tried_again(gateway):
    gateway, upstream = gateway
    key = limited(gateway, calls_month=1)
    call(gateway, key)
    with pytest.raises(openai.RateLimitError) as said:
        gateway.openai(key).chat.completions.create(**ASK)
    assert said.value.code == "budget_spent"
    assert "1 calls a month" in said.value.message
    assert "used up until 2" in said.value.message
    ask = {**ASK, "max_tokens": 20}
    reply = gateway.http(key).post("/v1/messages", json=ask)
    assert (reply.status_code, reply.headers["x-should-retry"]) == (429, "false")
    assert reply.json()["error"]["details"]["error_code"] == "budget_spent"
    assert len(upstream.received) == 1


def test_what_the_terms_deny_costs_nothing_and_is_still_denied_when_the_budget_is_spent(gateway):
    gateway, _ = gateway
    key = limited(gateway, calls_month=1)
    assert call(gateway, key, DENIED).status_code == 403
    assert spent(gateway)["calls_month"] == 0
    assert call(gateway, key).status_code == 200
    assert call(gateway, key).status_code == 429
    assert call(gateway, key, DENIED).json()["error"]["code"] == "terms_denied"


def test_tokens_are_those_on_record_and_no_call_begins_once_they_are_reached(gateway):
    gateway, _ = gateway
    key = limited(gateway, tokens_month=1)
    first = call(gateway, key)
    gateway.ending(first.headers["x-caveat-call"])
    tok = gateway.last("settled").leaf.tok
    assert spent(gateway)["tokens_month"] == sum(tok) > 1
    assert call(gateway, key).status_code == 429
    gateway.run(gateway.house.set_budget("anna", json.dumps({"tokens_month": sum(tok) + 1}).encode()))
    assert (
        call(gateway, key).status_code == 200
    )  # the new budget holds from the next call on; what was used stays counted


def test_exact_under_concurrency(gateway):
    gateway, upstream = gateway
    key = limited(gateway, calls_month=20)
    statuses: list[int] = []
    crowd = [
        threading.Thread(target=lambda: statuses.extend(call(gateway, key).status_code for _ in range(10)), daemon=True)
        for _ in range(4)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert Counter(statuses) == {200: 20, 429: 20}
    assert len(upstream.received) == 20


@pytest.mark.parametrize("kept", [True, False], ids=["from the snapshot", "from the records alone"])
def test_a_new_start_counts_the_same(tmp_path, kept):
    path = tmp_path / "home"
    with serve(says("Hello there.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            key = limited(gateway, calls_month=4, tokens_month=10**6)
            for body in (ASK, DENIED, ASK, ASK):
                call(gateway, key, body)
            before = eventually(lambda: monthly(gateway) if spent(gateway)["tokens_month"] else None)
        if kept:
            with running(path, text):
                assert gateway.home.snapshot.exists()
        else:
            gateway.home.snapshot.unlink(missing_ok=True)
        with running(path, text) as gateway:
            assert monthly(gateway) == before
            assert before["calls_month"] == 3
            assert [call(gateway, key).status_code for _ in range(2)] == [200, 429]
        with running(path, text) as gateway:
            assert spent(gateway)["calls_month"] == 4
            assert call(gateway, key).status_code == 429


def test_a_record_that_no_longer_says_whose_it_was_counts_for_every_budget(tmp_path):
    path = tmp_path / "home"
    with serve(says("Hello there.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            key = limited(gateway, calls_month=9)
            limited(gateway, "ben", calls_month=9)
            call(gateway, key)
            index = gateway.ending().index - 1
            gateway.run(gateway.house.log.forget(index))  # type: ignore[attr-defined]
        gateway.home.snapshot.unlink(missing_ok=True)
        with running(path, text) as gateway:
            assert spent(gateway)["calls_month"] == spent(gateway, "ben")["calls_month"] == 1


def test_the_control_api_sets_and_shows_budgets(gateway):
    gateway, _ = gateway
    gateway.key("anna")
    client = gateway.http(gateway.operator_key)
    assert client.put("/caveat/v1/keys/anna/budget", json={"calls_day": 7}).json() == {"budgeted": "anna"}
    row = next(one for one in client.get("/caveat/v1/keys").json()["keys"] if one["id"] == "anna")
    assert row["budget"] == {"calls_day": 7}
    assert row["used"] == {"calls_day": 0, "calls_month": 0, "tokens_day": 0, "tokens_month": 0}
    for wrong in ({"calls_day": -1}, {"euros": 1}, "none"):
        assert client.put("/caveat/v1/keys/anna/budget", json=wrong).status_code == 400
    assert client.put("/caveat/v1/keys/nobody/budget", json={}).status_code == 400
    assert gateway.http().put("/caveat/v1/keys/anna/budget", json={}).status_code == 403
