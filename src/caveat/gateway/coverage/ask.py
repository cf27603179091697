"""One call to the gateway over HTTP, as any caller makes it, and what the caller saw of the answer."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from caveat.errors import CaveatError, Unavailable
from caveat.wire.dialect import Dialect

SECONDS = 30.0


class Seen(Struct, frozen=True):
    """What came back.  `code` is the error's, "" for an answer; `call` the id under which the call is on record, that of
    the last attempt where there were several."""

    status: int
    code: str
    message: str
    call: str
    body: bytes
    attempts: int = 1

    def words(self, dialect: Dialect, *, stream: bool) -> str | None:
        """All the words in the answer, by channel one after the other, read as the dialect reads them; None where it is
        no whole answer of the dialect."""
        try:
            frames = [*_streamed(dialect, self.body)] if stream else [dialect.read_reply(self.body)]
        except CaveatError:
            return None
        channels: dict[str, list[str]] = {}
        for frame in frames:
            for said in frame.says:
                channels.setdefault(said.channel, []).append(said.text)
        return "\n".join("".join(pieces) for pieces in channels.values())


def _streamed(dialect: Dialect, body: bytes) -> list[Any]:
    reader = dialect.reader()
    return [*reader.feed(body), *reader.finish()]


MOST_TRIES = 400
"""Connections opened until the wanted worker takes one."""


class Client:
    """A connection to the gateway that is kept from call to call."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._link = self._connected()
        self._others: list[http.client.HTTPConnection] = []

    def reach(self, worker: int, operator_key: str) -> bool:
        """Connect to the worker of that number; whether one was found that says that it is the one."""
        for _ in range(MOST_TRIES):
            if self._worker(operator_key) == worker:
                return True
            self._others.append(self._link)
            self._link = self._connected()
        return False

    def _worker(self, operator_key: str) -> int:
        """Who answers on this connection, by its own word; 0 where it does not say."""
        try:
            self._link.request("GET", "/readyz", headers={"authorization": f"Bearer {operator_key}"})
            told = msgspec.json.decode(self._link.getresponse().read())
        except (OSError, http.client.HTTPException, msgspec.DecodeError):
            return 0
        return int(told.get("worker", 0))

    def _connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)

    def call(self, path: str, key: str, body: bytes, **headers: str) -> Seen:
        """Make a call.  Raises Unavailable where the gateway does not answer."""
        sent = {"authorization": f"Bearer {key}", "content-type": "application/json", **headers}
        try:
            self._link.request("POST", path, body, sent)
            reply = self._link.getresponse()
            received = reply.read()
        except (OSError, http.client.HTTPException) as error:
            self._link.close()
            self._link = self._connected()
            raise Unavailable(f"the gateway did not answer a call of the matrix: {error}") from None
        code, message = _error(received) if reply.status != http.client.OK else ("", "")
        attempts = int(reply.headers.get("x-caveat-attempts", "1"))
        return Seen(reply.status, code, message, reply.headers.get("x-caveat-call", ""), received, attempts)

    def close(self) -> None:
        """Hang up."""
        for link in (self._link, *self._others):
            link.close()


def _error(body: bytes) -> tuple[str, str]:
    """Code and message of a refusal, in either vendor's shape."""
    try:
        error = msgspec.json.decode(body).get("error", {})
    except (msgspec.DecodeError, AttributeError):
        return "", ""
    details = error.get("details") or {}
    return str(error.get("code") or details.get("error_code", "")), str(error.get("message", ""))
