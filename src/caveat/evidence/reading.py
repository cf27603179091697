"""Reading records of a range: all that each says by itself, so that several processes can do it.

    Stretch (a few tiles and where their disclosures stand)  --Reader.read-->  Read (a `Said` for each record)

Rules of this file: what is said here of a record depends on its bytes, its disclosures, the terms in `known` and, for an
outcome, the first record of the same call in the same stretch, never on who reads; what depends on more (exceptions that
were granted, a call that began in another stretch, terms that are not known yet) is left to the walk (`LATER`), with all
that was disclosed; a stretch is read alike whoever reads it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from caveat.decide.decision import Decision
from caveat.errors import NotVerified
from caveat.evidence.bundle import Bundle, Disclosure
from caveat.evidence.claimed import GROUPS, Memory
from caveat.evidence.mirror import check_entries
from caveat.evidence.profiles import Profile
from caveat.evidence.replay import Replay, Replayed
from caveat.evidence.watch import Slim
from caveat.facts import Facts
from caveat.ledger.tiles import TILE_WIDTH
from caveat.record import Leaf, disclosed, read_leaf
from caveat.terms.document import SignedTerms, Terms
from caveat.terms.sign import claimed_terms

TILES: Final = 4
"""How many tiles a stretch has at most."""

FOLLOWS, WITHHELD, WRONG, LATER = "follows", "withheld", "wrong", "later"
"""What came of a decision: it follows; it, its facts or its terms are not there; it does not hold; the walk must see."""

OBJECTS: Final = frozenset({*GROUPS, "request", "decision"})
NONE: Final[frozenset[str]] = frozenset()
NO_COMMITMENTS: Final[dict[str, str]] = {}
REPLIED: Final = frozenset({"reply", "decision", "answer"})
MUST_COMMIT: Final = {
    "opened": frozenset({*GROUPS, "decision", "request"}),
    **dict.fromkeys(("completed", "stopped", "withheld", "broken", "aborted"), REPLIED),
}
"""What a record must commit to, by its kind or a call's ending: what was never committed to cannot be asked for later."""

Names = tuple[tuple[str, ...], tuple[str, ...]]
Named = tuple[int, str, tuple[str, ...]]
"""Where names stand; one that the record should commit to and does not; those disclosed that the profile keeps closed."""


class Stretch(Struct, frozen=True, array_like=True):
    """What is to be read: the records start <= index < to of the leaf tiles from number `first` on, whose hashes are
    `tiles`; their disclosures stand in `size` bytes from `at` on; `known`: documents of terms by the pair's digest."""

    first: int
    start: int
    to: int
    tiles: tuple[bytes, ...]
    at: int
    size: int
    known: dict[str, str]


class Said(Struct, array_like=True, gc=False):
    """One record, read.

    leaf       None where it cannot be read; its commitments stand in `names` alone
    names      which names it commits to and which are disclosed, in Read.names
    values     what the watches may see of it, in Read.values
    decision   in Read.decisions, -1 for none
    outcome    what came of the decision, "" for a record that has none
    why        for WRONG
    problems   (step, words), in order
    """

    leaf: Leaf | None
    names: int = -1
    values: int = -1
    decision: int = -1
    outcome: str = ""
    why: str = ""
    problems: tuple[tuple[int, str], ...] = ()


class Read(Struct):
    """A stretch, read.

    whole    what was disclosed of records that are left to the walk, by index
    facts    of calls whose outcome is left to the walk, by the index of their first record
    engines  what evaluated the decisions that were made again
    error    why it ended before its last record, "" where it did not
    """

    said: list[Said] = []
    names: list[Names] = []
    values: list[dict[str, Any]] = []
    decisions: list[Decision] = []
    whole: dict[int, dict[str, Any]] = {}
    facts: dict[int, Facts] = {}
    engines: set[str] = set()
    error: str = ""


class Reader:
    """Reads stretches of one bundle."""

    def __init__(self, bundle: Bundle, profile: Profile, known: Mapping[str, Terms]) -> None:
        self._bundle = bundle
        self._profile = profile
        self._terms = dict(known)
        self._replay = Replay()
        self._shapes = Memory(_is_decision)

    def read(self, stretch: Stretch, terms: Mapping[str, Terms] | None = None) -> Read:
        """The stretch.  `terms`: those in `known`, by someone who has them already."""
        made = _Reading(self._bundle, self._profile, terms or self._known(stretch.known), self._replay, self._shapes)
        return made.run(stretch)

    def _known(self, known: Mapping[str, str]) -> dict[str, Terms]:
        """Terms by the pair's digest, opened without their signatures, which the fold has checked."""
        for pair, document in known.items():
            if pair not in self._terms:
                terms = claimed_terms(SignedTerms(self._bundle.document(document)))
                self._terms[terms.digest] = terms
        return {pair: self._terms[pair] for pair in known if pair in self._terms}


class _Reading:
    """One stretch."""

    def __init__(
        self,
        bundle: Bundle,
        profile: Profile,
        terms: Mapping[str, Terms],
        replay: Replay,
        shapes: Memory[bool],
    ) -> None:
        self._bundle = bundle
        self._profile = profile
        self._terms = terms
        self._replay = replay
        self._is_decision = shapes
        self._replay.engines = set()
        self._read = Read()
        self._slim = Slim(self._read.values)
        self._names: dict[tuple[Names, str], Named] = {}
        self._decisions: dict[int, int] = {}
        self._calls: dict[int, Replayed] = {}

    def run(self, stretch: Stretch) -> Read:
        try:
            lines = self._bundle.disclosures_at(stretch.at, stretch.size)
            for n, tile in enumerate(stretch.tiles, start=stretch.first):
                leaves = self._bundle.bundle(n)
                check_entries(n, leaves, tile)
                for index, data in enumerate(leaves, start=n * TILE_WIDTH):
                    if stretch.start <= index < stretch.to:
                        self._record(index, data, lines.get(index))
        except NotVerified as error:
            self._read.error = error.message
        self._read.facts |= {index: call.facts for index, call in self._calls.items() if call.facts is not None}
        self._read.engines = self._replay.engines
        return self._read

    def _record(self, index: int, data: bytes, line: Disclosure | NotVerified | None) -> None:
        try:
            leaf = read_leaf(data)
        except NotVerified as error:
            problems = [(5, f"record {index}: {error.message}")]
            problems += [(9, f"record {index} is disclosed, but is no readable record")] if line is not None else []
            self._read.said.append(Said(None, problems=tuple(problems)))
            return
        problems = []
        values = self._values(index, leaf, line, problems) if line is not None else {}
        names, missing, open_ = self._named((tuple(leaf.c), tuple(values)), leaf.o or leaf.k)
        if missing:
            problems.append((5, f"record {index}: it does not commit to `{missing}`, so it can never show it"))
        for name in open_:
            problems.append((9, f"record {index}: `{name}` is disclosed, which the profile keeps closed"))
        values = self._shaped(index, values, problems) if values else values
        said = Said(leaf, names, self._slim.add(values), problems=tuple(problems))
        if leaf.k == "opened":
            self._opened(index, leaf, values, said)
        elif leaf.k == "settled":
            self._settled(index, leaf, values, said)
        if leaf.c:
            msgspec.structs.force_setattr(leaf, "c", NO_COMMITMENTS)  # it is this reader's own, and has been looked at
        self._read.said.append(said)

    def _values(
        self, index: int, leaf: Leaf, line: Disclosure | NotVerified, problems: list[tuple[int, str]]
    ) -> dict[str, Any]:
        """What is disclosed of the record, found to be what it committed to."""
        values: dict[str, Any] = {}
        try:
            if isinstance(line, NotVerified):
                raise line
            values = disclosed(leaf, line.d)
        except NotVerified as error:
            problems.append((9, f"record {index}: {error.message}"))
        return values

    def _shaped(self, index: int, values: dict[str, Any], problems: list[tuple[int, str]]) -> dict[str, Any]:
        """The values without those that are not of the shape which their name stands for, so that no step stumbles: an
        object, a decision."""
        odd = [name for name, value in values.items() if type(value) is not dict and name in OBJECTS]
        if "decision" in values and not self._is_decision(values["decision"]) and "decision" not in odd:
            odd.append("decision")
        if not odd:
            return values
        problems += [(5, f"record {index}: what it committed to as `{name}` is none") for name in odd]
        return {name: value for name, value in values.items() if name not in odd}

    def _named(self, names: Names, kind: str) -> Named:
        """Where names stand among those of the stretch, and what is wrong with them in a record of that kind or ending."""
        known = self._names.get((names, kind))
        if known is None:
            made, shown = names
            missing = min(MUST_COMMIT.get(kind, NONE) - set(made), default="")
            open_ = tuple(name for name in shown if not self._profile.shows(name))
            known = self._names[names, kind] = len(self._read.names), missing, open_
            self._read.names.append(names)
        return known

    def _opened(self, index: int, leaf: Leaf, values: dict[str, Any], said: Said) -> None:
        if self._is_later(leaf, values):
            self._leave(index, values, said)
            return
        asked = self._outcome(said, lambda: self._replay.request(leaf, values, self._terms[leaf.terms]))
        self._calls[index] = asked or Replayed(None, None)
        said.decision = self._decided(asked.decision if asked else None)

    def _settled(self, index: int, leaf: Leaf, values: dict[str, Any], said: Said) -> None:
        place = leaf.at if leaf.at >= 0 else index - 1
        asked = self._calls.pop(place, None)
        if asked is None or self._is_later(leaf, values):
            if asked is not None and asked.facts is not None:
                self._read.facts[place] = asked.facts
            self._leave(index, values, said)
            return
        last = self._outcome(
            said, lambda: Replayed(self._replay.reply(leaf, values, asked, self._terms[leaf.terms]), None)
        )
        said.decision = self._decided(last.decision if last else None)

    def _is_later(self, leaf: Leaf, values: dict[str, Any]) -> bool:
        """Whether it takes more than the record to make its decision again: exceptions, or terms not known here."""
        return bool(leaf.w) or leaf.terms not in self._terms or bool(values.get("decision", _BARE)["waived"])

    def _leave(self, index: int, values: dict[str, Any], said: Said) -> None:
        said.outcome = LATER
        if values:
            self._read.whole[index] = values

    def _outcome(self, said: Said, replay: Any) -> Replayed | None:
        """Replays, and notes what came of it."""
        replayed, withheld = self._replay.replayed, self._replay.withheld
        try:
            found: Replayed = replay()
        except NotVerified as error:
            said.outcome, said.why = WRONG, error.message
            return None
        if self._replay.replayed != replayed:
            said.outcome = FOLLOWS
        elif self._replay.withheld != withheld:
            said.outcome = WITHHELD
        return found

    def _decided(self, decision: Decision | None) -> int:
        """Where the decision stands among those of the stretch."""
        if decision is None:
            return -1
        at = self._decisions.get(id(decision))
        if at is None:
            at = self._decisions[id(decision)] = len(self._read.decisions)
            self._read.decisions.append(decision)  # which keeps it, and so its id
        return at


_BARE: Final = {"waived": ()}


def _is_decision(value: Any) -> bool:
    try:
        msgspec.convert(value, Decision)
    except msgspec.ValidationError:
        return False
    return True


encode_read = msgspec.msgpack.Encoder().encode
decode_read = msgspec.msgpack.Decoder(Read).decode
