"""Which routes an alias has, once it is known which terms it is served under.

Rules of this file: an alias that has moved has the routes of the terms that it moved to, and no others, whatever becomes
of these; terms that only stand by for an alias lend it no route.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from caveat.canon import canonical
from caveat.errors import BadInput
from caveat.gateway.house.house import House
from caveat.gateway.house.view import Route
from caveat.register import Register
from caveat.register.switches import served_under

Found = Mapping[tuple[str, str], Mapping[str, Route]]
"""(id of terms, alias of a model in them) -> an upstream's name -> the route to it."""


def arranged(register: Register, found: Found) -> dict[str, tuple[Route, ...]]:
    """The routes of every alias, in the order in which they are tried; none where nothing serves it."""
    aliases = dict.fromkeys([alias for _, alias in found] + list(register.moved))
    return {alias: _in_turn(_routes(register, found, alias)) for alias in aliases}


def _routes(register: Register, found: Found, alias: str) -> dict[str, Route]:
    moved, standby = register.moved.get(alias), register.standby.get(alias)
    if moved is not None:
        return dict(found.get((moved.terms, moved.model), {}))
    routes: dict[str, Route] = {}
    for (terms, model), by_name in found.items():
        if model == alias and (standby is None or (standby.terms, standby.model) != (terms, alias)):
            routes = {**by_name, **routes}
    return routes


def _in_turn(routes: Mapping[str, Route]) -> tuple[Route, ...]:
    return tuple(sorted(routes.values(), key=lambda route: route.standing.priority))


async def stand_by(house: House, alias: str, terms: str, model: str, *, on_lapse: bool = False) -> None:
    """Let other terms stand by for an alias, "" for none; `on_lapse`: for when the first ones' lease lapses, too.  Raises
    NotVerified: a sentence."""
    lapse = {"on_lapse": True} if on_lapse else {}
    document = canonical({"terms": terms, "model": model or alias, **lapse}) if terms else b""
    await house.amend("alias.standby", alias, document)


async def switch(house: House, alias: str, terms: str, model: str) -> dict[str, Any]:
    """Move an alias to other terms, to those that stand by where none are named; where it is now.  Raises NotVerified."""
    standby = house.view.register.standby.get(alias)
    if not terms and standby is not None:
        terms, model = standby.terms, standby.model
    if not terms:
        raise BadInput(f"nothing stands by for `{alias}`", hint="`--to TERMS` says where it goes")
    await house.amend("alias.switched", alias, canonical({"terms": terms, "model": model or alias}))
    return next(row for row in aliases(house) if row["alias"] == alias)


def aliases(house: House) -> list[dict[str, Any]]:
    """Every alias: the terms it is served under, the upstreams in their turn, what stands by, where it moved and when."""
    register, rows = house.view.register, []
    for alias in sorted({*house.view.routes, *house.view.unserved, *register.moved, *register.standby}):
        moved, standby = register.moved.get(alias), register.standby.get(alias)
        routes = house.view.routes.get(alias, ())
        rows.append(
            {
                "alias": alias,
                "terms": routes[0].policy.terms.draft.name if routes else served_under(register, alias),
                "upstreams": [route.upstream.name for route in routes],
                "moved": asdict(moved) if moved else None,
                "standby": asdict(standby) if standby else None,
            }
        )
    return rows
