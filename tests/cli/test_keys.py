"""Callers' keys by hand: on a home alone, and through the gateway that runs on it."""

import httpx
import pytest
from tests.gateway.running import MODEL, scripted_gateway

from caveat.gateway.scripted.script import says

ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}]}


def test_a_key_is_made_shown_once_listed_and_revoked(run, home):
    made = run("keys", "new", "anna", "--home", home, "--purpose", "drafting", "--json").json
    assert made["text"].startswith("cav-")
    assert (made["key"], made["role"]) == ("anna", "caller")
    listed = run("keys", "list", "--home", home, "--json")
    anna = {"id": "anna", "role": "caller", "live": True, "budget": {}, "used": {}}
    assert anna in listed.json["keys"]
    assert made["text"] not in listed.out
    assert run("keys", "revoke", "anna", "--home", home, "--json").json == {"revoked": "anna"}
    assert {**anna, "live": False} in run("keys", "list", "--home", home, "--json").json["keys"]
    assert "revoked" in run("keys", "list", "--home", home).out


def test_a_key_has_a_budget_from_its_making_or_later(run, home):
    run("keys", "new", "ben", "--home", home, "--calls-a-day", "100")
    assert "0 of 100 calls a day" in run("keys", "list", "--home", home).out
    told = run("keys", "budget", "ben", "--home", home, "--tokens-a-month", "50000", "--json").json
    assert told == {"budgeted": "ben", "budget": {"tokens_month": 50000}}
    assert "0 of 50,000 tokens a month" in run("keys", "list", "--home", home).out
    assert "budget from its next call on: none" in run("keys", "budget", "ben", "--home", home).out


def test_a_key_for_what_no_terms_know_is_noted(run, home):
    """The purposes that the terms in force have stand beside it."""
    said = run("keys", "new", "dora", "--home", home, "--purpose", "drawing", "--group", "archive")
    assert said.code == 0
    assert "no terms in force have the purpose `drawing`" in said.out + said.err
    assert "drafting" in said.out + said.err


def test_what_a_field_may_be_is_told(run, home):
    done = run("keys", "new", "eve", "--home", home, "--group", "Two Words")
    assert (done.code, "`Two Words` is no group of a key" in done.err, "such as `archive`" in done.err) == (
        2,
        True,
        True,
    )


@pytest.mark.parametrize(
    "words",
    [
        ("new", "anna", "--role", "king"),
        ("new", "anna", "--kind", "robot"),
        ("new", "anna", "--clearance", "99"),
        ("new", "two words"),
        ("new", "sample-caller"),
        ("revoke", "nobody"),
        ("budget", "nobody", "--calls-a-day", "1"),
        ("budget", "sample-caller", "--calls-a-day", "-1"),
    ],
    ids=" ".join,
)
def test_what_does_not_fit_is_refused(run, home, words):
    before = run("keys", "list", "--home", home).out
    told = run("keys", *words, "--home", home)
    assert (told.code, told.out) == (2, "")
    assert run("keys", "list", "--home", home).out == before


def test_through_the_gateway_that_runs(run, tmp_path):
    with scripted_gateway(tmp_path / "home", says("Hello.")) as (gateway, _):
        home = gateway.home.path
        text = run("keys", "new", "anna", "--home", home, "--purpose", "drafting", "--json").json["text"]
        call = httpx.post(f"{gateway.url}/v1/chat/completions", json=ASK, headers={"x-api-key": text}, timeout=60)
        assert call.status_code == 200
        again = run("keys", "new", "anna", "--home", home)
        assert again.code == 2
        assert "used twice" in again.err
        assert run("keys", "revoke", "anna", "--home", home).code == 0
        call = httpx.post(f"{gateway.url}/v1/chat/completions", json=ASK, headers={"x-api-key": text}, timeout=60)
        assert call.status_code == 401
        assert len(run("keys", "list", "--home", home, "--json").json["keys"]) == 3


def test_a_gateway_that_does_not_answer_is_the_systems_fault(run, tmp_path):
    with scripted_gateway(tmp_path / "home", says("Hello.")) as (gateway, _):
        gateway.home.announce("http://127.0.0.1:9")
        told = run("keys", "list", "--home", gateway.home.path)
        assert told.code == 3
        assert "no gateway of it answers" in told.err


def test_an_operators_key_that_is_none_any_more_is_a_refusal(run, tmp_path):
    with scripted_gateway(tmp_path / "home", says("Hello.")) as (gateway, _):
        gateway.run(gateway.house.revoke_key("operator"))
        told = run("keys", "list", "--home", gateway.home.path)
        assert told.code == 1
        assert "revoked" in told.err


def test_a_ledger_that_takes_nothing_is_the_systems_fault(run, tmp_path):
    with scripted_gateway(tmp_path / "home", says("Hello.")) as (gateway, _):
        gateway.run(gateway.house.log.close())  # type: ignore[attr-defined]
        told = run("keys", "new", "anna", "--home", gateway.home.path)
        assert told.code == 3
        assert told.out == ""
