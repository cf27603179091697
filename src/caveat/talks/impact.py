"""What a replay counted: an impact statement that a party can sign and attach to its offer.

    {"caveat_impact": 1, "terms": "office@2", "digest": "sha256:..", "from_ms": .., "until_ms": .., "calls": 1000,
     "same": 960, "changed": {"deny to allow": 30, ..}, "by_clause": {"no.secrets": {"deny to allow": 30}, ..},
     "by_purpose": {..}, "by_caller": {..}, "by_kind": {"service": {..}}, "by_group": {"archive": {..}}, "examples": [..], "cannot": {"reason": 10, ..}, "refused": 3, ..}

Rule of this file: every call of the period is in exactly one of `same`, `changed` and `cannot`; one that was refused
before it became a call is counted beside them.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal, TypeVar

from msgspec import Struct

T = TypeVar("T")
EXAMPLES: Final = 5
"""How many calls are named for each kind of change under each clause, and for each reason why one cannot be told."""

WITHHELD: Final = "(withheld)"
UNGROUPED: Final = "(no group)"
Counts = dict[str, dict[str, int]]
"""Clause, purpose or caller -> kind of change -> how many."""


class Call(Struct, frozen=True):
    """A recorded call: its id, the gateway's clock (POSIX ms), who called and what for; `kind` of caller is human, service
    or agent, "" where that was withheld."""

    id: str
    at_ms: int
    caller: str
    purpose: str
    kind: str = ""


class Changed(Struct, frozen=True):
    """A call that would have gone another way: how, for which clauses, and both decisions in short."""

    call: Call
    kind: str
    clauses: tuple[str, ...]
    before: str
    after: str


class Unknown(Struct, frozen=True):
    """A call that cannot be told, and why."""

    call: str
    why: str


class Impact(Struct, frozen=True):
    """The whole statement.  `by_group` counts callers' groups, as their keys on record bear them; {} where no key bears one."""

    caveat_impact: Literal[1]
    terms: str
    digest: str
    from_ms: int
    until_ms: int
    engine: str
    calls: int
    same: int
    changed: dict[str, int]
    cannot: dict[str, int]
    refused: int
    confirmed: int
    by_clause: Counts
    by_purpose: Counts
    by_caller: Counts
    examples: tuple[Changed, ...]
    untold: tuple[Unknown, ...]
    by_kind: Counts = {}
    by_group: Counts = {}


class Tally:
    """Counts while a replay runs; tallies of parts of a period add up.  `groups` leads from callers to their group."""

    def __init__(self) -> None:
        self.groups: Mapping[str, str] = {}
        self.same = 0
        self.refused = 0
        self.confirmed = 0
        self.kinds: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.by: dict[str, Counter[tuple[str, str]]] = {
            name: Counter() for name in ("clause", "purpose", "caller", "kind")
        }
        self.examples: dict[tuple[str, tuple[str, ...]], list[Changed]] = {}
        self.untold: dict[str, list[str]] = {}

    def note(self, changed: Changed) -> None:
        """Count a call that changes."""
        self.kinds[changed.kind] += 1
        for clause in changed.clauses:
            self.by["clause"][clause, changed.kind] += 1
        self.by["purpose"][changed.call.purpose, changed.kind] += 1
        self.by["caller"][changed.call.caller, changed.kind] += 1
        self.by["kind"][changed.call.kind or WITHHELD, changed.kind] += 1
        _keep(self.examples.setdefault((changed.kind, changed.clauses), []), [changed])

    def cannot(self, why: str, call: str) -> None:
        """Count a call that cannot be told."""
        self.reasons[why] += 1
        _keep(self.untold.setdefault(why, []), [call])

    def add(self, other: "Tally") -> None:
        """Count what a tally of later records counted."""
        self.same += other.same
        self.refused += other.refused
        self.confirmed += other.confirmed
        self.kinds += other.kinds
        self.reasons += other.reasons
        for name, counts in other.by.items():
            self.by[name] += counts
        for key, examples in other.examples.items():
            _keep(self.examples.setdefault(key, []), examples)
        for why, calls in other.untold.items():
            _keep(self.untold.setdefault(why, []), calls)

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return self.same + self.kinds.total() + self.reasons.total()

    def impact(self, *, terms: str, digest: str, from_ms: int, until_ms: int, engine: str) -> Impact:
        """The statement about these terms and this time."""
        return Impact(
            caveat_impact=1,
            terms=terms,
            digest=digest,
            from_ms=from_ms,
            until_ms=until_ms,
            engine=engine,
            calls=self.calls,
            same=self.same,
            changed=_most_first(self.kinds),
            cannot=_most_first(self.reasons),
            refused=self.refused,
            confirmed=self.confirmed,
            by_clause=_nested(self.by["clause"]),
            by_purpose=_nested(self.by["purpose"]),
            by_caller=_nested(self.by["caller"]),
            by_kind=_nested(self.by["kind"]),
            by_group=_nested(self._by_group()),
            examples=tuple(one for _, kept in sorted(self.examples.items()) for one in kept),
            untold=tuple(Unknown(call, why) for why, calls in sorted(self.untold.items()) for call in calls),
        )

    def _by_group(self) -> "Counter[tuple[str, str]]":
        found: Counter[tuple[str, str]] = Counter()
        for (caller, kind), count in self.by["caller"].items() if self.groups else ():
            found[WITHHELD if caller == WITHHELD else self.groups.get(caller) or UNGROUPED, kind] += count
        return found


def _keep(kept: list[T], more: list[T]) -> None:
    kept.extend(more[: max(EXAMPLES - len(kept), 0)])


def _most_first(counts: "Counter[str]") -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _nested(counts: "Counter[tuple[str, str]]") -> Counts:
    found: Counts = {}
    for (name, kind), count in sorted(counts.items()):
        found.setdefault(name, {})[kind] = count
    return dict(sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0])))
