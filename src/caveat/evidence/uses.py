"""Uses of waivers and approvals: whether each call spent only what was granted before it, in time, and often enough left.

Rules of this file: records come in the order of their indices; what was granted is what the fold of the control records
says, which has checked the approvals; a use is counted wherever it stands in the range.
"""

from collections import Counter
from collections.abc import Mapping

from caveat.errors import NotVerified
from caveat.record import Leaf
from caveat.register import Register
from caveat.waivers.waiver import Waiver


class Uses:
    """What was spent in the range, by the id of the waiver or hold."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self.granted: dict[str, Waiver] = {}
        self._held: set[str] = set()

    def settled(self, leaf: Leaf) -> None:
        """Note a call that was held: only such a one can have been approved."""
        if leaf.o == "held":
            self._held.add(leaf.call)

    def add(self, leaf: Leaf, register: Register, *, from_start: bool) -> None:
        """Count what a call spent.  `from_start`: every record before it was seen.  Raises NotVerified."""
        for id_ in leaf.w:
            waiver = in_force(register).get(id_)
            if waiver is None:
                raise _no(f"it uses `{id_}`, which was not in force there")
            self.granted[id_] = waiver
            self.spent[id_] += 1
            if not waiver.in_time(leaf.t):
                raise _no(f"it uses `{id_}` at a time that it does not cover")
            if waiver.terms != leaf.terms:
                raise _no(f"it uses `{id_}`, which was granted under other terms")
            if self.spent[id_] > waiver.max_uses:
                raise _no(f"it is use {self.spent[id_]} of `{id_}`, which has {waiver.max_uses}")
            if waiver.kind == "approval" and from_start and id_ not in self._held:
                raise _no(f"it uses the approval `{id_}` of a call that was never held")

    def told(self) -> str:
        """The sums in words, "" where there are none."""
        waivers = {id_: n for id_, n in self.spent.items() if self.granted[id_].kind == "waiver"}
        parts = [f"`{id_}` used {n} of {self.granted[id_].max_uses} times" for id_, n in sorted(waivers.items())]
        approvals = len(self.spent) - len(waivers)
        return "; ".join([*parts, *([f"{approvals} held calls released by persons"] if approvals else [])])


def in_force(register: Register) -> Mapping[str, Waiver]:
    """Waivers and approvals by id."""
    return {**register.waivers, **register.approvals}


def _no(why: str) -> NotVerified:
    return NotVerified(why, step="uses")
