"""A reply that a named person releases: kept whole, seen, released once, and fetched byte for byte without the model."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx
import openai
import pytest
from tests.cli.conftest import run  # noqa: F401 - a fixture
from tests.gateway.process import served
from tests.gateway.running import HEAD, MODEL, running, upstream_text
from tests.stories.persons import PATH, chat, granted, released, send, shown, staffed, terms_with, verified

from caveat.gateway.scripted.script import Answer, Reply, ToolCall, always, says
from caveat.gateway.scripted.server import serve
from caveat.wire.dialects import BY_PATH

REVIEW = """
- id: names.reviewed
  title: {en: Names are looked at, fr: Les noms sont regardés}
  says:
    en: A reply that names a person is released by two persons.
    fr: Une réponse qui nomme une personne est libérée par deux personnes.
  effect: oblige
  when: context.personalDataOut != Personal::"none"
  duties: [review.human]
  approvers: 2
"""
HOLD = """
- id: marked.held
  title: {en: Marked replies wait, fr: Les réponses marquées attendent}
  says:
    en: A reply that bears a marking waits for a person.
    fr: Une réponse qui porte un marquage attend une personne.
  effect: hold
  when: context.labelRankOut > 0 && context.labelRankOut <= 4
  probe: {trips: "CONFIDENTIAL\\nIt is so.", passes: Good morning.}
"""
DIALECTS = '["openai_chat", "openai_responses", "anthropic_messages"]'
BODIES: dict[str, dict[str, Any]] = {
    PATH: {"model": MODEL, "messages": [{"role": "user", "content": "May she stay?"}]},
    "/v1/responses": {"model": MODEL, "input": "May she stay?"},
    "/v1/messages": {"model": MODEL, "max_tokens": 99, "messages": [{"role": "user", "content": "May she stay?"}]},
}
MARKED = "\nCONFIDENTIAL\nThe plan is set.\n"
NAMED = "Pay to GB82 WEST 1234 5698 7654 32 for it."


def settings(upstream):
    return HEAD + upstream_text(upstream.address, dialects=DIALECTS)


@pytest.fixture
def office(tmp_path, run):  # noqa: F811
    with serve(says("She may stay.")) as upstream, running(tmp_path / "home", settings(upstream)) as gateway:
        gateway.adopt(terms_with(REVIEW, HOLD))
        made = staffed(tmp_path, run, gateway, upstream)
        made.key = gateway.key("dora", purpose="drafting", effect="affects-person")
        yield made


def withheld(office, data, path=PATH, key=None):
    """A call whose reply waits; its hold."""
    reply = send(office, data, key=office.key if key is None else key, path=path)
    assert reply.status_code == 403, reply.text
    assert "approval_required" in reply.text
    assert reply.headers["x-caveat-decision"] == "hold"
    assert reply.headers["x-should-retry"] == "false"
    assert office.gateway.ending(reply.headers["x-caveat-call"]).leaf.o == "withheld"
    return reply.headers["x-caveat-call"]


def said(path, data):
    """The words of a stream's answer, as the dialect's own reader hears them."""
    frames = BY_PATH[path].reader().feed(data)
    return "".join(s.text for f in frames for s in f.says if s.channel.endswith(("/content", "/text")))


def body(path, *, stream):
    return json.dumps({**BODIES[path], **({"stream": True} if stream else {})}).encode()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", BODIES)
def test_a_reply_waits_and_its_very_bytes_are_fetched_once(office, path, stream):
    """The bytes are those that a caller who owes no review would have got."""
    data = body(path, stream=stream)
    plain = send(office, data, path=path)
    hold = withheld(office, data, path)
    assert len(office.upstream.received) == 2
    assert "She may stay." in shown(office, hold)[1]
    assert "not approved" in send(office, data, hold, office.key, path).text
    told = released(office, hold, "ben").out
    assert f"Caveat-Hold: {hold}" in told
    fetched = send(office, data, hold, office.key, path)
    assert (fetched.status_code, fetched.content) == (200, plain.content)
    assert fetched.headers["content-type"] == plain.headers["content-type"]
    assert len(office.upstream.received) == 2
    assert "was used" in send(office, data, hold, office.key, path).text
    report = verified(office)
    assert report.verified, report.sentences()
    assert any("1 replies released by persons" in sentence for sentence in report.sentences())
    settled = office.gateway.ending(fetched.headers["x-caveat-call"])
    assert (settled.leaf.o, settled.leaf.tok, settled.opened["upstream"]["kept"]) == ("completed", None, hold)
    assert office.gateway.house.bodies.kept("held") == ()


def test_the_official_sdks_see_an_error_and_then_the_reply(office):
    data = {"model": MODEL, "messages": [{"role": "user", "content": "May she stay?"}]}
    client = office.gateway.openai(office.key)
    with pytest.raises(openai.PermissionDeniedError) as denied:
        list(client.chat.completions.create(**data, stream=True))
    assert denied.value.code == "approval_required"
    hold = denied.value.response.headers["x-caveat-call"]
    assert "a named person" in denied.value.message
    assert f"Caveat-Hold: {hold}" in denied.value.message
    released(office, hold)
    stream = client.chat.completions.create(**data, stream=True, extra_headers={"Caveat-Hold": hold})
    words = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert words.startswith("She may stay.")
    other = office.gateway.anthropic(office.key)
    with pytest.raises(anthropic.PermissionDeniedError) as also:
        other.messages.create(**data, max_tokens=50)
    hold = also.value.response.headers["x-caveat-call"]
    released(office, hold)
    message = other.messages.create(**data, max_tokens=50, extra_headers={"Caveat-Hold": hold})
    assert message.content[0].text.startswith("She may stay.")
    assert len(office.upstream.received) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_review_that_only_the_reply_brings_up_takes_as_many_as_its_clause_wants(office, stream):
    office.upstream.play(says(NAMED))
    data = chat("Whom do I write to?", stream=stream)
    caller = office.gateway.caller_key
    first = send(office, data)
    hold = first.headers["x-caveat-call"]
    assert b"WEST" not in first.content
    if not stream:
        assert first.status_code == 403
    assert office.gateway.ending(hold).leaf.o == "withheld"
    file, told = shown(office, hold)
    assert "2 approver(s)" in told
    assert NAMED in told
    office.do("hold", "approve", file, "--key", office.folder / "anna" / "key")
    assert "wants 2 approvers" in office.do("hold", "grant", file, "--home", office.home, code=1).err
    office.do("hold", "approve", file, "--key", office.folder / "ben" / "key")
    office.do("hold", "grant", file, "--home", office.home)
    fetched = send(office, data, hold, caller)
    assert fetched.status_code == 200
    assert b"WEST" in fetched.content
    assert verified(office).verified


@pytest.mark.parametrize("path", BODIES)
def test_a_stream_that_trips_a_hold_midway_ends_well_and_is_kept_whole(office, path):
    """What had left had left; nothing more does, the client's SDK sees a filtered reply, and the hold brings all of it."""
    plain = "The harbour lies in the north of the town. " * 20
    office.upstream.play(always(Reply(answer=Answer(plain + MARKED + plain, piece=16))))
    data = json.dumps({**BODIES[path], "stream": True}).encode()
    stopped = send(office, data, path=path)
    hold = stopped.headers["x-caveat-call"]
    assert stopped.status_code == 200
    assert plain.startswith(said(path, stopped.content)[:-1])
    assert said(path, stopped.content)
    assert "CONFIDENTIAL" not in said(path, stopped.content)
    assert f"Caveat-Hold: {hold}".encode() in stopped.content
    assert office.gateway.ending(hold).leaf.o == "withheld"
    assert 0 < office.gateway.ending(hold).opened["answer"]["chars_left"] < len(plain)
    released(office, hold)
    fetched = send(office, data, hold, path=path)
    assert fetched.status_code == 200
    assert said(path, fetched.content).startswith(plain + MARKED + plain)
    assert len(office.upstream.received) == 1
    report = verified(office)
    assert report.verified, report.sentences()


def test_a_refused_reply_is_gone_and_says_who_refused(office):
    data = chat("May she stay?")
    hold = withheld(office, data)
    file, _ = shown(office, hold)
    office.do("hold", "refuse", file, "--key", office.folder / "anna" / "key")
    assert "denied, by the person" in office.do("hold", "grant", file, "--home", office.home).out
    assert "was denied" in send(office, data, hold, office.key).text
    assert office.gateway.house.bodies.kept("held") == ()
    assert verified(office).verified
    assert "no call of that id" in office.do("hold", "grant", file, "--home", office.home, code=2).err


def test_a_refusal_by_nobody_who_may_approve_refuses_nothing(office):
    hold = withheld(office, chat("May she stay?"))
    file, _ = shown(office, hold)
    office.do("party", "init", "zoe", office.folder / "zoe")
    office.do("hold", "refuse", file, "--key", office.folder / "zoe")
    assert "no approver has signed" in office.do("hold", "grant", file, "--home", office.home, code=1).err
    assert shown(office, hold, "ben")


OTHERS = {
    "other bytes": lambda office, data, hold: send(office, data + b" ", hold, office.key),
    "another caller": lambda office, data, hold: send(office, data, hold, office.gateway.caller_key),
    "another dialect": lambda office, data, hold: send(office, data, hold, office.key, "/v1/responses"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_release_is_good_for_nothing_else(office, name):
    data = chat("May she stay?")
    hold = withheld(office, data)
    released(office, hold)
    before = len(office.upstream.received)
    assert OTHERS[name](office, data, hold).status_code in (400, 403)
    assert len(office.upstream.received) == before
    assert send(office, data, hold, office.key).status_code == 200


def test_a_release_under_terms_that_have_ended_brings_nothing(office):
    data = chat("May she stay?")
    hold = withheld(office, data)
    released(office, hold)
    office.gateway.adopt(terms_with(REVIEW, HOLD, number=3))
    again = send(office, data, hold, office.key)
    assert again.status_code == 403
    assert "no longer in force" in again.text
    second = withheld(office, data)
    file, _ = shown(office, second, "ben")
    office.gateway.adopt(terms_with(REVIEW, HOLD, number=4))
    office.do("hold", "approve", file, "--key", office.folder / "ben" / "key")
    assert "no longer in force" in office.do("hold", "grant", file, "--home", office.home, code=1).err


def test_a_release_for_another_purpose_brings_nothing(office):
    data = chat("May she stay?")
    hold = withheld(office, data)
    released(office, hold)
    headers = {"content-type": "application/json", "caveat-hold": hold, "caveat-purpose": "analysis"}
    other = office.gateway.http(office.key, **headers).post(PATH, content=data)
    assert (other.status_code, "another purpose" in other.text) == (403, True)
    assert send(office, data, hold, office.key).status_code == 200


def test_a_tool_call_waits_too(office):
    office.upstream.play(always(Reply(answer=Answer(tool_calls=(ToolCall("search_web", '{"q": "harbour"}'),)))))
    data = chat("Look it up.", tools=[{"type": "function", "function": {"name": "search_web"}}], stream=True)
    hold = withheld(office, data)
    released(office, hold)
    assert b"search_web" in send(office, data, hold, office.key).content


BROKEN = {
    "an error": (Reply(status=400, json={"error": {"message": "She may stay."}}), 502),
    "cut short": (Reply(answer=Answer("She may stay."), take=200, end="drop"), 502),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", BROKEN)
def test_nothing_leaves_where_the_model_fails(office, name, stream):
    script, status = BROKEN[name]
    office.upstream.play(always(script))
    reply = send(office, chat("May she stay?", stream=stream), key=office.key)
    assert reply.status_code == status
    assert b"She may" not in reply.content
    assert office.gateway.ending(reply.headers["x-caveat-call"]).leaf.o == "broken"
    assert office.gateway.house.bodies.kept("held") == ()


def test_what_forbids_goes_before_what_waits(office):
    office.upstream.play(says("The key is AKIAIOSFODNN7EXAMPLQ."))
    for stream in (False, True):
        reply = send(office, chat("May she stay?", stream=stream), key=office.key)
        assert reply.status_code == 403
        assert "secrets.kept" in reply.text
        assert office.gateway.ending(reply.headers["x-caveat-call"]).leaf.o == "stopped"


def test_a_kept_reply_outlives_a_restart(tmp_path, run):  # noqa: F811
    path = tmp_path / "home"
    data = chat("May she stay?")
    with serve(says("She may stay.")) as upstream:
        with running(path, settings(upstream)) as gateway:
            gateway.adopt(terms_with(REVIEW))
            office = staffed(tmp_path, run, gateway, upstream)
            office.key = gateway.key("dora", effect="affects-person")
            hold = withheld(office, data)
        with running(path, settings(upstream), sample=False) as gateway:
            office.gateway = gateway
            released(office, hold)
        with running(path, settings(upstream), sample=False) as gateway:
            office.gateway = gateway
            assert "She may stay." in send(office, data, hold, office.key).text
        with running(path, settings(upstream), sample=False) as gateway:
            office.gateway = gateway
            assert "was used" in send(office, data, hold, office.key).text
            assert len(upstream.received) == 1


def test_four_workers_know_of_a_kept_reply_and_one_call_fetches_it(tmp_path, run):  # noqa: F811
    """Whichever worker made the call, shows it, puts the release on record or is asked for it."""
    path = tmp_path / "home"
    with serve(says("She may stay.")) as upstream:
        with running(path, settings(upstream)) as gateway:
            office = staffed(tmp_path, run, gateway, upstream)
            key = gateway.key("dora", effect="affects-person")
        (path / "caveat.toml").write_text(settings(upstream))
        with served(path, "--workers", "4") as process:
            plain = {"content-type": "application/json", "x-api-key": key}

            def post(hold=""):
                headers = {**plain, **({"caveat-hold": hold} if hold else {})}
                return httpx.post(process.url + PATH, content=chat("May she stay?"), headers=headers, timeout=60)

            hold = post().headers["x-caveat-call"]
            released(office, hold)
            with ThreadPoolExecutor(8) as callers:
                replies = list(callers.map(lambda _: post(hold), range(8)))
            assert sorted(reply.status_code for reply in replies) == [200] + [403] * 7
            assert ["She may stay." in reply.text for reply in replies].count(True) == 1
            assert process.stop() == 0
        assert len(upstream.received) == 1


def test_a_request_that_was_held_and_whose_reply_waits_takes_two_releases(office):
    """The second covers the hold of the request too: the first was spent on the call to the model."""
    data = chat(
        "Send a note of thanks.",
        tools=[{"type": "function", "function": {"name": "send_message", "parameters": {"type": "object"}}}],
    )
    first = send(office, data, key=office.key)
    assert "tools.irreversible" in first.text
    hold = first.headers["x-caveat-call"]
    released(office, hold)
    second = send(office, data, hold, office.key)
    assert second.status_code == 403
    again = second.headers["x-caveat-call"]
    (listed,) = office.do("hold", "list", "--home", office.home, "--json").json["holds"]
    assert (listed["of"], listed["clauses"]) == ("reply", ["decisions.people", "tools.irreversible"])
    released(office, again)
    assert send(office, data, again, office.key).status_code == 200
    assert len(office.upstream.received) == 1
    report = verified(office)
    assert report.verified, report.sentences()


# --- waivers that only a reply needs ---

KEY = "The key is AKIAIOSFODNN7EXAMPLQ, keep it."


@pytest.mark.parametrize("stream", [False, True])
def test_a_waiver_lifts_a_clause_that_only_the_reply_trips_and_is_spent_by_its_outcome(office, stream):
    waiver = granted(office, uses=2)
    data = chat("What was the key?", stream=stream)
    assert send(office, chat("Hello.", stream=stream)).status_code == 200
    office.upstream.play(says(KEY))
    replies = [send(office, data) for _ in range(3)]
    assert [b"AKIAIOSFODNN7EXAMPLQ" in reply.content.replace(b'"}', b"") or reply.status_code for reply in replies]
    calls = [office.gateway.call(reply.headers["x-caveat-call"]) for reply in replies]
    assert [(one.leaf.w, two.leaf.w, two.leaf.o) for one, two in calls] == [
        ((), (waiver,), "completed"),
        ((), (waiver,), "completed"),
        ((), (), "stopped"),
    ]
    assert "secrets.kept" in replies[2].text
    report = verified(office)
    assert report.verified, report.sentences()
    assert any(f"`{waiver}` used 2 of 2 times" in sentence for sentence in report.sentences())


def test_a_waiver_that_ends_while_the_model_writes_lifts_nothing_more(office):
    waiver = granted(office, uses=5)
    office.upstream.play(always(Reply(answer=Answer(KEY + " Well." * 60, piece=8), pause_ms=20)))
    plain = {"content-type": "application/json"}
    data = chat("What was the key?", stream=True)
    with office.gateway.http(**plain).stream("POST", PATH, content=data) as reply:
        office.do("waiver", "end", waiver, "--home", office.home)
        data = b"".join(reply.iter_raw())
        call = reply.headers["x-caveat-call"]
    assert b"AKIA" not in data
    assert b"content_filter" in data
    settled = office.gateway.ending(call)
    assert (settled.leaf.o, settled.leaf.w) == ("stopped", ())
    assert verified(office).verified


def test_a_reply_that_waits_and_needs_a_waiver_spends_it_twice_for_it_is_two_calls(office):
    waiver = granted(office, uses=2)
    office.upstream.play(says(KEY))
    data = chat("What was the key?")
    hold = withheld(office, data)
    released(office, hold)
    assert send(office, data, hold, office.key).status_code == 200
    assert sum(waiver in one.leaf.w for one in office.gateway.records()) == 2
    assert verified(office).verified


def test_a_home_that_starts_anew_knows_what_replies_have_spent(tmp_path, run):  # noqa: F811
    path = tmp_path / "home"
    with serve(says(KEY)) as upstream:
        with running(path, settings(upstream)) as gateway:
            office = staffed(tmp_path, run, gateway, upstream)
            granted(office, uses=1)
            assert send(office, chat("What was the key?")).status_code == 200
        with running(path, settings(upstream)) as gateway:
            office.gateway = gateway
            assert send(office, chat("What was the key?")).status_code == 403
