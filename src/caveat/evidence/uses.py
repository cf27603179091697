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
        self._held: dict[str, str] = {}

    def settled(self, leaf: Leaf) -> None:
        """Note a call that was held, or whose reply was: only such a one can have been approved, or released."""
        if leaf.o in ("held", "withheld"):
            self._held[leaf.call] = leaf.o

    def releases(self, spends: tuple[str, ...]) -> bool:
        """Whether the release of a kept reply is among what a call has spent."""
        return any(id_ in self.granted and self.granted[id_].reply for id_ in spends)

    def add(self, leaf: Leaf, register: Register, *, from_start: bool) -> None:
        """Count what a call's record spends.  `from_start`: every record before it was seen.  Raises NotVerified."""
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
            if waiver.kind == "approval" and leaf.k == "settled":
                raise _no(f"it uses the approval `{id_}` for a reply alone, where only waivers do")
            wanted = "withheld" if waiver.reply else "held"
            if waiver.kind == "approval" and from_start and self._held.get(id_) != wanted:
                raise _no(f"it uses the approval `{id_}` of a call that was never {wanted}")

    def told(self) -> str:
        """The sums in words, "" where there are none."""
        waivers = {id_: n for id_, n in self.spent.items() if self.granted[id_].kind == "waiver"}
        parts = [f"`{id_}` used {n} of {self.granted[id_].max_uses} times" for id_, n in sorted(waivers.items())]
        replies = sum(1 for id_ in self.spent if self.granted[id_].reply)
        approvals = len(self.spent) - len(waivers) - replies
        parts += [f"{approvals} held calls released by persons"] if approvals else []
        return "; ".join([*parts, *([f"{replies} replies released by persons"] if replies else [])])


def in_force(register: Register) -> Mapping[str, Waiver]:
    """Waivers and approvals by id."""
    return {**register.waivers, **register.approvals}


def _no(why: str) -> NotVerified:
    return NotVerified(why, step="uses")
