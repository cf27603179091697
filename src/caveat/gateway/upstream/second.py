"""Asks a guard model for its opinion on a call, where a clause of the terms looks at it.

Rules of this file: an opinion comes in time and in the model's own form, or it did not come (`not-run`), and a clause can
look at that; nothing is asked twice; what is sent is the text of the call's parts, to the server that the settings name.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from caveat.errors import CaveatError
from caveat.gateway.home.addresses import base_url
from caveat.gateway.home.settings import upstream_key
from caveat.gateway.home.tables import GuardSettings
from caveat.gateway.upstream.client import Access, HttpUpstream, Outgoing
from caveat.gateway.upstream.endpoint import Endpoint
from caveat.recognize.opinion import question, questions, read_opinion
from caveat.wire.call import Part

PATH, DIALECT = "/v1/chat/completions", "openai_chat"
READS = frozenset({"guard", "guardHazards"})
"""Facts for which a guard model is asked."""
LONGEST_ANSWER = 65_536

State = Literal["none", "ran", "not-run"]


class Opinion(Struct, frozen=True):
    """What a guard model said of a call.

    state    "none": no clause looks at it; "ran": it answered; "not-run": it was to be asked, and did not answer in time
             or in its form
    hazards  those that it named, sorted
    model    which model, as the settings name it
    ms       how long it took
    why      why it did not run
    """

    state: State = "none"
    hazards: tuple[str, ...] = ()
    model: str = ""
    ms: int = 0
    why: str = ""

    @property
    def described(self) -> dict[str, object]:
        """What a record says of it; {} where nobody was asked."""
        if self.state == "none":
            return {}
        why = {"why": self.why} if self.why else {}
        return {"guard": {"model": self.model, "state": self.state, "ms": self.ms, **why}}


class _Message(Struct, frozen=True):
    content: str = ""


class _Choice(Struct, frozen=True):
    message: _Message


class _Answer(Struct, frozen=True):
    choices: tuple[_Choice, ...]


class Second:
    """One guard model.  `close` cuts its connections."""

    def __init__(self, settings: GuardSettings, folder: Path) -> None:
        self._settings = settings
        bundle = folder / settings.ca_bundle if settings.ca_bundle else None
        endpoint = Endpoint(base_url(settings.base_url, "recognizer.guard.base_url"), ca_bundle=bundle)
        key = upstream_key(settings, folder, dict(os.environ))
        access = Access(key=key, identity=f"guard:{settings.model}", timeout_s=60, connect_timeout_s=10)
        self._upstream = HttpUpstream("recognizer.guard", endpoint, (DIALECT,), access)

    async def ask(self, parts: Sequence[Part]) -> Opinion:
        """Its opinion on all that the parts hold.  Never raises but for cancellation."""
        began = time.monotonic()
        hazards, why = await self._asked("\n\n".join(part.text for part in parts if part.text))
        ms = int((time.monotonic() - began) * 1000)
        if hazards is None:
            return Opinion("not-run", (), self._settings.model, ms, why)
        return Opinion("ran", tuple(sorted(hazards)), self._settings.model, ms)

    async def close(self) -> None:
        """Cut every connection."""
        await self._upstream.close()

    async def _asked(self, text: str) -> tuple[frozenset[str] | None, str]:
        stretches = questions(text)
        if stretches is None:
            return None, "the call is longer than a guard model is asked about"
        try:
            async with asyncio.timeout(self._settings.timeout_ms / 1000):
                said = await asyncio.gather(*(self._one(stretch) for stretch in stretches))
        except TimeoutError:
            return None, f"no answer within {self._settings.timeout_ms} ms"
        except CaveatError as error:
            return None, error.message
        if None in said:
            return None, f"the answer is not of the form that `{self._settings.speaks}` has"
        return frozenset().union(*(one for one in said if one is not None)), ""

    async def _one(self, text: str) -> frozenset[str] | None:
        body = question(self._settings.speaks, self._settings.model, text)
        reply = await self._upstream.send(Outgoing(PATH, b"", {}, body, DIALECT))
        try:
            raw = await reply.read(LONGEST_ANSWER)
        finally:
            await reply.close()
        if reply.status != 200:
            return None
        try:
            return read_opinion(
                self._settings.speaks, msgspec.json.decode(raw, type=_Answer).choices[0].message.content
            )
        except (msgspec.DecodeError, UnicodeDecodeError, IndexError):
            return None


NOT_ASKED = Opinion()
NO_GUARD = Opinion("not-run", why="the settings name no guard model")


async def opinion(second: Second | None, reads: frozenset[str], parts: Sequence[Part]) -> Opinion:
    """The opinion that the clauses look at: NOT_ASKED where none does."""
    if not reads & READS:
        return NOT_ASKED
    return await second.ask(parts) if second else NO_GUARD
