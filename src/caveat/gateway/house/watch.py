"""Notices that the client has gone, or that the terms of a call have ended, and ends the upstream's work at once.

While a call waits for its upstream inside `with watch:`, a client that hangs up cancels that wait and it raises
ClientGone there, and `cut` cancels it with TermsEnded; outside of it nothing is ever cancelled, so the record of the call
is written in peace.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

HangUp = Callable[[Callable[[], None]], None]
"""Takes what is to be called once, when the client of the running request has gone; at once where it has already."""
HANG_UP = "caveat.hang_up"
"""The extension of a request's scope that has that as `when`."""


class ClientGone(Exception):
    """The client hung up while the upstream was at work."""


class TermsEnded(Exception):
    """A party has ended the terms of this call, and they say that calls that run are cut."""


class Watch:
    """One per call.  `receive` is the ASGI receive channel, its request body already read to the end; `hang_up`, where the
    server has it, is told what to call when the client goes (serving/protocol.py), so that no task need wait for that."""

    def __init__(self, receive: Any, hang_up: HangUp | None = None) -> None:
        self.gone = False
        self._why: type[ClientGone | TermsEnded] | None = None
        self._guarded: asyncio.Task[Any] | None = None
        self._cancelled = False
        self._listener: asyncio.Task[None] | None = None
        if hang_up is None:
            self._listener = asyncio.create_task(self._listen(receive))
        else:
            hang_up(self._left)

    async def _listen(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._left()

    def _left(self) -> None:
        self.gone = True
        self._end(ClientGone)

    def cut(self) -> None:
        """End the call: its terms have ended."""
        self._end(TermsEnded)

    def _end(self, why: type[ClientGone | TermsEnded]) -> None:
        if self._why is not None:
            return
        self._why = why
        if self._guarded is not None:
            self._cancelled = True
            self._guarded.cancel()

    def __enter__(self) -> Self:
        if self._why is not None:
            raise self._why
        self._guarded = asyncio.current_task()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._guarded = self._guarded, None
        if not self._cancelled:
            return
        self._cancelled = False
        assert task is not None
        # Our own cancellation is taken back; one from outside (the server stops) goes on.
        if task.uncancel() == 0 and (kind is None or issubclass(kind, asyncio.CancelledError)):
            assert self._why is not None
            raise self._why from None

    def close(self) -> None:
        """Stop listening: the call is over."""
        if self._listener is not None:
            self._listener.cancel()
