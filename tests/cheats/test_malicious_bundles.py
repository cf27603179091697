"""Somebody sends a bundle that is made to harm its reader.

What detects it: one way to write the zip, and limits on everything before anything is read; no path leaves the bundle, nothing
unpacks, no index of 64 bits gets through; the report escapes every text, and a policy in it lets nothing run.
"""

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page
from tests.browser import NEEDS_CHROMIUM, browser_page
from tests.cheats.owner import check, failures, history
from tests.evidence.conftest import TRUST, Book, members, packed, repacked, with_facts
from tests.evidence.second import second_opinion

from caveat import record
from caveat.canon import digest
from caveat.decide.decide import able, decide
from caveat.evidence.report_page import verify_with_page
from caveat.facts import Caller
from caveat.register import CallerKey
from caveat.wire.reply import Usage


def zipped(name: str, data: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr(name, data)
    return out.getvalue()


BOOK = history(2)
GOOD = BOOK.bundle()
NOTE = b"x\n\n" + b"\xe2\x80\x94 a AAAA\n" * 100_000
EVIL = {
    "a zip bomb": zipped("manifest.json", bytes(80_000_000)),
    "a path that escapes": zipped("../../etc/passwd", b"x", zipfile.ZIP_STORED),
    "a giant note": packed({"manifest.json": b"{}", "manifest.note": NOTE}),
    "a manifest of depth": packed({"manifest.json": b"[" * 200_000, "manifest.note": b"x"}),
    "indices of 64 bits": packed({"manifest.json": b'{"size":' + b"9" * 30 + b"}", "manifest.note": b"x"}),
    "more files than are there": GOOD[:-12] + b"\xff\xff\xff\xff" + GOOD[-8:],
    "a giant checkpoint": repacked(GOOD, BOOK.keys, {"checkpoint": NOTE}),
    "a disclosure without end": repacked(GOOD, BOOK.keys, {"disclosures.jsonl": b"x" * 3_000_000}),
    "a control document that is huge": repacked(GOOD, BOOK.keys, {"control/" + "0" * 64: bytes(20_000_000)}),
}


@pytest.mark.parametrize("name", EVIL)
def test_it_is_refused_in_little_memory(name: str) -> None:
    tracemalloc.start()
    try:
        report = check(EVIL[name])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not report.verified
    assert peak < 64_000_000 + len(EVIL[name])
    assert second_opinion(EVIL[name], TRUST)


def test_a_range_of_2_to_the_63_is_refused_before_it_is_walked() -> None:
    for changes in ({"to": 2**53 - 1, "size": 2**53 - 1}, {"controls": (2**53 - 2,), "size": 2**53 - 1}):
        assert 1 in failures(check(repacked(GOOD, BOOK.keys, {}, **changes)))


def test_markup_in_it_does_not_run_in_the_report() -> None:
    evil = "<script>alert(1)</script>"
    _, html = verify_with_page(io.BytesIO(repacked(GOOD, BOOK.keys, {}, engine=evil, profile=evil)), TRUST)
    assert evil not in html
    assert "&lt;script&gt;alert(1)" in html


MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)><svg/onload=alert(3)>"


def marked() -> Book:
    """A log that verifies, with markup wherever its owner may put a word: names of callers and of gateways, what control
    records are about, and what is opened of calls."""
    book = history(2)
    caller = CallerKey("caller", digest(b"another"), Caller(MARKUP))
    book.control("key.new", MARKUP, msgspec.json.encode(caller))
    book.append(record.control(what="gateway.started", of=MARKUP, doc="", gateway=MARKUP, at_ms=book.now_ms))
    head, second = book.head(), book.head()
    facts = with_facts(caller=MARKUP)
    decision = msgspec.structs.replace(able(decide(book.policy, facts), {"label.output"}), engine=MARKUP)
    request = {"dialect": MARKUP, "model": MARKUP, "case": MARKUP, **record.body_digest(b"Draft", head.key)}
    at = book.append(record.opened(msgspec.structs.replace(head, gateway=MARKUP), facts, decision, request))
    last = msgspec.structs.replace(decide(book.policy, msgspec.structs.replace(facts, stage="reply")), engine=MARKUP)
    hidden = {"answer": {"chars_left": MARKUP}, "upstream": {"finish": MARKUP}, "decision": last,
              "reply": record.reply_facts(facts), "duties": [{"name": MARKUP}]}  # fmt: skip
    second = msgspec.structs.replace(second, call=head.call, gateway=MARKUP)
    book.append(record.settled(second, record.Opening(at, decision.terms), "completed", Usage(1, 1), hidden))
    return book


@NEEDS_CHROMIUM
def test_a_bundle_that_verifies_runs_nothing_in_the_report_either(tmp_path: Path) -> None:
    """In headless Chromium: the page checks itself, and no word of the bundle becomes markup."""
    for receiver in ("", MARKUP):
        order: dict[str, Any] = {"number": 1, "receiver": receiver} if receiver else {}
        report, html = verify_with_page(io.BytesIO(marked().bundle(profile="full", **order)), TRUST)
        assert report.verified, report.sentences()
        path = tmp_path / "report.html"
        path.write_text(html, "utf-8")
        with browser_page() as page:
            looked_at(page, path, html)


def looked_at(page: Page, path: Path, html: str) -> None:
    """The page finds itself as it was, asks for nothing, and holds no element but its own."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: pytest.fail(f"a script of the bundle ran: {dialog.message}"))
    page.goto(path.as_uri())
    page.wait_for_function("document.documentElement.dataset.again", timeout=60_000)
    assert page.evaluate("document.documentElement.dataset.again") == "yes"
    assert asked == [path.as_uri()]
    assert page.locator("img").count() == page.locator("[onload]").count() == 0
    assert page.locator("script").count() == html.count("<script")


def test_a_bomb_among_the_files_is_never_unpacked() -> None:
    """A bundle in every way as it should be, but that one member is compressed: sizes are compared before a byte is read."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in sorted(members(GOOD).items()):
            archive.writestr(name, data, zipfile.ZIP_DEFLATED if name == "manifest.json" else zipfile.ZIP_STORED)
    assert "compressed, linked, dated?" in failures(check(out.getvalue()))[1]


def test_two_members_that_share_their_bytes() -> None:
    """The shape of the best known bombs: a directory that names one place twice."""
    line = GOOD.index(b"PK\x01\x02")
    end = GOOD.index(b"PK\x01\x02", line + 4)
    doubled = GOOD[:line] + GOOD[line:end] + GOOD[line:]
    assert 1 in failures(check(doubled))


def test_a_link_among_the_files() -> None:
    """A symbolic link to a file of the reader's, as zips can hold: its mode is compared."""
    info = zipfile.ZipInfo("checkpoint", (1980, 1, 1, 0, 0, 0))
    info.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "compressed, linked, dated?" in failures(check(out.getvalue()))[1]
