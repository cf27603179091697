"""Changing what is in force: through the gateway that runs on the home, or, where none runs, on the home itself.

The ledger has one writer.  While a gateway runs it is that writer, and the command line asks it, with the operator's key
of the home; otherwise the command line opens the house itself (local.py), writes, and closes it.
"""

import os
import ssl
from pathlib import Path
from typing import Annotated, Any, Protocol

import httpx
import msgspec
import typer

from caveat.errors import BadInput, CaveatError, NotVerified, Refused, Unavailable
from caveat.gateway.home.directory import Home, home_path, open_home
from caveat.gateway.home.housekeys import OPERATOR_KEY

Where = Annotated[Path | None, typer.Option("--home", help="The home directory (default: CAVEAT_HOME or ~/.caveat).")]

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
    from caveat.cli.local import Local  # noqa: PLC0415 - a second's work, for where no gateway runs

    return Local(made)


def bearing(home: Home) -> dict[str, str]:
    """The header of the home's own operator."""
    return {"authorization": f"Bearer {home.read_key(OPERATOR_KEY).decode().strip()}"}


class Remote:
    """Through the gateway that runs on the home."""

    def __init__(self, home: Home) -> None:
        url = home.announced() or f"http://{home.settings().gateway.address}"
        self._url = f"{url}/caveat/v1"
        self._headers = bearing(home)

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
            return answered(reply)
        except (httpx.HTTPError, msgspec.DecodeError):
            raise Unavailable(
                "a process uses this home, and no gateway of it answers",
                hint="it may be starting or stopping: wait a moment and try again",
            ) from None


def answered(reply: httpx.Response) -> dict[str, Any]:
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
