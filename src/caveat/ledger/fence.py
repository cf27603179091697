"""What is checked before an append: its entries' sizes, then its fence, at its index, by the one writer.

A decision stands on a state of the terms, revocations and keys (an opaque digest) and may spend uses of waivers.  If the
state has changed since, or the uses are gone, the append is refused and the caller decides again: nobody can act under
old terms, however long it slept.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from caveat.errors import BadInput, StaleFence
from caveat.ledger.log import Entry, Fence
from caveat.ledger.tiles import MAX_LEAF_BYTES

MAX_ASIDE_BYTES: Final = 2**20
MAX_ENTRIES: Final = 256
TIME: Final = "time"
"""What is exhausted where an append came too late (`Fence.before_ms`)."""


def check_entries(entries: tuple[Entry, ...]) -> int:
    """How many bytes they are, if they fit the port: 1 to 256 entries, leaves of 1 to 65,535 bytes, asides of at most
    1 MiB.  Raises BadInput otherwise."""
    if not 1 <= len(entries) <= MAX_ENTRIES:
        raise BadInput(f"expected 1 to {MAX_ENTRIES} entries at once, got {len(entries)}")
    count = 0
    for entry in entries:
        if not 1 <= len(entry.leaf) <= MAX_LEAF_BYTES or len(entry.aside) > MAX_ASIDE_BYTES:
            raise BadInput(
                f"expected a leaf of 1 to {MAX_LEAF_BYTES} bytes and an aside of at most {MAX_ASIDE_BYTES}, "
                f"got {len(entry.leaf)} and {len(entry.aside)}"
            )
        count += len(entry.leaf) + len(entry.aside)
    return count


class FenceKeeper:
    """The state in force and the uses spent.  Held by the writer alone."""

    def __init__(self) -> None:
        self.state = ""
        self._spent: Counter[str] = Counter()

    def set(self, state: str, spent: Mapping[str, int]) -> None:
        """Take up what the records say, at start-up, before the first append."""
        self.state = state
        self._spent = Counter(spent)

    def spent(self, waiver: str) -> int:
        """How many uses of a waiver are spent."""
        return self._spent[waiver]

    def pass_through(self, fence: Fence, at_ms: int) -> None:
        """Take the fence's effects, all or none.  Raises StaleFence if it does not fit the present state, or the time at
        which it would be written."""
        if fence.expects and fence.expects != self.state:
            raise StaleFence("the terms, keys or revocations in force have changed")
        if fence.before_ms and at_ms >= fence.before_ms:
            raise StaleFence("the time up to which this may be written has passed", exhausted=TIME)
        wanted = Counter(waiver for waiver, _ in fence.spends)
        for waiver, most in fence.spends:
            if self._spent[waiver] + wanted[waiver] > most:
                raise StaleFence(f"`{waiver}` has no use left", exhausted=waiver)
        for of, bound in fence.under:
            if self._spent[of] >= bound:
                raise StaleFence(f"`{of}` is used up", exhausted=of)
        self._spent.update(wanted)
        for of, amount in fence.adds:
            self._spent[of] += amount
        self.state = fence.becomes or self.state
