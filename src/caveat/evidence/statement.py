"""A statement of end: what the log says of terms that are over, signed by the log's key.

    caveat-end-statement/v1
    institutional-use@2
    sha256:e46ed50b...
    ended by the vendor at record 812: The talks have failed.
    last call 811
    sent 97
    running 1
    completed 90
    denied 5
    stopped 6
    example.org/caveat/gw1
    829
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=

    — example.org/caveat/gw1 M9e0lvAQRtH832...

`last call` is the index of the last call that was decided under the pair (`-` for none), `sent` how many went to the model,
`running` those without an outcome yet; then the outcomes, and the checkpoint that the counts are taken from.  Whoever holds
the log's records counts them again (step 14 of `caveat verify`).
"""

import re
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from caveat.errors import NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.note import TreeHead, open_note, read_tree_head, sign_note
from caveat.record import ENDINGS, UNSENT, Leaf

FIRST = "caveat-end-statement/v1"
ENDED = re.compile(r"ended by the (vendor|operator) at record ([0-9]{1,16}): (.{1,500})")
COUNT = re.compile(r"([a-z]+(?: call)?) ([0-9]{1,16}|-)")
STOPPED = "the operator has stopped"
"""The reason where no party signed a word."""


class Counted(Struct):
    """Calls under one pair, as records tell them: change by `add`, in order."""

    last: int = -1
    sent: int = 0
    running: int = 0
    endings: dict[str, int] = {}

    def add(self, index: int, leaf: Leaf, *, fetched: bool = False) -> None:
        """One record of a call.  `fetched`: it spends the release of a reply that was kept, so nothing was sent."""
        if leaf.k == "opened":
            self.last = index
            self.running += 1
            self.sent += not fetched
        elif leaf.k == "settled":
            self.running -= 1
            self.sent -= leaf.o in UNSENT
            self.endings = {**self.endings, leaf.o: self.endings.get(leaf.o, 0) + 1}


class Statement(Struct, frozen=True):
    """What a statement says.  `by` is the party that ended the terms, `index` the record that did."""

    name: str
    pair: str
    by: str
    index: int
    reason: str
    counted: Counted
    head: TreeHead


def sign_statement(statement: Statement, key: SigningKey) -> bytes:
    """The note."""
    counted = statement.counted
    lines = [
        FIRST,
        statement.name,
        statement.pair,
        f"ended by the {statement.by} at record {statement.index}: {statement.reason}",
        f"last call {counted.last if counted.last >= 0 else '-'}",
        f"sent {counted.sent}",
        f"running {counted.running}",
        *(f"{ending} {counted.endings[ending]}" for ending in ENDINGS if counted.endings.get(ending)),
    ]
    return sign_note("".join(f"{line}\n" for line in lines).encode() + statement.head.text, [key])


def open_statement(raw: bytes, keys: Sequence[VerifyKey]) -> Statement:
    """What a statement says, once a key of the log has signed it.  Raises NotVerified."""
    lines = open_note(raw, keys).text.decode().split("\n")
    if lines[0] != FIRST or len(lines) < 11:
        raise _no(f"expected a note that begins with `{FIRST}`")
    ended, counts = ENDED.fullmatch(lines[3]), [COUNT.fullmatch(line) for line in lines[4:-4]]
    if ended is None or not all(counts):
        raise _no("a line of it does not read")
    numbers = {found[1]: -1 if found[2] == "-" else int(found[2]) for found in counts if found}
    if len(numbers) != len(counts) or not {"last call", "sent", "running"} <= numbers.keys():
        raise _no("a count is missing, or stands there twice")
    last, sent, running = (numbers.pop(name) for name in ("last call", "sent", "running"))
    if not numbers.keys() <= set(ENDINGS):
        raise _no("it counts an outcome that there is none of")
    head = read_tree_head("\n".join(lines[-4:]).encode())
    counted = Counted(last, sent, running, numbers)
    return Statement(lines[1], lines[2], ended[1], int(ended[2]), ended[3], counted, head)


def same_counts(one: Counted, other: Counted) -> bool:
    """Whether two counts agree, outcomes that never happened aside."""
    return msgspec.structs.replace(one, endings=_some(one)) == msgspec.structs.replace(other, endings=_some(other))


def _some(counted: Counted) -> dict[str, int]:
    return {ending: count for ending, count in counted.endings.items() if count}


def _no(why: str) -> NotVerified:
    return NotVerified(f"this is no statement of end: {why}", step="statement")
