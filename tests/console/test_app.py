"""Every way into the console: who may, what every answer bears, what a forged request gets."""

import re
from typing import Any

import pytest
from tests.console.visiting import send, token_of, visiting

from caveat.console import roles
from caveat.console.app import PREFIX, Console
from caveat.console.login import login_path
from caveat.console.sessions import COOKIE
from caveat.gateway.desk.ports import Desk, sessions_of
from caveat.gateway.index.follow import Index
from caveat.ledger.reader import LedgerReader


def ways():
    """The table of paths, of a console that serves nobody."""
    return WAYS


WAYS: list[Any] = []


@pytest.fixture(scope="module", autouse=True)
def _ways(gateway):
    index = Index(gateway.home.index, LedgerReader(gateway.home.ledger, gateway.home.vault))
    WAYS[:] = Console(Desk(gateway.home, gateway.house, index).ports()).ways


def tried(way):
    return PREFIX + re.sub(r"\{[^}]*\}", "nothing", way.path)


def test_without_a_session_every_page_leads_to_the_log_in(gateway):
    with visiting(gateway, "") as client:
        for way in ways():
            reply = client.request(way.method, tried(way))
            assert reply.status_code == 303, way.path
            assert reply.headers["location"].startswith("/console/login?next=")
            scripted = client.request(way.method, tried(way), headers={"sec-fetch-dest": "empty"})
            assert scripted.status_code == 401


@pytest.mark.parametrize("role", roles.ROLES)
def test_each_role_gets_what_the_table_gives_it_and_no_more(gateway, role):
    """Authorisation matrix: role x page x action."""
    with visiting(gateway, role) as client:
        before = len(gateway.records())
        for way in ways():
            if way.path.endswith("/events"):
                continue
            refused = client.request(
                way.method, tried(way), data={"csrf": token_of(client)} if way.method == "POST" else None
            )
            if roles.may(role, way.act):
                assert refused.status_code in {200, 303, 400, 404, 409}, (way.path, refused.text)
                assert "you are here as" not in refused.text
            else:
                assert refused.status_code == 403, way.path
                assert f"you are here as {role}" in refused.text
        if role in {"viewer", "auditor"}:
            assert [r.leaf.what for r in gateway.records()[before:] if r.leaf.k == "control"] == []


def test_the_menu_offers_what_the_role_may_see(gateway):
    for role in roles.ROLES:
        with visiting(gateway, role) as client:
            page = client.get("/console/now").text
            shown = set(re.findall(r'<a href="/console/([a-z]+)"', page[: page.index("</nav>")]))
            assert shown <= {name for name in roles.PAGES if roles.may(role, name)}
            assert {"now", "calls"} <= shown


def test_every_answer_bears_the_headers(gateway):
    with visiting(gateway) as client:
        for path in (
            "/console/now",
            "/console/nothing",
            "/console/login",
            "/console/calls?x=1",
            "/console/static/0/x.css",
        ):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == "no-store"


def test_assets_are_kept_by_browsers_and_come_from_here(gateway):
    with visiting(gateway) as client:
        page = client.get("/console/now").text
        links = set(re.findall(r'(?:src|href)="([^"]+)"', page))
        assert not [link for link in links if "//" in link]
        for link in links:
            if "/static/" in link:
                reply = client.get(link)
                assert reply.status_code == 200
                assert "immutable" in reply.headers["cache-control"]


def test_no_page_holds_inline_script_or_style(gateway):
    with visiting(gateway) as client:
        for path in ("/console/now", "/console/calls", "/console/login"):
            page = client.get(path).text
            assert " style=" not in page
            assert "<style" not in page
            assert not re.findall(r"<script(?![^>]* src=)", page)
            assert not re.findall(r"\son[a-z]+=", page)


def test_a_form_without_its_token_or_from_elsewhere_is_refused(gateway):
    path = "/console/calls/" + "0" * 32 + "/content"
    with visiting(gateway) as client, visiting(gateway, person="other") as other:
        right = token_of(client)
        for fields, headers in (
            ({}, {}),
            ({"csrf": "x"}, {}),
            ({"csrf": token_of(other)}, {}),
            ({"csrf": right}, {"sec-fetch-site": "cross-site"}),
            ({"csrf": right}, {"origin": "https://elsewhere.example"}),
        ):
            reply = client.post(path, data={"which": "request", **fields}, headers=headers)
            assert reply.status_code == 403, (fields, headers)
        assert client.post(path, data={"which": "request", "csrf": right}).status_code == 409
        assert client.post(path, content=b"{}", headers={"content-type": "application/json"}).status_code == 400


def test_a_link_shows_whom_it_lets_in_and_lets_in_once(gateway):
    path = login_path(sessions_of(gateway.home, gateway.house).link("anna <b>", "auditor"))
    with visiting(gateway, "") as client:
        for _ in range(2):  # looking does not use it up
            page = client.get(path).text
            assert "anna &lt;b&gt;" in page
        link = re.findall(r'name="link" value="([^"]+)"', page)[0]
        reply = client.post("/console/login", data={"link": link, "next": "/console/calls"})
        assert (reply.status_code, reply.headers["location"]) == (303, "/console/calls")
        cookie = reply.headers["set-cookie"]
        assert cookie.startswith(COOKIE)
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert "auditor" in client.get("/console/now").text
    with visiting(gateway, "") as another:
        assert another.post("/console/login", data={"link": link}).status_code == 401
        assert another.get(path).status_code == 401


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example/", "//elsewhere.example", "/consolex//y", "/console\\..", "javascript:1"]
)
def test_the_log_in_leads_nowhere_else(gateway, wanted):
    link = sessions_of(gateway.home, gateway.house).link("anna", "viewer")
    with visiting(gateway, "") as client:
        reply = client.post("/console/login", data={"link": link, "next": wanted})
        assert reply.headers["location"] == "/console/now"


def test_leaving_ends_the_session_everywhere(gateway):
    with visiting(gateway) as client:
        kept = dict(client.cookies)
        reply = send(client, "/console/logout")
        assert reply.status_code == 303
        for name, value in kept.items():
            client.cookies.set(name, value)
        assert client.get("/console/now").status_code == 303


def test_language_and_colours_are_the_viewers_choice(gateway):
    with visiting(gateway) as client:
        assert '<html lang="en"' in client.get("/console/now").text
        assert '<html lang="fr"' in client.get("/console/now", headers={"accept-language": "fr-CA,en;q=0.5"}).text
        reply = client.post("/console/taste", data={"language": "fr", "theme": "dark", "next": "/console/calls"})
        assert reply.headers["location"] == "/console/calls"
        assert '<html lang="fr" data-theme="dark"' in client.get("/console/now").text


def test_callers_keys_open_no_page(gateway):
    reply = gateway.http(gateway.operator_key).get("/console/now", headers={"sec-fetch-dest": "empty"})
    assert reply.status_code == 401


def test_sessions_open_no_control_path(gateway):
    with visiting(gateway) as client:
        assert client.get("/caveat/v1/terms").status_code == 401
