"""Changing what is in force: through the gateway that runs on the home, or, where none runs, on the home itself.

The ledger has one writer.  While a gateway runs it is that writer, and the command line asks it, with the operator's key
of the home; otherwise the command line opens the house itself, writes, and closes it.
"""

import os
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import httpx
import msgspec
import typer
import uvloop

from caveat.errors import BadInput, CaveatError, NotVerified, Refused, Unavailable
from caveat.gateway.control.agreeing import adopt
from caveat.gateway.coverage.keep import keep
from caveat.gateway.home.directory import Home, home_path, open_home
from caveat.gateway.house.founding import OPERATOR_KEY
from caveat.gateway.house.house import House
from caveat.gateway.serving.serve import application
from caveat.gateway.serving.startup import open_house

Where = Annotated[Path | None, typer.Option("--home", help="The home directory (default: CAVEAT_HOME or ~/.caveat).")]

T = TypeVar("T")
SECONDS = 30.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For loopback over plain HTTP: trusts nobody, and reads no file to find out whom."""


class Operations(Protocol):
    """What an operator may do to a home."""

    def adopt(self, envelope: bytes) -> dict[str, Any]:
        """Put signed terms, or an adoption from repositories, in force: {"adopted": id@version, "digest": ...}."""
        ...

    def end_terms(self, name: str, notice: bytes) -> None:
        """End terms in force, by id; `notice` is a party's signed word, b"" for the operator's own stop."""
        ...

    def add_key(self, document: bytes) -> None:
        """Make a caller's key live."""
        ...

    def revoke_key(self, name: str) -> None:
        """Revoke a key."""
        ...

    def keys(self) -> list[dict[str, Any]]:
        """All keys: id, role, live, budget, used."""
        ...

    def keep_coverage(self, document: bytes) -> str:
        """Put a coverage matrix on record; which terms it is about."""
        ...

    def ask(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        """What the control API answers to a path under /caveat/v1.  Raises a sentence."""
        ...


def at_home(home: Path | None) -> Operations:
    """The operations of a home, whichever way they go.  Raises BadInput where there is no home."""
    made = open_home(home or home_path(os.environ))
    try:
        with made.locked():
            pass
    except Unavailable as error:
        if error.code != "home_in_use":
            raise
        return Remote(made)
    return Local(made)


class Local:
    """On the home itself; no gateway runs."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def adopt(self, envelope: bytes) -> dict[str, Any]:
        terms = self._in_house(lambda house: adopt(house, envelope))
        return {"adopted": terms.draft.name, "digest": terms.digest}

    def end_terms(self, name: str, notice: bytes) -> None:
        self._in_house(lambda house: house.end_terms(name, notice))

    def add_key(self, document: bytes) -> None:
        self._in_house(lambda house: house.add_key(document))

    def revoke_key(self, name: str) -> None:
        self._in_house(lambda house: house.revoke_key(name))

    def keys(self) -> list[dict[str, Any]]:
        return self._in_house(lambda house: house.key_list())

    def keep_coverage(self, document: bytes) -> str:
        return self._in_house(lambda house: keep(house, document))

    def ask(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        return self._in_house(partial(_asked, self._home, method, path, body))

    def _in_house(self, work: Callable[[House], Awaitable[T]]) -> T:
        async def within() -> T:
            async with open_house(self._home, self._home.settings(), serving=False) as house:
                return await work(house)

        return uvloop.run(within())


async def _asked(home: Home, method: str, path: str, body: bytes, house: House) -> dict[str, Any]:
    """The same control API that a gateway serves, over this house and without a socket."""
    transport = httpx.ASGITransport(application(home, house))
    async with httpx.AsyncClient(transport=transport, base_url="http://home", headers=_bears(home)) as client:
        return _answer(await client.request(method, f"/caveat/v1{path}", content=body))


def _bears(home: Home) -> dict[str, str]:
    return {"authorization": f"Bearer {home.read_key(OPERATOR_KEY).decode().strip()}"}


class Remote:
    """Through the gateway that runs on the home."""

    def __init__(self, home: Home) -> None:
        url = home.announced() or f"http://{home.settings().gateway.address}"
        self._url = f"{url}/caveat/v1"
        self._headers = _bears(home)

    def adopt(self, envelope: bytes) -> dict[str, Any]:
        return self.ask("POST", "/terms", envelope)

    def end_terms(self, name: str, notice: bytes) -> None:
        self.ask("DELETE", f"/terms/{name}", notice)

    def add_key(self, document: bytes) -> None:
        self.ask("POST", "/keys", document)

    def revoke_key(self, name: str) -> None:
        self.ask("DELETE", f"/keys/{name}")

    def keep_coverage(self, document: bytes) -> str:
        return str(self.ask("POST", "/coverage", document)["measured"])

    def keys(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.ask("GET", "/keys")["keys"]
        return listed

    def ask(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        try:
            with httpx.Client(headers=self._headers, timeout=SECONDS, trust_env=False, verify=NO_TLS) as client:
                reply = client.request(method, self._url + path, content=body)
            return _answer(reply)
        except (httpx.HTTPError, msgspec.DecodeError):
            raise Unavailable(
                "a process uses this home, and no gateway of it answers",
                hint="it may be starting or stopping: wait a moment and try again",
            ) from None


def _answer(reply: httpx.Response) -> dict[str, Any]:
    """What the control API said.  Raises for a refusal."""
    answer: dict[str, Any] = msgspec.json.decode(reply.content)
    if reply.status_code == httpx.codes.OK:
        return answer
    error = answer.get("error", {})
    raise _kind(reply.status_code, error)(error.get("message", "the gateway refused"), hint=error.get("hint", ""))


def _kind(status: int, error: dict[str, Any]) -> type[CaveatError]:
    """What a refusal of the gateway means here: the system's fault, a role or state that says no, or wrong use."""
    if status >= 500:
        return Unavailable
    if error.get("code") == "not_verified":
        return NotVerified
    return Refused if status in {401, 403, 429} else BadInput
