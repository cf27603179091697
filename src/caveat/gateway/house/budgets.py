"""Budgets of keys at the gateway: what a call stands on and adds, and the same counted again from the records.

Rule of this file: what is counted when a record is written is what is counted when it is read again at a start.  A record
that no longer says whose call it was counts for every key that has a budget.
"""

from typing import Any

import msgspec
from msgspec import Struct

from caveat import record
from caveat.errors import NotVerified, Refused, StaleFence
from caveat.gateway.house.begun import Begun
from caveat.ledger.log import Entry, Fence, Log
from caveat.record import Leaf
from caveat.register import CallerKey, Register
from caveat.register.budgets import KINDS, PREFIX, begins_anew, calls, counter, tokens, tokens_used, under
from caveat.wire.reply import Usage


class Charge(Struct, frozen=True):
    """An open call that counts: for which keys, and how many characters it brought."""

    keys: tuple[str, ...]
    chars_in: int = 0


def within(fence: Fence, key: CallerKey, at_ms: int) -> Fence:
    """The fence of a call that will be sent to the model, with what its key's budget asks."""
    if not key.budget.bounds:
        return fence
    name = key.caller.id
    return msgspec.structs.replace(
        fence,
        spends=(*fence.spends, *calls(name, key.budget, at_ms)),
        under=(*fence.under, *under(name, key.budget, at_ms)),
    )


def check_over(stale: StaleFence, key: CallerKey) -> None:
    """Raises Refused `budget_spent` where an append was refused because the key's budget is used up."""
    if not stale.exhausted.startswith(PREFIX):
        return
    _, name, what, _ = stale.exhausted.split(":")
    period = "day" if stale.exhausted.count("-", stale.exhausted.rindex(":")) == 2 else "month"
    bound = key.budget.bounds.get((what, period), 0)
    raise Refused(
        f"the budget of the key `{name}`, {bound} {what} a {period}, is used up until {begins_anew(stale.exhausted)}",
        code="budget_spent",
        status=429,
        hint="an operator sets another with `caveat keys budget`",
    )


def added(
    begun: Begun, ending: str, usage: Usage | None, hidden: dict[str, Any], at_ms: int
) -> tuple[tuple[str, int], ...]:
    """What the outcome of an allowed call adds to its key's counters."""
    key = begun.view.by_secret.get(begun.asked.key.secret_digest)
    if key is None or not key.budget.bounds:
        return ()
    tok = (usage.tokens_in, usage.tokens_out) if usage else None
    return tokens(key.caller.id, tokens_used(ending, tok, begun.facts.chars_in, hidden), at_ms)


async def used(log: Log, key: CallerKey, at_ms: int) -> dict[str, int]:
    """What a key with a budget has used so far: `calls_day`, `calls_month`, `tokens_day`, `tokens_month`."""
    if not key.budget.bounds:
        return {}
    return {f"{what}_{period}": await log.spent(counter(key.caller.id, what, period, at_ms)) for what, period in KINDS}


class Recount:
    """The counters, from the records in their order; `open` are calls that count and have no outcome yet."""

    def __init__(self, spent: dict[str, int], open_: dict[str, Charge]) -> None:
        self.spent = spent
        self.open = open_

    def opened(self, register: Register, leaf: Leaf, entry: Entry) -> None:
        """Count a call's first record."""
        limited = [id_ for id_, key in register.keys.items() if key.budget.bounds]
        if not limited or register.fetches(leaf.w):
            return
        values = _values(leaf, entry)
        caller = values.get("who", {}).get("caller")
        keys = tuple(limited if caller is None else [id_ for id_ in limited if id_ == caller])
        if keys:
            self.open[leaf.call] = Charge(keys, values.get("what", {}).get("charsIn", 0))
            self._call(keys, register, leaf.t, 1)

    def settled(self, register: Register, leaf: Leaf, entry: Entry) -> None:
        """Count its second; a call that was never sent does not count after all: both its records bear one time."""
        charge = self.open.pop(leaf.call, None)
        if charge is None:
            return
        if leaf.o in record.UNSENT:
            self._call(charge.keys, register, leaf.t, -1)
            return
        used_now = tokens_used(leaf.o, leaf.tok, charge.chars_in, {"answer": {"chars_left": 0}, **_values(leaf, entry)})
        self._add([pair for key in charge.keys for pair in tokens(key, used_now, leaf.t)])

    def _call(self, keys: tuple[str, ...], register: Register, at_ms: int, n: int) -> None:
        self._add([(of, n) for key in keys for of, _ in calls(key, register.keys[key].budget, at_ms)])

    def _add(self, pairs: list[tuple[str, int]]) -> None:
        for of, amount in pairs:
            self.spent[of] = self.spent.get(of, 0) + amount


def _values(leaf: Leaf, entry: Entry) -> dict[str, Any]:
    """What the record opens; nothing where that was destroyed."""
    try:
        return record.disclosed(leaf, record.read_aside(entry.aside).d) if entry.aside else {}
    except NotVerified:
        return {}
