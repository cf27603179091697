"""A person's browser for tests: Debian's Chromium, driven by Playwright, that fails the test where a page breaks its own
rules (Content-Security-Policy, script errors, anything fetched from elsewhere)."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from tests.gateway.running import Running

from caveat.console.login import login_path
from caveat.gateway.desk.ports import sessions_of

CHROMIUM = os.environ.get("CAVEAT_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 380, "height": 800}


class Troubles(list[str]):
    """What pages did that they must not."""


@contextmanager
def browser() -> Iterator[Any]:
    """A browser's process; skipped, and said so, only where there is none and CAVEAT_CHROMIUM=none says so."""
    if os.environ.get("CAVEAT_CHROMIUM") == "none":
        pytest.skip("CAVEAT_CHROMIUM=none: no browser here")
    if not Path(CHROMIUM).exists():
        pytest.fail(f"there is no browser at {CHROMIUM}: apt-get install chromium, or set CAVEAT_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        try:
            yield started
        finally:
            started.close()


@contextmanager
def visitor(started: Any, gateway: Running, role: str = "operator", person: str = "", **options: Any) -> Iterator[Any]:
    """A page of somebody who has logged in by a link (role "" for nobody)."""
    context: BrowserContext = started.new_context(
        **{"viewport": WIDE, "locale": "en-GB", "timezone_id": "Europe/Paris", "base_url": gateway.url, **options}
    )
    context.set_default_timeout(PATIENCE_MS)
    page, troubles = context.new_page(), Troubles()
    watch(page, options.get("base_url", gateway.url), troubles)
    page.troubles = troubles  # type: ignore[attr-defined]
    try:
        if role:
            enter(page, gateway, role, person or f"the-{role}")
        yield page
    finally:
        context.close()
    assert not troubles, troubles


def watch(page: Page, url: str, troubles: Troubles) -> None:
    """Note what the page must not do."""
    page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
    page.on(
        "console",
        lambda said: (
            troubles.append(f"console: {said.text}")
            if said.type == "error" and "Failed to load resource" not in said.text
            else None
        ),
    )
    page.on(
        "request",
        lambda asked: (
            troubles.append(f"elsewhere: {asked.url}") if not asked.url.startswith((url, "data:", "blob:")) else None
        ),
    )
    page.on("dialog", lambda dialog: dialog.accept())


def enter(page: Page, gateway: Running, role: str, person: str) -> None:
    """Log in by a link that works once."""
    page.goto(login_path(sessions_of(gateway.home, gateway.house).link(person, role)))
    page.locator("main button").click()
    page.wait_for_url("**/console/now")


def shoot(page: Page, folder: Path, name: str, *, whole: bool = True) -> None:
    """A picture of the whole page, or of what a screen shows of it (those are the documents' pictures)."""
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(folder / f"{name}.png"), full_page=whole)
