"""The report as a page: what it shows, that it checks itself again in a browser, and that no bundle can write into it."""

import asyncio
import io
import json
import re
from html import unescape
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from playwright.sync_api import Page
from tests.browser import NEEDS_CHROMIUM, browser_page
from tests.evidence.conftest import NOW_MS, TRUST, Book, repacked, with_facts

from caveat import record
from caveat.evidence.gathered import day_of
from caveat.evidence.plots import day_plot, spark
from caveat.evidence.report_page import script, verify_with_page
from caveat.ledger.log import Entry
from caveat.ledger.memory import MemoryLog

pytestmark = pytest.mark.timeout(400)


def page_of(bundle: bytes, last: bytes = b"") -> str:
    return verify_with_page(io.BytesIO(bundle), TRUST, last)[1]


@pytest.fixture(scope="module")
def days() -> Book:
    """A week with calls of all kinds, and a night of twenty hours after each day."""
    book = Book().found()
    for count in (6, 9, 30, 12, 7, 18, 11):
        book.day(count)
        book.now_ms += 20 * 3_600_000
    return book


def test_it_says_what_the_report_says(days: Book) -> None:
    report, html = verify_with_page(io.BytesIO(days.bundle(profile="audit")), TRUST)
    assert report.verified
    assert "<strong>Verified</strong>" in html
    for step in report.steps:
        assert f"{step.number}. {step.title.capitalize()}" in html
        for limit in step.limits:
            assert limit in html
    for word in ("no.cyber", "office@1", "Example Labs and Example Ministry", day_of(NOW_MS), "20.0", "what no bundle"):
        assert word.lower() in html.lower()
    assert "http://" not in html
    assert not re.search(r"https?://", html.replace("http-equiv", ""))


def test_what_is_withheld_is_not_in_it(days: Book) -> None:
    html = page_of(days.bundle(profile="none"))
    assert "The profile discloses no decision." in html
    assert "clerk-7" not in html.replace('\\"id\\":\\"clerk-7\\"', "")


@pytest.mark.parametrize("bundle", [b"", b"x" * 500])
def test_what_is_no_bundle_has_a_page_too(bundle: bytes) -> None:
    html = page_of(bundle)
    assert "<strong>Not verified</strong>" in html
    assert "<script" not in html
    assert "script-src 'none'" in unescape(html)


def test_plots_are_numbers(days: Book) -> None:
    assert day_plot([]) == ""
    assert day_plot([("2026-11-26", {"completed": 3, "denied": 1})]).count("<rect") == 2
    assert "<rect" not in spark([0, 0])
    assert spark([1, 0, 5]).count("<rect") == 2


# --- in a browser ---


def opened(page: Page, html: str, tmp_path: Path) -> str:
    """The page's own verdict on itself."""
    path = tmp_path / "report.html"
    path.write_text(html, "utf-8")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: pytest.fail(f"a script of the bundle ran: {dialog.message}"))
    page.goto(path.as_uri())
    page.wait_for_function("document.documentElement.dataset.again", timeout=60_000)
    assert requests == [path.as_uri()]
    return str(page.evaluate("document.documentElement.dataset.again"))


@NEEDS_CHROMIUM
def test_it_checks_itself_again(days: Book, tmp_path: Path) -> None:
    earlier = Book().found().checkpoint()
    with browser_page() as page:
        html = page_of(days.bundle(profile="audit", previous=earlier), last=earlier)
        assert opened(page, html, tmp_path) == "yes"
        told = page.inner_text("#again")
        for words in ("It stands for", "records lead", "Its first 5 records"):
            assert words in told
        assert page.is_hidden(".changed")
        page.fill("#key", "log.example.test/caveat+00000000+AQ==")
        page.click("#check")
        page.wait_for_function("document.documentElement.dataset.again === 'no'")
        assert page.is_visible(".changed")


@NEEDS_CHROMIUM
def test_it_is_read_from_the_verdict_down_by_day_and_by_night(days: Book, tmp_path: Path) -> None:
    """What it came to and by whose signatures, then numbers and plot, then step by step; each text stands out from its ground in
    a light and in a dark window, and paper is white."""
    with browser_page() as page:
        opened(page, page_of(days.bundle(profile="audit")), tmp_path)
        assert "log.example.test/caveat" in page.inner_text(".verdict .by")
        tops = [page.locator(one).first.bounding_box() for one in (".verdict", ".sums", "svg.plot", "ol.steps")]
        places = [top["y"] for top in tops if top]
        assert places == sorted(places)
        assert len(places) == 4
        seen = {}
        media: Literal["screen", "print"]
        scheme: Literal["light", "dark"]
        for media, scheme in (("screen", "light"), ("screen", "dark"), ("print", "dark")):
            page.emulate_media(media=media, color_scheme=scheme)
            seen[media, scheme] = page.evaluate(
                "[document.body, document.querySelector('section')].map(e => getComputedStyle(e).backgroundColor)"
            )
        assert seen["screen", "dark"] == ["rgb(19, 22, 26)", "rgb(26, 30, 36)"]
        assert seen["screen", "light"] == ["rgb(245, 247, 249)", "rgb(255, 255, 255)"]
        assert seen["print", "dark"] == ["rgb(255, 255, 255)", "rgb(255, 255, 255)"]


CHANGES = {
    "the checkpoint's root": ('"checkpoint":"', 60),
    "the signed manifest": ('"manifest":"', 40),
    "the signature on it": ('"note":"caveat-bundle/v1', 60),
    "a record": ('"leaf":"', 60),
    "a proof": ('"proof":["', 8),
    "a disclosed value": ('"shown":["', 30),
}


@NEEDS_CHROMIUM
def test_a_changed_byte_of_what_it_holds_shows(days: Book, tmp_path: Path) -> None:
    """One byte at each of these places; and a figure on the page that the signed manifest does not have."""
    html = page_of(days.bundle(profile="audit"))
    with browser_page() as page:
        for what, (mark, behind) in CHANGES.items():
            at = html.index(mark, html.index('id="evidence"')) + len(mark) + behind
            other = "A" if html[at] != "A" else "B"
            while not html[at].isalnum():
                at += 1
            assert opened(page, html[:at] + other + html[at + 1 :], tmp_path) == "no", what
            assert page.is_visible(".changed")
        shown = re.search(r'data-signed="counts.opened">([0-9,]+)<', html)
        assert shown
        assert opened(page, html.replace(shown[0], shown[0].replace(shown[1], "7")), tmp_path) == "no"


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\u2028&lt;"


@NEEDS_CHROMIUM
def test_no_bundle_writes_into_the_page(tmp_path: Path) -> None:
    """Whoever holds the log's key puts markup wherever a word of theirs is shown."""
    book = Book().found()
    decision = msgspec.structs.replace(
        book.open(with_facts(caller=EVIL))[2], verdict="deny", rule="forbid", clauses=(EVIL,), engine=EVIL
    )
    book.open(with_facts(caller=EVIL), decision)
    book.control(
        "coverage.measured", EVIL, json.dumps({"rows": [{"results": [{"state": EVIL}]}], "cells": []}).encode()
    )
    book.append(record.control(what=EVIL, of=EVIL, doc="", gateway=EVIL, at_ms=NOW_MS))
    bundle = book.exported(book.source((0, 1, 2, 3, 4)), 0, len(book.entries) - 2)
    for evil in (bundle, repacked(bundle, book.keys, {}, profile=EVIL), repacked(bundle, book.keys, {}, engine=EVIL)):
        html = page_of(evil)
        assert html.count("<script") in {0, 3}
        assert "<img" not in html
        assert "{{7*7}}" in html
        with browser_page() as page:
            path = tmp_path / "evil.html"
            path.write_text(html, "utf-8")
            page.on("dialog", lambda dialog: pytest.fail(f"a script of the bundle ran: {dialog.message}"))
            page.goto(path.as_uri())
            page.wait_for_timeout(300)
            assert page.locator("img").count() == 0


@NEEDS_CHROMIUM
def test_the_shared_script_checks_a_receipt(days: Book) -> None:
    """What the console uses: a tlog-proof, its leaf and the log's key."""

    async def receipts() -> tuple[list[tuple[str, str]], list[str]]:
        log = MemoryLog(days.keys, lambda: NOW_MS)
        leaves = [entry.leaf for entry in days.entries[:70]]
        await log.append(tuple(Entry(leaf) for leaf in leaves))
        await log.checkpoint()
        found = [((await log.proof(i)).decode(), leaves[i].decode()) for i in (0, 1, 31, 64, 69)]
        return found, [key.text for key in days.keys.verify_keys]

    found, keys = asyncio.run(receipts())
    run = (
        "([receipt, leaf, keys]) => caveatProof.checkReceipt(receipt, caveatProof.utf8(leaf), keys).then(h => h.index)"
    )
    with browser_page() as page:
        page.goto("file:///dev/null")
        page.add_script_tag(content=script("proof.js"))
        for receipt, leaf in found:
            index = page.evaluate(run, [receipt, leaf, keys])
            assert f"index {index}\n" in receipt
            for spoilt in (
                [receipt, leaf + " ", keys],
                [receipt.replace("index ", "index 1"), leaf, keys],
                [receipt, leaf, []],
            ):
                with pytest.raises(Exception, match="Error"):
                    page.evaluate(run, spoilt)
