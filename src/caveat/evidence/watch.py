"""What looks at every record while a verification walks over them."""

from typing import Any, Final, Protocol

import msgspec

from caveat.record import Leaf


class Watch(Protocol):
    """Sees every record that step 4 walks over; only control records where it does not `LOOKS`."""

    LOOKS: bool = True

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        """A record of the range; `values` are those of its commitments that are disclosed and match, as far as SEEN says.
        Of the leaf's commitments only the names are there."""
        ...

    def control(self, index: int, leaf: Leaf, document: bytes) -> None:
        """A control record, in the range or outside, once it was folded; `document` is what it names, b"" for none."""
        ...


SEEN: Final = {"what": "model", "why": "purpose", "content": "detector", "request": "recognizers"}
"""What watches may see of the values beside the whole decision: one member of each of these."""

_SEEN: Final = tuple(SEEN.items())
_encode = msgspec.json.Encoder(order="sorted").encode


class Slim:
    """Cuts values down to what watches may see; equal ones are given once.  `table`: where they are put."""

    def __init__(self, table: list[dict[str, Any]]) -> None:
        self._table = table
        self._known: dict[tuple[Any, ...], int] = {}
        self._kept: dict[int, Any] = {}

    def add(self, values: dict[str, Any]) -> int:
        """The place in the table."""
        decision = values.get("decision")
        key: list[Any] = [id(decision)]
        for name, member in _SEEN:
            if name in values:
                seen = values[name].get(member, _NOTHING)
                key.append(seen if type(seen) is str or seen is _NOTHING else _encode(seen))
            else:
                key.append(_ABSENT)
        at = self._known.get(known := tuple(key))
        if at is None:
            at = self._known[known] = len(self._table)
            self._table.append(_slim(values))
            self._kept[id(decision)] = decision
        return at


_ABSENT, _NOTHING = object(), object()


def _slim(values: dict[str, Any]) -> dict[str, Any]:
    cut = {
        name: {member: values[name][member]} if member in values[name] else {}
        for name, member in SEEN.items()
        if name in values
    }
    return cut | ({"decision": values["decision"]} if "decision" in values else {})
