"""The server is started anew while a page is open: the page says that it is stale, and goes on by itself."""

import json

import httpx
import pytest
from playwright.sync_api import expect
from tests.console.browser import Troubles, browser, watch
from tests.gateway.process import caveat, free_port, served


@pytest.mark.slow
def test_a_page_that_is_open_lives_through_a_new_start(tmp_path):
    home, port = tmp_path / "home", free_port()
    assert caveat("init", "--sample", "--home", home).returncode == 0
    settings = (home / "caveat.toml").read_text().partition("[upstream")[0]
    (home / "caveat.toml").write_text(settings.replace("127.0.0.1:8484", f"127.0.0.1:{port}"))
    with browser() as started:
        page = started.new_context(base_url=f"http://127.0.0.1:{port}").new_page()
        watch(page, f"http://127.0.0.1:{port}", Troubles())
        with served(home) as first:
            link = caveat("console", "link", "--home", home, "--role", "viewer", "--json").stdout
            page.goto(httpx.URL(json.loads(link)["url"]).raw_path.decode())
            page.locator("main button").click()
            expect(page.locator("#live")).to_have_text("Up to date")
            assert first.stop() == 0  # the open page does not keep it from its end
        expect(page.locator("#live")).to_contain_text("Not up to date since", timeout=60_000)
        with served(home):
            expect(page.locator("#live")).to_have_text("Up to date", timeout=60_000)
            page.goto("/console/calls")
            assert page.locator("h1").inner_text() == "Calls"  # the session lives on
