"""Waivers and holds: what waits, what exactly is asked, who may sign it and who not, and why."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from caveat.canon import b64url
from caveat.console.page import PREFIX, Pages
from caveat.console.ports import Ports
from caveat.console.security import text_of
from caveat.console.visit import Visit
from caveat.console.zones import end_ms, zone_of
from caveat.errors import BadInput
from caveat.waivers.passkeys import Assertion
from caveat.waivers.signed import Request, make_request

WEEK_S = 7 * 86_400


class LiftPages:
    """Their paths."""

    def __init__(self, ports: Ports, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def ways(self) -> tuple[tuple[str, str, str, Callable[[Visit], Awaitable[Response]]], ...]:
        """Method, path, who may, what answers."""
        return (
            ("GET", "/lifts", "lifts", self._list),
            ("GET", "/lifts/ask", "waiver.ask", self._form),
            ("POST", "/lifts/ask", "waiver.ask", self._ask),
            ("GET", "/lifts/{id}", "lifts", self._show),
            ("GET", "/lifts/{id}/file", "waiver.sign", self._file),
            ("GET", "/lifts/{id}/challenge", "waiver.sign", self._challenge),
            ("POST", "/lifts/{id}/sign", "waiver.sign", self._sign),
            ("POST", "/lifts/{id}/words", "hold.look", self._words),
            ("POST", "/lifts/{id}/deny", "hold.deny", self._deny),
            ("POST", "/lifts/{id}/refuse", "hold.deny", self._refuse),
            ("POST", "/lifts/{id}/drop", "waiver.drop", self._deny),
            ("POST", "/lifts/{id}/end", "waiver.end", self._end),
        )

    async def _list(self, visit: Visit) -> Response:
        return await asyncio.to_thread(self._listed, visit)

    def _listed(self, visit: Visit) -> Response:
        lifts = self._ports.lifts
        values = {
            "pending": lifts.pending(),
            "holds": lifts.holds(),
            "waivers": lifts.waivers(),
            "approvers": lifts.approvers(),
            "uses": {one["id"]: self._ports.lists.spent(one["id"]) for one in lifts.waivers()},
            "done": visit.asked("done") == "1",
            "here": "lifts",
        }
        return self._pages.answer("lifts.html", visit.viewer, values)

    async def _form(self, visit: Visit) -> Response:
        terms, zone = list(self._ports.register().terms.values()), zone_of(visit.zone)
        values = {
            "terms": terms,
            "chosen": visit.asked("clause"),
            "today": datetime.fromtimestamp(time.time() + WEEK_S, zone).strftime("%Y-%m-%d"),
            "zone": str(zone),
            "here": "lifts",
        }
        return self._pages.answer("waiver_ask.html", visit.viewer, values)

    async def _ask(self, visit: Visit) -> Response:
        """A request for exceptions: the person who is logged in is its requester."""
        form = visit.form
        pair = next((one for one in self._ports.register().terms.values() if one.digest == form.get("terms")), None)
        if pair is None:
            raise BadInput("those terms are not in force any more", hint="load the page again")
        clauses = [clause.id for clause in pair.draft.clauses if f"clause:{clause.id}" in form]
        now = int(time.time()) * 1000
        fields: dict[str, Any] = {
            "v": 1,
            "clauses": clauses,
            "terms": pair.digest,
            "reason": text_of(form, "reason"),
            "from_ms": now,
            "until_ms": _end_of(form.get("until", ""), zone_of(visit.zone)),
            "max_uses": _whole(form.get("uses", ""), "uses"),
            "requester": visit.session.person,
            "nonce": secrets.token_hex(16),
            "callers": _words(form, "callers"),
            "purposes": _words(form, "purposes"),
            "models": _words(form, "models"),
            "case": text_of(form, "case", 200),
        }
        if not clauses:
            raise BadInput("a waiver names at least one clause", hint="tick the clauses that are to be lifted")
        try:
            raw = make_request(msgspec.convert(fields, Request), pair.draft)
        except msgspec.ValidationError as error:
            raise BadInput(f"a waiver cannot be asked for so: {error}") from None
        id_, _ = await self._ports.lifts.add(raw)
        return RedirectResponse(f"{PREFIX}/lifts/{id_}", 303)

    async def _show(self, visit: Visit) -> Response:
        return await asyncio.to_thread(self._shown, visit, None)

    def _shown(self, visit: Visit, words: dict[str, str] | None) -> Response:
        one = self._ports.lifts.one(visit.path["id"])
        draft = next(t.draft for t in self._ports.register().terms.values() if t.draft.name == one.terms)
        clauses = [clause for clause in draft.clauses if clause.id in one.asked["clauses"]]
        values = {"one": one, "clauses": clauses, "rule": draft.waivers, "words": words, "here": "lifts"}
        return self._pages.answer("lift.html", visit.viewer, values)

    async def _words(self, visit: Visit) -> Response:
        """What was said in a held call, once the look is on record."""
        words = await self._ports.lifts.words(visit.path["id"], visit.session)
        return await asyncio.to_thread(self._shown, visit, words)

    async def _file(self, visit: Visit) -> Response:
        """What approvers sign with the command line."""
        one = await asyncio.to_thread(self._ports.lifts.one, visit.path["id"])
        name = f"{one.of}-{one.id}.json"
        if one.of == "hold":
            raw = await self._ports.lifts.hold_file(one.id, visit.session)
        else:
            raw = one.envelope.decode()
        return PlainTextResponse(raw, headers={"content-disposition": f'attachment; filename="{name}"'})

    async def _challenge(self, visit: Visit) -> Response:
        """What the browser gives a passkey to sign."""
        one = await asyncio.to_thread(self._ports.lifts.one, visit.path["id"])
        refusing = visit.asked("refuse") == "1"
        challenge = await asyncio.to_thread(self._ports.lifts.challenge, one.id, refusing=refusing)
        keys = [
            {"id": b64url(key.credential), "rp": key.rp_id}
            for row in one.who
            if refusing or not row.why_not
            for key in row.passkeys
        ]
        return JSONResponse({"challenge": b64url(challenge), "keys": keys})

    async def _sign(self, visit: Visit) -> Response:
        """Signatures: a file from the command line, or a passkey's assertion."""
        id_, form = visit.path["id"], visit.form
        if "credential" in form:
            _, in_force = await self._ports.lifts.sign(id_, form["credential"], _assertion(form))
        else:
            _, in_force = await self._ports.lifts.add(_envelope(text_of(form, "file", 1 << 20)))
        return RedirectResponse(f"{PREFIX}/lifts" + ("?done=1" if in_force else f"/{id_}"), 303)

    async def _deny(self, visit: Visit) -> Response:
        await self._ports.lifts.deny(visit.path["id"])
        return RedirectResponse(f"{PREFIX}/lifts", 303)

    async def _refuse(self, visit: Visit) -> Response:
        """A refusal that an approver has signed: a file from the command line, or a passkey's assertion."""
        id_, form = visit.path["id"], visit.form
        if "credential" in form:
            await self._ports.lifts.sign_refusal(id_, form["credential"], _assertion(form))
        else:
            await self._ports.lifts.refuse(id_, _envelope(text_of(form, "file", 1 << 20)))
        return RedirectResponse(f"{PREFIX}/lifts", 303)

    async def _end(self, visit: Visit) -> Response:
        await self._ports.lifts.end(visit.path["id"])
        return RedirectResponse(f"{PREFIX}/lifts", 303)


def _assertion(form: dict[str, str]) -> Assertion:
    """What a passkey signed."""
    try:
        return msgspec.json.decode(form.get("assertion", ""), type=Assertion)
    except msgspec.DecodeError:
        raise BadInput("the passkey's signature cannot be read") from None


def _envelope(text: str) -> bytes:
    """The signed document in what was pasted: a waiver's file, or a held call's."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise BadInput(
            "this is no signed file", hint="choose the file that `caveat waiver approve` has signed"
        ) from None
    if isinstance(value, dict) and isinstance(value.get("sign"), str):
        return str(value["sign"]).encode()
    return text.encode()


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadInput(f"`{name}`: expected a whole number")
    return int(text)


def _end_of(day: str, zone: tzinfo) -> int:
    until_ms = end_ms(day, zone)
    if not until_ms:
        raise BadInput("expected a day until which the waiver holds")
    return until_ms


def _words(form: dict[str, str], name: str) -> list[str]:
    return [word for word in text_of(form, name).replace(",", " ").split() if word]
