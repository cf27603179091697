"""What is pushed to open pages: made once for all who look, never for each.

Rules of this file: while nobody looks nothing is made; a page that cannot be made now is not sent, and whoever waits sees
that it is stale; who falls behind gets the newest, not all of them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from caveat.errors import CaveatError

EVERY_S = 2.0
BEAT_S = 5.0
MOST = 500
"""Streams in one process; a page beyond them shows what it was loaded with, and says that it is stale."""


class Hub:
    """One kind of page part, by language.  Used in one event loop."""

    def __init__(self, make: Callable[[str], Awaitable[str]]) -> None:
        self._make = make
        self._newest: dict[str, str] = {}
        self._watching: dict[str, int] = {}
        self._told = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._left = False

    def leave(self) -> None:
        """End every stream."""
        self._left = True
        self._told.set()
        if self._task is not None:
            self._task.cancel()

    async def follow(self, language: str, alive: Callable[[], bool]) -> AsyncIterator[str]:
        """Server-sent events (WHATWG HTML section 9.2): `part` with the page's part whenever it has changed, `beat` else;
        `over` when the session has ended."""
        if sum(self._watching.values()) >= MOST:
            return
        self._watching[language] = self._watching.get(language, 0) + 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        sent = ""
        try:
            yield "retry: 2000\n\n"
            while not self._left:
                if not alive():
                    yield OVER
                    return
                newest = self._newest.get(language, "")
                if newest != sent:
                    sent = newest
                    yield _event("part", newest)
                else:
                    yield _event("beat", "")
                told = self._told
                try:
                    await asyncio.wait_for(told.wait(), BEAT_S)
                except TimeoutError:
                    continue
        finally:
            self._watching[language] -= 1

    async def _run(self) -> None:
        while any(self._watching.values()) and not self._left:
            changed = False
            for language in [one for one, n in self._watching.items() if n]:
                try:
                    made = await self._make(language)
                except CaveatError:
                    continue
                changed |= made != self._newest.get(language)
                self._newest[language] = made
            if changed:
                told, self._told = self._told, asyncio.Event()
                told.set()
            await asyncio.sleep(EVERY_S)


def _event(name: str, data: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.split("\n")) if data else "data:\n"
    return f"event: {name}\n{lines}\n"


OVER = _event("over", "")
"""What a stream says last where its session has ended."""
