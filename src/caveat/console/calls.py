"""Calls: found by what is on record of them, and one call with all that was decided and done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec.structs import asdict
from starlette.responses import RedirectResponse, Response

from caveat.canon import b64
from caveat.console.page import PREFIX, Pages
from caveat.console.ports import Explained, Opened, Ports
from caveat.console.roles import may
from caveat.console.values import Wanted
from caveat.console.visit import Visit
from caveat.console.zones import moment_ms, zone_of
from caveat.facts import Facts, grouped

OUTCOMES = ("completed", "denied", "held", "withheld", "stopped", "broken", "aborted", "unknown", "running")


class CallPages:
    """Their paths."""

    def __init__(self, ports: Ports, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def ways(self) -> tuple[tuple[str, str, str, Callable[[Visit], Awaitable[Response]]], ...]:
        """Method, path, who may, what answers."""
        return (
            ("GET", "/calls", "calls", self._list),
            ("GET", "/calls/{call}", "calls", self._show),
            ("POST", "/calls/{call}/content", "content.look", self._content),
        )

    async def _list(self, visit: Visit) -> Response:
        if (call := visit.asked("call", 64)) and len(call) == 32:
            return RedirectResponse(f"{PREFIX}/calls/{call}", 303)
        wanted, zone = _wanted(visit), zone_of(visit.zone)
        values = await asyncio.to_thread(self._found, wanted)
        asked = {k: v for k, v in visit.request.query_params.items() if k != "before" and v}
        older = f"?{urlencode({**asked, 'before': values['page'].lines[-1].at})}" if values["page"].more else ""
        more = {
            "wanted": wanted,
            "asked": asked,
            "older": older,
            "first": not wanted.before,
            "zone": str(zone),
            "here": "calls",
        }
        return await asyncio.to_thread(self._pages.answer, "calls.html", visit.viewer, {**values, **more})

    def _found(self, wanted: Wanted) -> dict[str, Any]:
        lists = self._ports.lists
        choices = {kind: lists.words(kind) for kind in ("caller", "purpose", "clause", "model", "rule")}
        return {"page": lists.calls(wanted), "choices": choices, "outcomes": OUTCOMES, "reach": lists.reach()}

    async def _show(self, visit: Visit) -> Response:
        return await asyncio.to_thread(self._shown, visit, {})

    def _shown(self, visit: Visit, content: dict[str, str]) -> Response:
        call, language = visit.path["call"], visit.viewer.language
        found = self._ports.calls.explained(call, language)
        records = [one for one in (found.first, found.last) if one is not None]
        values = {
            "found": found,
            "records": [told(one) for one in records],
            "clauses": _clauses(found),
            "facts": grouped_facts(found.facts),
            "duties": (found.last.values.get("duties", []) if found.last else []),
            "kept": self._ports.calls.kept(call) if may(visit.session.role, "content.look") else (),
            "content": content,
            "here": "calls",
        }
        return self._pages.answer("call.html", visit.viewer, values)

    async def _content(self, visit: Visit) -> Response:
        which = visit.form.get("which", "")
        body = await self._ports.calls.content(visit.path["call"], which, visit.session)
        return await asyncio.to_thread(self._shown, visit, {which: body.decode("utf-8", "replace")})


def _wanted(visit: Visit) -> Wanted:
    return Wanted(
        caller=visit.asked("caller"),
        purpose=visit.asked("purpose"),
        clause=visit.asked("clause"),
        outcome=visit.asked("outcome"),
        model=visit.asked("model"),
        case=visit.asked("case"),
        since_ms=moment_ms(visit.asked("since"), zone_of(visit.zone)),
        until_ms=moment_ms(visit.asked("until"), zone_of(visit.zone)),
        before=visit.asked_number("before"),
        rule=visit.asked("why"),
    )


def told(one: Opened) -> dict[str, Any]:
    """A record for the page: its bytes for the script that checks them, and what opens it."""
    leaf = {name: value for name, value in asdict(one.leaf).items() if value not in ("", -1, None, (), {})}
    return {
        "index": one.index,
        "kind": one.leaf.k,
        "at_ms": one.leaf.t,
        "plain": {name: _text(value) for name, value in leaf.items() if name != "c"},
        "leaf": b64(one.entry.leaf),
        "commitments": one.leaf.c,
        "closed": one.closed,
        "opened": {name: _text(value) for name, value in one.values.items()},
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _clauses(found: Explained) -> list[dict[str, Any]]:
    """Each clause of the terms, in their order, with what it answered of this call."""
    if found.terms is None or found.decision is None:
        return []
    decision, waived = found.decision, dict(found.decision.waived)
    errors = dict(decision.errors)
    rows = []
    for clause in found.terms.draft.clauses:
        reply = found.reply is not None and clause.id in found.reply.held and clause.id not in decision.held
        answer = (
            "error"
            if clause.id in errors
            else "waived"
            if clause.id in waived
            else "reply"
            if reply
            else "held"
            if clause.id in decision.held
            else "promised"
            if clause.when is None
            else "not"
        )
        rows.append(
            {
                "clause": clause,
                "answer": answer,
                "by": waived.get(clause.id, ""),
                "error": errors.get(clause.id, ""),
                "settled": clause.id in decision.clauses,
            }
        )
    return rows


def grouped_facts(facts: Facts | None) -> dict[str, dict[str, str]]:
    """The facts as text, by what they are about."""
    if facts is None:
        return {}
    return {
        str(group): {name: _fact(value) for name, value in values.items()} for group, values in grouped(facts).items()
    }


def _fact(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{k} {v}" for k, v in value.items())
        case list() | tuple():
            return ", ".join(str(one) for one in value)
        case _:
            return str(value)
