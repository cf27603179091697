"""A visitor without a browser: plain HTTP, a session's cookie, forms with their token."""

import re
from contextlib import contextmanager

import httpx

from caveat.console.sessions import COOKIE
from caveat.gateway.desk.ports import sessions_of

NAVIGATES = {"sec-fetch-dest": "document", "sec-fetch-site": "same-origin", "accept-language": "en"}


@contextmanager
def visiting(gateway, role="operator", person="", **headers):
    """A client that has a session of that role ("" for none)."""
    sessions = sessions_of(gateway.home, gateway.house)
    with httpx.Client(base_url=gateway.url, timeout=120, trust_env=False, headers={**NAVIGATES, **headers}) as client:
        if role:
            client.cookies.set(COOKIE, sessions.cookie(sessions.begin(person or f"the-{role}", role, "link")))
        yield client


def token_of(client):
    """What the forms of the client's session bear."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/console/now").text)
    assert found
    return found[1]


def send(client, path, **fields):
    """Post a form as the page would."""
    return client.post(path, data={"csrf": token_of(client), **fields})
