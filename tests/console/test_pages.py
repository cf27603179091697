"""Pages in a real browser: nobody is kept out (axe), no text from outside becomes part of a page, each keeps itself up to
date and says when it is not."""

import json
import re
from pathlib import Path

import pytest
from tests.console.browser import NARROW, visitor
from tests.console.conftest import ask
from tests.console.people import named
from tests.console.visiting import send, token_of, visiting
from tests.making import document

from caveat.console.sessions import COOKIE
from caveat.gateway.desk.ports import sessions_of
from caveat.waivers.signed import approve

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text("utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES = (
    "login",
    "now",
    "calls",
    "terms",
    "terms/replay",
    "lifts",
    "lifts/ask",
    "ledger",
    "ledger/record/2",
    "ledger/tile/0/0",
    "evidence",
    "callers",
    "nothing",
)
EVIL = (
    '"><script>window.evil=1</script>',
    "<img src=x onerror=window.evil=1>",
    "{{7*7}}${7*7}",
    "'-alert(1)-'",
    "</title><svg onload=window.evil=1>",
    "javascript:window.evil=1",
    "&lt;b&gt;\u202e\u0000\ufeff",
)
"""Texts as a caller, or the other party, might set them."""


def violations(page):
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_no_violation_on_any_page(chromium, gateway, theme):
    call = gateway.http().post("/v1/chat/completions", json=ask()).headers["x-caveat-call"]
    gateway.ending(call)
    found = []
    with visitor(chromium, gateway, color_scheme=theme) as page:
        for path in (*PAGES, f"calls/{call}"):
            page.goto(f"/console/{path}")
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            found += [(path, one) for one in violations(page)]
    assert found == []


@pytest.mark.slow
def test_axe_finds_none_on_a_narrow_screen_in_french(chromium, gateway):
    found = []
    with visitor(chromium, gateway, viewport=NARROW, locale="fr-FR") as page:
        for path in PAGES:
            page.goto(f"/console/{path}")
            assert page.locator("html").get_attribute("lang") == "fr"
            found += [(path, one) for one in violations(page)]
    assert found == []


def test_a_page_is_used_by_keyboard_alone(chromium, gateway):
    """The skip link comes first; each step shows where it is; a page is reached and left by keys."""
    with visitor(chromium, gateway) as page:
        page.goto("/console/now")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        page.goto("/console/now")
        for _ in range(4):
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "/console/calls"
        page.keyboard.press("Enter")
        page.wait_for_url("**/console/calls")


def test_no_text_from_outside_becomes_part_of_a_page(chromium, gateway):
    """What callers and the other party can set stands on every page as it was set, and does nothing there."""
    yaml = document(
        *EVIL_CLAUSES, id="evil", title={"en": EVIL[0], "fr": EVIL[1]}, models=[{"alias": "evil", "identity": "any"}]
    )
    gateway.adopt(yaml)
    named(gateway, "mallory", "vendor")
    calls = []
    for evil in EVIL:
        words = re.sub(r"[^\x20-\x7e]", "", evil)
        body = ask(evil)
        body["tools"] = [{"type": "function", "function": {"name": "a_tool", "description": evil}}]
        reply = gateway.http().post("/v1/chat/completions", json=body, headers={"caveat-case": words})
        calls.append(reply.headers["x-caveat-call"])
        gateway.http().post("/v1/chat/completions", json={**ask(), "model": evil}, headers={"caveat-purpose": words})
    with visiting(gateway, "operator", "carl") as client:
        terms = next(t for t in gateway.house.view.register.terms.values() if t.draft.id == "institutional-use")
        fields = {"terms": terms.digest, "reason": EVIL[0], "until": "2027-01-01", "uses": "1", "case": EVIL[1]}
        asked = send(client, "/console/lifts/ask", **fields, **{"clause:injection.refused": "1"})
        assert asked.status_code == 303, asked.text
    digest = next(t.digest for t in gateway.house.view.register.terms.values() if t.draft.id == "evil")
    paths = [*PAGES, f"terms?terms={digest}", asked.headers["location"].removeprefix("/console/")]
    paths += [f"calls/{call}" for call in calls] + [f"calls?case={EVIL[0]}&caller={EVIL[1]}&since={EVIL[2]}"]
    with visitor(chromium, gateway, person=EVIL[1][:99]) as page:
        for path in paths:
            page.goto(f"/console/{path}")
            page.wait_for_timeout(50)
            assert page.evaluate("window.evil") is None, path
            assert page.locator("main script, main svg[onload], main img[onerror]").count() == 0, path


EVIL_CLAUSES = [
    {
        "id": "evil.one",
        "title": {"en": EVIL[0], "fr": EVIL[0]},
        "says": {"en": EVIL[1], "fr": EVIL[4]},
        "effect": "permit",
        "when": "context.labelRank <= 15",
        "basis": [EVIL[5]],
    }
]


def test_now_keeps_itself_up_to_date_without_a_reload(chromium, gateway):
    with visitor(chromium, gateway) as page:
        page.goto("/console/now")
        before = page.locator("#part").inner_text()
        call = gateway.http().post("/v1/chat/completions", json=ask()).headers["x-caveat-call"]
        page.get_by_role("link", name=call[:8]).wait_for(timeout=60_000)
        assert page.locator("#part").inner_text() != before
        assert page.locator("#live").inner_text() == "Up to date"


def test_a_session_that_ends_says_so_and_leads_back(chromium, gateway):
    with visitor(chromium, gateway) as page:
        page.goto("/console/now")
        cookie = next(one for one in page.context.cookies() if one["name"] == COOKIE)
        sessions = sessions_of(gateway.home, gateway.house)
        found = sessions.read(cookie["value"])
        assert found is not None
        sessions.end(found)
        page.get_by_text("Your session has ended: log in again.").wait_for()
        page.goto("/console/calls?outcome=denied")
        assert "/console/login" in page.url
        assert page.get_by_text("you come back to where you were").is_visible()


def test_a_stream_of_an_ended_session_says_so(gateway):
    """Also where it had ended before the stream was asked for: a browser does not ask again after a refusal."""
    reply = gateway.http().get(
        "/console/now/events", headers={"accept": "text/event-stream", "sec-fetch-dest": "empty"}
    )
    assert (reply.status_code, reply.text) == (200, "event: over\ndata:\n\n")
    assert gateway.http().get("/console/now/events", headers={"sec-fetch-dest": "empty"}).status_code == 401


def test_two_approvers_who_sign_at_once_both_count(gateway):
    """Neither is lost, it comes into force once, and who comes late is told."""
    import concurrent.futures

    keys = [named(gateway, person) for person in ("dora", "emil", "fred")]
    with visiting(gateway, "operator", "gina") as client:
        terms = next(t for t in gateway.house.view.register.terms.values() if t.draft.id == "institutional-use")
        fields = {"terms": terms.digest, "reason": "Race", "until": "2027-01-01", "uses": "1"}
        waiver = send(client, "/console/lifts/ask", **fields, **{"clause:injection.refused": "1"}).headers["location"]
        unsigned = client.get(f"{waiver}/file").content
        token = token_of(client)

        def sign(key):
            return client.post(f"{waiver}/sign", data={"csrf": token, "file": approve(unsigned, key).decode()})

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            replies = list(pool.map(sign, keys))
    id_ = waiver.rpartition("/")[2]
    granted = [r for r in gateway.records() if r.leaf.what == "waiver.granted" and r.leaf.id == id_]
    assert len(granted) == 1
    done = [r.headers.get("location", "") for r in replies]
    assert sum("done=1" in where for where in done) == 1
    assert all(r.status_code in {303, 404, 409} for r in replies), [r.text for r in replies]
    assert len(gateway.house.view.register.waivers[id_].approvers) >= 2


def test_who_may_not_approve_is_told_why(chromium, gateway):
    key = named(gateway, "hans")
    with visiting(gateway, "operator", "hans") as client:
        terms = next(t for t in gateway.house.view.register.terms.values() if t.draft.id == "institutional-use")
        fields = {"terms": terms.digest, "reason": "Own", "until": "2027-01-01", "uses": "1"}
        waiver = send(client, "/console/lifts/ask", **fields, **{"clause:injection.refused": "1"}).headers["location"]
        unsigned = client.get(f"{waiver}/file").content
        own = send(client, f"{waiver}/sign", file=approve(unsigned, key).decode())
        assert own.status_code == 303
        assert gateway.house.view.register.waivers.get(waiver.rpartition("/")[2]) is None
        forged = json.loads(approve(unsigned, key))
        forged["signatures"][0]["sig"] = "A" * 86 + "=="
        assert send(client, f"{waiver}/sign", file=json.dumps(forged)).status_code == 409
        assert send(client, f"{waiver}/sign", file="no file").status_code == 400
    with visitor(chromium, gateway) as page:
        page.goto(waiver)
        assert page.get_by_text("nobody approves for themselves").is_visible()


def test_a_key_is_shown_once_and_works(chromium, gateway):
    with visitor(chromium, gateway) as page:
        page.goto("/console/callers")
        page.get_by_text("Make a key").click()
        page.get_by_label("Name, used once").fill("fresh-key")
        page.get_by_label("drafting").check()
        page.get_by_role("button", name="Make it and show it, once").click()
        text = page.locator("#made-key").inner_text()
        assert gateway.http(text).post("/v1/chat/completions", json=ask()).status_code == 200
        page.goto("/console/callers")
        assert text not in page.content()
        page.get_by_text("Set a budget").click()
        page.locator("#b-name").select_option("fresh-key")
        page.locator("#b-calls_month").fill("1")
        page.get_by_role("button", name="Set this budget").click()
        row = page.get_by_role("row").filter(has_text="fresh-key")
        row.get_by_text("0 of 1 calls this month").wait_for()
        statuses = [gateway.http(text).post("/v1/chat/completions", json=ask()).status_code for _ in range(2)]
        assert statuses == [200, 429]
        page.reload()
        row.get_by_text("1 of 1 calls this month").wait_for()
        page.get_by_role("button", name="Revoke fresh-key").click()
        row.get_by_text("revoked").wait_for()
        assert gateway.http(text).post("/v1/chat/completions", json=ask()).status_code == 401


def test_who_goes_by_keyboard_keeps_their_place_when_the_page_brings_itself_up_to_date(chromium, gateway):
    """What has the focus has it again in the part that comes: a link, a table's head, an open table."""
    with visitor(chromium, gateway) as page:
        page.goto("/console/now")
        for place in ("#part summary", "#part details .wide", "#part .calls a"):
            page.evaluate("for (const one of document.querySelectorAll('#part details')) one.open = true")
            page.locator(place).first.focus()
            call = gateway.http().post("/v1/chat/completions", json=ask()).headers["x-caveat-call"]
            page.get_by_role("link", name=call[:8]).wait_for(timeout=60_000)
            assert page.evaluate("document.querySelector('#part').contains(document.activeElement)"), place


@pytest.mark.parametrize("path", ["calls", "lifts/ask", "evidence", "callers"])
def test_the_order_of_keys_is_the_order_of_the_page(chromium, gateway, path):
    """Skip link, brand, the seven pages, log out, then what the page holds from top to bottom, then language and colours;
    each shows that it has the focus, and none keeps it."""
    with visitor(chromium, gateway) as page:
        page.goto(f"/console/{path}")
        steps = []
        for _ in range(400):
            page.keyboard.press("Tab")
            steps.append(page.evaluate(STEP))
            if steps[-1]["place"] == "foot":
                break
        places = [step["place"] for step in steps]
        assert places[0] == "skip"
        assert places[1:10] == ["side"] * 9
        assert places == sorted(places, key=["skip", "side", "main", "foot"].index)
        assert all(step["seen"] for step in steps), [step for step in steps if not step["seen"]]
        tops = [step["order"] for step in steps if step["place"] == "main"]
        assert tops == sorted(tops)


STEP = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  const place = ["skip", "side", "main", "foot"].find(name => at.closest(name === "main" ? "main" : "." + name));
  const all = [...document.querySelectorAll("main *")];
  return { place, order: all.indexOf(at), what: at.outerHTML.slice(0, 80), seen: style.outlineStyle !== "none" };
}"""
