"""Logging in through an OpenID provider: what it must prove before anybody is let in."""

import subprocess
import sys

import httpx
import pytest
from joserfc.jwk import RSAKey
from tests.console.provider import CLIENT, SECRET, provider, query_of
from tests.gateway.running import HEAD, running

from caveat.console.sessions import COOKIE


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    home = tmp_path_factory.mktemp("oidc") / "home"
    home.mkdir(mode=0o700)
    with provider() as made:
        (home / "keys").mkdir(mode=0o700)
        (home / "keys" / "oidc").write_text(SECRET)
        settings = (
            f'{HEAD}\n[console]\nurl = "http://127.0.0.1:1"\n[console.oidc]\nissuer = "{made.issuer}"\n'
            f'client_id = "{CLIENT}"\nclient_secret_file = "keys/oidc"\n'
            'roles = { inspectors = "auditor", staff = "viewer", ops = "operator" }\n'
        )
        with running(home, settings) as gateway:
            yield gateway, made


@pytest.fixture
def come(both):
    """Go to the provider and come back, as a browser does; what the gateway says then."""
    gateway, made = both
    made.claims, made.key = {}, made.own

    def go(change=lambda query: query, wanted="/console/calls"):
        with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as client:
            away = client.get(f"/console/login/provider?next={wanted}")
            assert away.status_code == 303, away.text
            back = httpx.get(away.headers["location"], trust_env=False, timeout=60).headers["location"]
            query = change(query_of(back))
            client.cookies = away.cookies
            reply = client.get("/console/login/back", params=query)
            return reply, away

    return go


def test_whoever_the_provider_knows_comes_in_with_the_role_that_the_settings_give(both, come):
    reply, away = come()
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/calls")
    assert COOKIE in reply.headers["set-cookie"]
    asked = query_of(away.headers["location"])
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["nonce"]) >= 32
    assert asked["response_type"] == "code"
    gateway, _ = both
    with httpx.Client(
        base_url=gateway.url, cookies={COOKIE: reply.cookies[COOKIE]}, trust_env=False, timeout=60
    ) as client:
        page = client.get("/console/now").text
        assert "anna" in page
        assert "auditor" in page
        assert client.get("/console/lifts/ask", headers={"sec-fetch-dest": "document"}).status_code == 403


@pytest.mark.parametrize(
    ("claims", "role"),
    [({"groups": ["staff"]}, "viewer"), ({"groups": ["staff", "ops"]}, "operator"), ({"groups": "staff"}, "viewer")],
)
def test_the_highest_role_of_the_claim_counts(both, come, claims, role):
    gateway, made = both
    made.claims = claims
    reply, _ = come()
    with httpx.Client(
        base_url=gateway.url, cookies={COOKIE: reply.cookies[COOKIE]}, trust_env=False, timeout=60
    ) as client:
        assert role in client.get("/console/now").text


@pytest.mark.parametrize(
    "claims",
    [
        {"groups": ["strangers"]},
        {"groups": None},
        {"groups": 7},
        {"iss": "http://elsewhere.example"},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"exp": 1},
        {"exp": "never"},
        {"iat": 2**40},
        {"nonce": "another"},
        {"nonce": None},
    ],
    ids=str,
)
def test_what_the_token_must_say(both, come, claims):
    both[1].claims = claims
    reply, _ = come()
    assert reply.status_code == 401, reply.text
    assert "set-cookie" not in reply.headers


def test_a_token_that_another_key_signed_is_none(both, come):
    both[1].key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    assert come()[0].status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        lambda query: {**query, "state": "another"},
        lambda query: {"code": query["code"]},
        lambda query: {"state": query["state"]},
        lambda query: {**query, "code": "another-code"},
    ],
)
def test_an_answer_to_another_question_is_none(come, change):
    assert come(change)[0].status_code == 401


def test_without_the_try_s_cookie_nobody_comes_in(both):
    gateway, _ = both
    reply = httpx.get(f"{gateway.url}/console/login/back?code=the-code&state=x", trust_env=False, timeout=60)
    assert reply.status_code == 401


def test_it_leads_back_to_the_console_alone(come):
    assert come(wanted="https://elsewhere.example")[0].headers["location"] == "/console/now"


def test_a_provider_that_went_away_in_the_midst_is_told_as_that(both, come):
    """Whichever HTTP client Authlib has found: its own newer one here, the older one where only that is installed."""
    _, made = both
    kept, made.token_at = made.token_at, "http://127.0.0.1:1/token"
    try:
        reply, _ = come()
    finally:
        made.token_at = kept
    assert reply.status_code == 503
    assert "provider" in reply.text


def test_nothing_is_said_at_a_start_where_only_the_older_client_is_installed():
    """As in an installation without the tests' own packages: a newcomer's first line would be somebody else's warning."""
    code = "import sys; sys.modules['httpx2'] = None; import caveat.console.oidc as oidc; print(oidc.AsyncOAuth2Client.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("AsyncOAuth2Client\n", "")
