"""Changing what is in force on the home itself, where no gateway runs: the house is opened, written to, and closed.

See remote.py for the other way.  Loaded only when it is needed, for the whole gateway comes with it.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import httpx
import uvloop

from caveat.cli.remote import answered, bearing
from caveat.gateway.control.agreeing import adopt
from caveat.gateway.coverage.keep import keep
from caveat.gateway.home.directory import Home
from caveat.gateway.house.house import House
from caveat.gateway.serving.serve import application
from caveat.gateway.serving.startup import open_house

T = TypeVar("T")


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
    async with httpx.AsyncClient(transport=transport, base_url="http://home", headers=bearing(home)) as client:
        return answered(await client.request(method, f"/caveat/v1{path}", content=body))
