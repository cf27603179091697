"""An exception as people make it: asked for, signed on different machines, put in force, counted, ended; and a held call
that a person releases, once."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec
import pytest
from tests.cli.conftest import run  # noqa: F401 - a fixture
from tests.gateway.process import served
from tests.gateway.running import HEAD, MODEL, running, scripted_gateway, upstream_text
from tests.stories.persons import PATH, asked, carried, granted, released, send, staffed, verified

from caveat.gateway.home.documents import Documents
from caveat.gateway.home.held import Held, keep
from caveat.gateway.house.sweeping import sweep
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve
from caveat.keys import read_signing_key
from caveat.waivers.signed import approve

PLAIN = {"model": MODEL, "messages": [{"role": "user", "content": "Draft a short note of thanks."}]}
SECRET = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "The key is AKIAIOSFODNN7EXAMPLQ, is it well made?"}],
}
TOOL = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Send a note of thanks to the archive."}],
    "tools": [{"type": "function", "function": {"name": "send_message", "parameters": {"type": "object"}}}],
}


@pytest.fixture
def office(tmp_path, run):  # noqa: F811
    """A gateway, three persons with keys of their own on machines of their own, and the command line."""
    with scripted_gateway(tmp_path / "home", says("Hello there.")) as (gateway, upstream):
        yield staffed(tmp_path, run, gateway, upstream)


def ask(office, body=SECRET, **headers):
    reply = office.gateway.http(**headers).post(PATH, json=body)
    return reply.status_code


def test_a_waiver_from_the_refusal_to_its_last_use(office):
    """Carl is refused, asks, Anna and Ben sign, two calls pass, the third is refused by the clause again."""
    refused = office.gateway.http().post(PATH, json=SECRET)
    assert refused.status_code == 403
    assert "caveat waiver request --clause secrets.kept" in refused.json()["error"]["message"]
    file = asked(office)
    told = office.do("waiver", "grant", file, "--home", office.home, code=1).err
    assert "wants 2 approvers who are not its requester, and has 0" in told
    carried(office, file, "anna")
    signed = carried(office, office.folder / "anna" / file.name, "ben")
    assert (
        "in force for 2 uses, approved by anna and ben"
        in office.do("waiver", "grant", signed, "--home", office.home).out
    )
    assert [ask(office) for _ in range(3)] == [200, 200, 403]
    assert len(office.upstream.received) == 2
    (listed,) = office.do("waiver", "list", "--home", office.home, "--json").json["waivers"]
    assert (listed["state"], listed["approvers"], listed["requester"]) == ("exhausted", ["anna", "ben"], "carl")
    report = verified(office)
    assert report.verified, report.sentences()
    assert any(f"`{listed['id']}` used 2 of 2 times" in sentence for sentence in report.sentences())


def test_explain_names_the_waiver(office):
    waiver = granted(office)
    call = office.gateway.http().post(PATH, json=SECRET).headers["x-caveat-call"]
    told = office.do("explain", call, "--home", office.home).out
    assert f"waiver `{waiver}` lifts it here" in told


TOO_FEW = {
    "the requester and one": (("carl", "anna"), "and has 1"),
    "one alone": (("anna",), "and has 1"),
    "one twice": (("anna", "anna"), "and has 1"),
}


@pytest.mark.parametrize("name", TOO_FEW)
def test_too_few_persons_put_nothing_in_force(office, name):
    """Signed by hand: the command does not let the requester sign."""
    persons, says_ = TOO_FEW[name]
    file = asked(office)
    for person in persons:
        key = read_signing_key((office.folder / person / "key").read_text().strip())
        file.write_bytes(approve(file.read_bytes(), key))
    assert says_ in office.do("waiver", "grant", file, "--home", office.home, code=1).err
    assert ask(office) == 403


def test_the_same_waiver_is_granted_once(office):
    file = carried(office, asked(office), "anna", "ben")
    office.do("waiver", "grant", file, "--home", office.home)
    assert "decided before" in office.do("waiver", "grant", file, "--home", office.home, code=1).err


def test_a_clause_that_cannot_be_waived_is_not_even_asked_for(office):
    file = office.folder / "no.json"
    words = (
        "--reason",
        "x",
        "--requester",
        "carl",
        "--until",
        "+1d",
        "--uses",
        1,
        "--out",
        file,
        "--home",
        office.home,
    )
    told = office.do("waiver", "request", "--clause", "marking.ceiling", *words, code=2).err
    assert "no waiver can lift the clause `marking.ceiling`" in told
    assert (
        "no terms in force have the clauses `no.such`"
        in office.do("waiver", "request", "--clause", "no.such", *words, code=2).err
    )
    assert not file.exists()


def test_an_ended_waiver_lifts_nothing_from_the_next_call_on(office):
    waiver = granted(office, uses=100)
    assert ask(office) == 200
    office.do("waiver", "end", waiver, "--home", office.home)
    assert ask(office) == 403
    assert "no waiver" in office.do("waiver", "end", waiver, "--home", office.home, code=2).err
    assert verified(office).verified


def test_a_waiver_covers_its_scope_and_no_more(office):
    granted(office, "--case", "C-17", "--purpose", "drafting")
    assert ask(office) == 403
    assert ask(office, **{"caveat-case": "C-18"}) == 403
    assert ask(office, **{"caveat-case": "C-17", "caveat-purpose": "analysis"}) == 403
    assert ask(office, **{"caveat-case": "C-17"}) == 200
    assert verified(office).verified


def test_uses_are_counted_through_a_restart(tmp_path, run):  # noqa: F811
    """What was spent stands in the ledger, so the next process knows it; a snapshot knows it too."""
    path = tmp_path / "home"
    with serve(says("Hello there.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            office = staffed(tmp_path, run, gateway, upstream)
            granted(office, uses=3)
            assert [ask(office), ask(office)] == [200, 200]
        for statuses in ([200, 403], [403]):
            with running(path, text) as gateway:
                office.gateway = gateway
                assert [ask(office) for _ in statuses] == statuses


def test_of_300_calls_at_once_100_pass(office):
    """Whoever comes first; what is counted is what stands in the ledger."""
    waiver = granted(office, uses=100)
    statuses: list[int] = []

    def calling():
        with httpx.Client(base_url=office.gateway.url, timeout=60, trust_env=False) as client:
            for _ in range(25):
                reply = client.post(PATH, json=SECRET, headers={"x-api-key": office.gateway.caller_key})
                statuses.append(reply.status_code)

    callers = [threading.Thread(target=calling, daemon=True) for _ in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert (statuses.count(200), statuses.count(403)) == (100, 200)
    assert sum(waiver in one.leaf.w for one in office.gateway.records()) == 100
    assert len(office.upstream.received) == 100


def test_four_workers_spend_one_waiver_and_one_approval_together(tmp_path, run):  # noqa: F811
    """Whichever worker takes a call: 20 of 80 pass, and an approval made through one is good at all, once."""
    path = tmp_path / "home"
    with serve(says("Hello there.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            office = staffed(tmp_path, run, gateway, upstream)
            file = carried(office, asked(office, uses=20), "anna", "ben")
            key = {"x-api-key": gateway.caller_key}
        (path / "caveat.toml").write_text(text)
        with served(path, "--workers", "4") as process:
            office.do("waiver", "grant", file, "--home", path)

            def post(body, **headers):
                return httpx.post(f"{process.url}{PATH}", json=body, headers={**key, **headers}, timeout=60)

            with ThreadPoolExecutor(8) as callers:
                statuses = [reply.status_code for reply in callers.map(post, [SECRET] * 80)]
            assert (statuses.count(200), statuses.count(403)) == (20, 60)
            hold = post(TOOL).headers["x-caveat-call"]
            released(office, hold)
            with ThreadPoolExecutor(8) as callers:
                again = list(callers.map(lambda _: post(TOOL, **{"caveat-hold": hold}).status_code, range(8)))
            assert sorted(again) == [200] + [403] * 7
            assert process.stop() == 0
        assert len(upstream.received) == 21


def test_a_held_call_lapses(office):
    """Nobody answered: it leaves the list and the vault, and cannot be released any more."""
    data, hold = held(office)
    house = office.gateway.house
    late = msgspec.msgpack.decode(house.bodies.read(hold, "held"), type=Held)
    lapsed = msgspec.structs.replace(late.ask, until_ms=late.ask.from_ms + 1)
    house.bodies.drop(hold, "held")
    keep(house.bodies, Held(lapsed, late.body))
    assert office.do("hold", "list", "--home", office.home, "--json").json["holds"] == []
    office.do("hold", "show", hold, "--home", office.home, code=2)
    assert office.gateway.run(sweep(house)) == 1
    assert house.bodies.kept("held") == ()
    (gone,) = [one for one in office.gateway.records() if one.leaf.what == "bodies.destroyed"]
    assert hold.encode() in house.document(gone.leaf.doc)
    assert "is not approved" in message(send(office, data, hold))


def test_a_crash_between_the_document_and_its_record_leaves_the_old_state(tmp_path, run):  # noqa: F811
    """The document alone puts nothing in force; the next start sweeps nothing away that it needs, and granting works."""
    path = tmp_path / "home"
    with serve(says("Hello there.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            office = staffed(tmp_path, run, gateway, upstream)
            file = carried(office, asked(office), "anna", "ben")
            Documents(gateway.home.control).keep(file.read_bytes())
            assert ask(office) == 403
        with running(path, text) as gateway:
            office.gateway = gateway
            assert ask(office) == 403
            office.do("waiver", "grant", file, "--home", office.home)
            assert ask(office) == 200


# --- held calls ---


def held(office, body=TOOL):
    """A call that waits; its bytes, and its hold."""
    data = httpx.Request("POST", "http://x", json=body).content
    reply = send(office, data)
    assert reply.status_code == 403, reply.text
    assert reply.json()["error"]["code"] == "approval_required"
    hold = reply.headers["x-caveat-call"]
    assert f"Caveat-Hold: {hold}" in reply.json()["error"]["message"]
    return data, hold


def message(reply):
    assert reply.status_code == 403
    assert reply.json()["error"]["code"] == "approval_required"
    return reply.json()["error"]["message"]


def test_a_held_call_is_seen_approved_and_goes_through_once(office):
    data, hold = held(office)
    assert office.upstream.received == []
    assert "is not approved" in message(send(office, data, hold))
    (listed,) = office.do("hold", "list", "--home", office.home, "--json").json["holds"]
    assert (listed["hold"], listed["clauses"]) == (hold, ["tools.irreversible"])
    assert f"Caveat-Hold: {hold}" in released(office, hold).out
    assert office.do("hold", "list", "--home", office.home, "--json").json["holds"] == []
    reply = send(office, data, hold)
    assert reply.status_code == 200
    assert "was used" in message(send(office, data, hold))
    told = office.do("explain", reply.headers["x-caveat-call"], "--home", office.home).out
    assert f"persons approved this very call, hold `{hold}`" in told
    assert len(office.upstream.received) == 1
    report = verified(office)
    assert report.verified, report.sentences()
    assert any("1 held calls released by persons" in sentence for sentence in report.sentences())


def test_an_approval_is_good_for_no_other_body_caller_or_dialect(office):
    data, hold = held(office)
    released(office, hold)
    other = office.gateway.key("dora", purposes=("drafting",))
    for reply in (send(office, data + b" ", hold), send(office, data, hold, other)):
        assert "is for another call" in message(reply)
    assert send(office, data).json()["error"]["code"] == "approval_required"
    assert office.upstream.received == []
    assert send(office, data, hold).status_code == 200


def test_an_approval_for_another_purpose_holds_the_call_again(office):
    data, hold = held(office)
    released(office, hold)
    headers = {"content-type": "application/json", "caveat-hold": hold, "caveat-purpose": "analysis"}
    reply = office.gateway.http(**headers).post(PATH, content=data)
    assert reply.status_code == 403
    assert reply.headers["x-caveat-call"] != hold
    assert send(office, data, hold).status_code == 200


def test_a_denied_call_stays_denied(office):
    data, hold = held(office)
    office.do("hold", "deny", hold, "--home", office.home)
    assert "was denied" in message(send(office, data, hold))
    told = office.do("hold", "show", hold, "--home", office.home, code=2).err
    assert "no call of that id waits" in told
    assert list((office.gateway.home.vault / "bodies").glob("*.held")) == []


def test_words_that_were_swapped_are_not_signed(office):
    """The file shows words and names a body; where they differ, nobody signs."""
    _, hold = held(office)
    file = office.folder / "hold.json"
    office.do("hold", "show", hold, "--out", file, "--home", office.home)
    other = office.folder / "other.json"
    _, second = held(office, {**TOOL, "max_tokens": 9})
    office.do("hold", "show", second, "--out", other, "--home", office.home)
    text = other.read_text().split('"body":"')[1].split('"')[0]
    mine = file.read_text().split('"body":"')[1].split('"')[0]
    file.write_text(file.read_text().replace(mine, text))
    told = office.do("hold", "approve", file, "--key", office.folder / "anna" / "key", code=1).err
    assert "not those that would be approved" in told


def test_a_stranger_releases_nothing(office):
    _, hold = held(office)
    office.do("party", "init", "zoe", office.folder / "zoe")
    file = office.folder / "hold.json"
    office.do("hold", "show", hold, "--out", file, "--home", office.home)
    office.do("hold", "approve", file, "--key", office.folder / "zoe")
    assert "wants 1 approvers" in office.do("hold", "grant", file, "--home", office.home, code=1).err


@pytest.mark.parametrize("hold", ["nope", "0" * 31, "../" + "0" * 29])
def test_a_header_that_names_no_hold(office, hold):
    reply = send(office, httpx.Request("POST", "http://x", json=TOOL).content, hold)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "header_invalid")


def test_a_hold_that_is_not_needed_does_no_harm(office):
    """An approved call's header on a call that nothing holds: the approval is for another call."""
    _, hold = held(office)
    released(office, hold)
    assert "is for another call" in message(send(office, httpx.Request("POST", "http://x", json=PLAIN).content, hold))


def test_a_home_without_a_gateway_knows_the_same(tmp_path, run, office):  # noqa: F811
    waiver = granted(office)
    copied = tmp_path / "copy"
    shutil.copytree(office.home, copied)
    (copied / "lock").unlink(missing_ok=True)
    (listed,) = run("waiver", "list", "--home", copied, "--json").json["waivers"]
    assert (listed["id"], listed["state"]) == (waiver, "in force")
