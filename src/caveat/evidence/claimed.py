"""What records claim, read from their disclosures: facts and decisions, each in its one form.

Rule of this file: a value that came before, the very same object, is not checked again; what is remembered is bounded.
"""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import NODEFAULT, Struct

from caveat.decide.decision import Decision
from caveat.errors import CaveatError, NotVerified
from caveat.facts import Facts, grouped, ungrouped
from caveat.facts.values import BY_GROUP
from caveat.record import Leaf
from caveat.vocabulary import Group

GROUPS: Final[tuple[Group, ...]] = ("who", "what", "why", "data", "content", "tools", "place", "reply")
MOST: Final = 1024

T = TypeVar("T")
_encode = msgspec.json.Encoder(order="sorted").encode


class Memory(Generic[T]):
    """Remembers what values came to, by the objects themselves.  What raises is not remembered."""

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work = work
        self._known: dict[int, tuple[Any, T]] = {}

    def __call__(self, value: Any) -> T:
        """What the work makes of the value."""
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        made = self._work(value)
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[id(value)] = (value, made)  # while it stands here, nothing else has its id
        return made


def _shape(group: Group) -> type[Struct]:
    """A struct that takes just the facts of a group, under their names on record."""
    of = {field.encode_name: field for field in msgspec.structs.fields(Facts)}
    required = [(name, of[name].type) for name in BY_GROUP[group] if of[name].default is NODEFAULT or group == "reply"]
    later = [(name, of[name].type, of[name].default) for name in BY_GROUP[group] if name not in dict(required)]
    return msgspec.defstruct(group.title(), [*required, *later], frozen=True, forbid_unknown_fields=True)


_SHAPES: Final = {group: _shape(group) for group in GROUPS}
_NAMES: Final = {field.encode_name: field.name for field in msgspec.structs.fields(Facts)}


_FIELDS: Final = {group: shape.__struct_fields__ for group, shape in _SHAPES.items()}
_ALL: Final = [_NAMES[name] for group in GROUPS for name in _FIELDS[group]]
_REPLY: Final = tuple(_NAMES[name] for name in _FIELDS["reply"])
_in_order = itemgetter(*map(_ALL.index, Facts.__struct_fields__))
"""All facts as the groups give them, one group after the other, in the order of the attributes of `Facts`."""


def _facts_of(group: Group) -> Callable[[Any], tuple[Any, ...] | None]:
    """Reads the facts of one group, in the order of `_FIELDS`; None where they are not in their one form."""
    shape = _SHAPES[group]

    def read(value: Any) -> tuple[Any, ...] | None:
        try:
            made = msgspec.convert(value, shape)
        except msgspec.ValidationError:
            return None
        same = _encode(made) == _encode(value)
        return msgspec.structs.astuple(made) if same else None

    return read


class Claims:
    """Reads claims; equal ones of many records once."""

    def __init__(self) -> None:
        self._decision = Memory(_read_decision)
        self._groups = tuple((str(group), Memory(_facts_of(group))) for group in GROUPS)
        self._reply = self._groups[GROUPS.index("reply")][1]

    def decision(self, leaf: Leaf, values: Mapping[str, Any]) -> Decision | None:
        """The decision of a record, None where it is withheld.  Raises NotVerified."""
        if "decision" not in values:
            return None
        decision = self._decision(values["decision"])
        if decision.terms != leaf.terms:
            raise _no("the decision names other terms than its record")
        return decision

    def request(self, values: Mapping[str, Any]) -> Facts | None:
        """The facts of a call's first record, None unless every group is there.  Raises NotVerified for facts in any but
        their one form."""
        made: list[Any] = []
        for group, read in self._groups:
            if group not in values:
                return None
            part = read(values[group])
            if part is None:
                return _slowly(values)
            made += part
        return Facts(*_in_order(made))

    def reply(self, before: Facts, value: Any) -> Facts | None:
        """The facts once the reply's are known.  Raises NotVerified."""
        read = self._reply(value)
        if read is None:
            return _slowly({**grouped(before), "reply": value})
        return msgspec.structs.replace(before, **dict(zip(_REPLY, read, strict=True)))


def _read_decision(value: Any) -> Decision:
    try:
        decision = msgspec.convert(value, Decision)
    except msgspec.ValidationError as error:
        raise _no(f"the disclosed decision cannot be read: {error}") from None
    if _encode(decision) != _encode(value):
        raise _no("the disclosed decision holds more than a decision")
    return decision


def _slowly(values: Mapping[Any, Any]) -> Facts | None:
    """The same, for facts that are not as they should be: says what is wrong with them; None unless every group is there."""
    groups = {str(name): values[name] for name in GROUPS if name in values}
    if len(groups) != len(GROUPS):
        return None
    try:
        facts = ungrouped(groups)
        same = _encode(grouped(facts)) == _encode(groups)
    except (msgspec.ValidationError, CaveatError, TypeError, AttributeError) as error:
        raise _no(f"the disclosed facts cannot be read: {error}") from None
    if not same:
        raise _no("the disclosed facts are not grouped as facts are")
    return facts


def _no(why: str) -> NotVerified:
    return NotVerified(why, step="replay")
