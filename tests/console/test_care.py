"""What a page does for whoever comes to it in a hurry, on a small screen, or by keys: what is wrong comes first and says what
to do; a long document has an index; what is shown cut can be copied whole."""

import re
from pathlib import Path

import pytest
from tests.console.browser import NARROW, WIDE, visitor
from tests.console.conftest import ask
from tests.console.visiting import visiting
from tests.making import ANYTHING, document

from caveat.console import page
from caveat.console.ports import Light
from caveat.gateway.desk import health

PART = (Path(page.__file__).parent / "templates" / "now_part.html").read_text("utf-8")
MADE = set(re.findall(r'Need\("([a-z.]+)"', Path(health.__file__).read_text("utf-8"))) | set(health.HREFS)
CODES = {*MADE, "meter.gap", "meter.silent", "models.unserved", "models.unread"}


@pytest.mark.parametrize("code", sorted(CODES))
def test_whatever_needs_a_person_has_a_sentence_and_says_what_to_do(code):
    assert f'need.code == "{code}"' in PART
    assert f'\n"{code}": _(' in PART


def test_what_refuses_calls_comes_before_what_can_wait():
    lights = (
        Light("witnesses", "waits", "witnesses.reached", {"name": "w"}),
        Light("ledger", "good", "ledger.writes"),
        Light("ledger", "bad", "ledger.stuck"),
        Light("seal", "absent", "seal.none"),
    )
    assert [(need.code, need.state) for need in health.wrong(lights)] == [
        ("witnesses.reached", "waits"),
        ("ledger.stuck", "bad"),
    ]


def test_now_says_first_what_is_wrong_and_by_which_command_it_is_seen_to(chromium, gateway):
    yaml = document(ANYTHING, id="elsewhere", models=[{"alias": "nowhere", "identity": "any"}])
    gateway.adopt(yaml)
    try:
        with visitor(chromium, gateway, viewport=NARROW) as visit:
            visit.goto("/console/now")
            visit.locator(".needs li.bad", has_text="No upstream serves nowhere").wait_for(timeout=60_000)
            seen = visit.evaluate(SEEN)  # in one look: the page brings itself up to date meanwhile
            assert "bad" in seen["first"]
            assert "caveat doctor" in seen["does"]
            assert "wrong" in seen["lamp"]
            assert seen["top"] < 400
            visit.locator(".strip a", has_text="Model").click()
            visit.wait_for_url("**#health-h")
    finally:
        gateway.run(gateway.house.end_terms("elsewhere"))


SEEN = """() => {
  const first = document.querySelector(".needs li"), lamps = [...document.querySelectorAll(".strip li")];
  const lamp = lamps.find(one => one.textContent.includes("Model"));
  const top = lamp.getBoundingClientRect().top;
  return { first: first.className, does: first.textContent, lamp: lamp.textContent, top };
}"""


def test_calls_are_found_by_why_they_were_decided_so(gateway):
    gateway.http().post("/v1/chat/completions", json={**ask(), "model": "nobody-has-this"})
    with visiting(gateway, "viewer") as client:
        found = client.get("/console/calls", params={"why": "model_not_found"}).text
        assert '<option value="model_not_found" selected>no terms cover the model</option>' in found
        rows = re.findall(r'class="faint what">\s*([^<]*?)\s*</td>', found)
        assert rows
        assert set(rows) == {"no terms cover the model"}


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_the_terms_have_an_index_that_keys_reach(chromium, gateway, size):
    """On a small screen it is a bar that stays in reach, opens, leads to a clause and is closed then."""
    with visitor(chromium, gateway, viewport=NARROW if size == "narrow" else WIDE) as visit:
        visit.goto("/console/terms")
        index = visit.locator(".toc" if size == "wide" else ".toc-bar")
        other = visit.locator(".toc-bar" if size == "wide" else ".toc")
        assert not other.is_visible()
        if size == "narrow":
            index.locator("summary").focus()
            visit.keyboard.press("Enter")
        link = index.get_by_role("link", name="Nothing unread")
        link.focus()
        visit.keyboard.press("Enter")
        clause = visit.locator("[id='parts.unread']")
        visit.wait_for_function("document.querySelector(\"[id='parts.unread']\").getBoundingClientRect().top < 200")
        assert clause.bounding_box()["y"] >= 0
        if size == "narrow":
            assert index.get_attribute("open") is None
            assert 0 <= index.bounding_box()["y"] < clause.bounding_box()["y"]
            index.locator("summary").click()
            assert index.get_by_role("link", name="Versions").is_visible()


def test_what_is_shown_cut_is_copied_whole(chromium, gateway):
    digest = next(iter(gateway.house.view.register.terms.values())).digest
    with visitor(chromium, gateway, permissions=["clipboard-read", "clipboard-write"]) as visit:
        visit.goto(f"/console/terms?terms={digest}")
        visit.locator(f"button.copy[data-copy-text='{digest}']").first.click()
        visit.locator("button.copy.done").wait_for()
        assert visit.evaluate("navigator.clipboard.readText()") == digest


def test_plots_are_those_of_the_theme_that_was_chosen_after_an_update_too(chromium, gateway):
    """What comes by events is made for all themes; the page shows the one that its viewer chose."""
    with visitor(chromium, gateway, color_scheme="light") as visit:
        visit.goto("/console/now")
        visit.get_by_role("button", name="Dark").click()
        visit.locator(".plot img.only-light").first.wait_for(state="attached", timeout=60_000)
        assert visit.locator(".plot img[src*='theme=dark']").first.is_visible()
        assert not visit.locator(".plot img[src*='theme=light']").first.is_visible()
