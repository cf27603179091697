"""The console's port for callers' keys and models."""

from collections.abc import Sequence
from typing import Any

import msgspec

from caveat.errors import BadInput
from caveat.facts import Caller
from caveat.gateway.house.budgets import used
from caveat.gateway.house.callers import new_key_text, secret_digest
from caveat.gateway.house.house import House
from caveat.register import CallerKey
from caveat.register.budgets import Budget


class Keys:
    """Over one house."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def keys(self) -> Sequence[dict[str, Any]]:
        """All keys by name, with what each allows and has used of its budget; never their text."""
        register = self._house.view.register
        return [
            {
                "id": id_,
                "role": key.role,
                "live": id_ not in register.revoked,
                "sample": key.sample,
                "caller": key.caller,
                "budget": key.budget.bounds,
                "spent": await used(self._house.log, key, self._house.now_ms()),
            }
            for id_, key in sorted(register.keys.items())
        ]

    def models(self) -> Sequence[dict[str, Any]]:
        """Each alias with its upstreams in the order in which they are tried, and the terms that cover it."""
        view = self._house.view
        rows: list[dict[str, Any]] = [
            {
                "alias": alias,
                "routes": [
                    {
                        "upstream": route.upstream.name,
                        "identity": route.identity,
                        "name": route.name,
                        "dialects": route.upstream.dialects,
                        "priority": route.standing.priority,
                        "terms": route.policy.terms.draft.name,
                    }
                    for route in routes
                ],
            }
            for alias, routes in sorted(view.routes.items())
        ]
        return [*rows, *({"alias": alias, "routes": []} for alias in view.unserved)]

    async def new(self, role: str, fields: dict[str, Any], budget: dict[str, int]) -> str:
        """Make a key live; its text, which nobody keeps.  Raises BadInput."""
        try:
            caller = msgspec.convert(fields, Caller)
        except msgspec.ValidationError as error:
            raise BadInput(f"a key cannot be made so: {error}") from None
        text = new_key_text()
        key = CallerKey(role, secret_digest(text), caller, budget=Budget(**budget))
        await self._house.add_key(msgspec.json.encode(key))
        return text

    async def budget(self, name: str, budget: dict[str, int]) -> None:
        """Its budget from its next call on."""
        await self._house.set_budget(name, msgspec.json.encode(budget))

    async def revoke(self, name: str) -> None:
        """Its next call is refused."""
        await self._house.revoke_key(name)
