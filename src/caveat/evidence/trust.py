"""The outsider's trust file: whose keys count.  Keys come from here and from nowhere else, never from a bundle.

The syntax is c2sp.org/tlog-policy, with one extension line of ours (other tools want it left out):

    log example.org/caveat+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx
    witness office example.org/security+8c4a7f0e+BB...  https://witness.example.org/
    group any-office any office
    quorum any-office                       exactly one line; `quorum none` asks for no witness
    party vendor example-labs+1f2e3d4c+AQ...
    party operator example-ministry+5a6b7c8d+AQ...

Rules: names are defined before they are used; a name stands in at most one group; no key counts twice in one part; what
is not understood is refused, with its line number.  A log may have two lines, one for each kind of key.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from caveat.errors import BadInput
from caveat.keys import KeyKind, VerifyKey, read_verify_key

MAX_BYTES: Final = 1 << 20
MAX_OF_EACH: Final = 1_000
NONE: Final = "none"

_LOG_KINDS: Final = frozenset({KeyKind.NOTE, KeyKind.COSIGN_MLDSA})
_WITNESS_KINDS: Final = frozenset({KeyKind.COSIGN, KeyKind.COSIGN_MLDSA})
_PARTY_KINDS: Final = frozenset({KeyKind.NOTE})
_ROLES: Final = ("vendor", "operator")


class Group(Struct, frozen=True):
    """Witnesses and groups of which at least `k` must have cosigned, 1 <= k <= len(members)."""

    k: int
    members: tuple[str, ...]


class Trust(Struct, frozen=True):
    """Whose signatures count.

    logs       keys whose name is the log's origin
    witnesses  by the name that groups and quorum use
    quorum     a witness, a group, or "none"
    parties    "vendor" and "operator" -> whose signatures on terms count; a role may be missing
    """

    logs: tuple[VerifyKey, ...]
    witnesses: dict[str, VerifyKey]
    groups: dict[str, Group]
    quorum: str
    parties: dict[str, tuple[VerifyKey, ...]]

    def log_keys(self, origin: str) -> tuple[VerifyKey, ...]:
        """The keys of the log of that name, () where it is not trusted."""
        return tuple(key for key in self.logs if key.name == origin)

    def quorum_met(self, cosigners: Iterable[VerifyKey]) -> bool:
        """Whether these cosigners, whose signatures hold, are enough."""
        present = set(cosigners)
        return self.quorum == NONE or self._met(self.quorum, present)

    def _met(self, name: str, present: set[VerifyKey]) -> bool:
        """Groups name only what stands before them, so this ends; its depth is at most the number of groups."""
        if name in self.witnesses:
            return self.witnesses[name] in present
        group = self.groups[name]
        return sum(self._met(member, present) for member in group.members) >= group.k


def read_trust(data: bytes) -> Trust:
    """The trust file that the bytes are.  Raises BadInput, naming the line."""
    reader = _Reader()
    for number, line in enumerate(_lines(data), start=1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if words == [""] or words[0].startswith("#"):
            continue
        try:
            reader.take(words)
        except BadInput as error:
            raise BadInput(f"line {number} of the trust file: {error.message}", hint=error.hint) from None
    return reader.done()


def _lines(data: bytes) -> list[str]:
    if len(data) > MAX_BYTES:
        raise BadInput(f"expected a trust file of at most {MAX_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise BadInput("expected a trust file in UTF-8") from None
    if any((c < " " and c not in "\t\n") or c == "\x7f" for c in text):
        raise BadInput("the trust file holds a control character")
    return text.split("\n")


class _Reader:
    """What has been read so far; one method for each kind of line."""

    def __init__(self) -> None:
        self._logs: list[VerifyKey] = []
        self._witnesses: dict[str, VerifyKey] = {}
        self._groups: dict[str, Group] = {}
        self._grouped: set[str] = set()
        self._quorum = ""
        self._parties: dict[str, list[VerifyKey]] = {}
        self._table: dict[str, Callable[[list[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._set_quorum,
            "party": self._party,
        }

    def take(self, words: list[str]) -> None:
        kind, *rest = words
        if kind not in self._table:
            raise BadInput(f"expected log, witness, group, quorum or party, got `{kind}`")
        self._table[kind](rest)

    def done(self) -> Trust:
        if not self._quorum:
            raise BadInput("the trust file has no quorum line", hint="write `quorum none` to ask for no witness")
        if not self._logs:
            raise BadInput("the trust file names no log")
        parties = {role: tuple(keys) for role, keys in self._parties.items()}
        return Trust(tuple(self._logs), self._witnesses, self._groups, self._quorum, parties)

    def _log(self, words: list[str]) -> None:
        _expect(1 <= len(words) <= 2, "log VKEY [URL]")
        key = _key(words[0], _LOG_KINDS, "a log")
        _fresh(key, self._logs, "a log")
        self._logs.append(key)

    def _witness(self, words: list[str]) -> None:
        _expect(2 <= len(words) <= 3, "witness NAME VKEY [URL]")
        name = self._new_name(words[0])
        key = _key(words[1], _WITNESS_KINDS, "a witness")
        _fresh(key, self._witnesses.values(), "a witness")
        self._witnesses[name] = key

    def _group(self, words: list[str]) -> None:
        _expect(len(words) >= 3, "group NAME all|any|K MEMBER...")
        name = self._new_name(words[0])
        members = words[2:]
        for member in members:
            self._known(member)
            if member in self._grouped:
                raise BadInput(f"`{member}` already stands in a group")
            self._grouped.add(member)
        self._groups[name] = Group(_threshold(words[1], len(members)), tuple(members))

    def _set_quorum(self, words: list[str]) -> None:
        _expect(len(words) == 1, "quorum NAME|none")
        if self._quorum:
            raise BadInput("expected one quorum line, got a second")
        if words[0] != NONE:
            self._known(words[0])
        self._quorum = words[0]

    def _party(self, words: list[str]) -> None:
        _expect(len(words) == 2 and words[0] in _ROLES, "party vendor|operator VKEY")
        key = _key(words[1], _PARTY_KINDS, "a party")
        _fresh(key, [k for keys in self._parties.values() for k in keys], "a party")
        self._parties.setdefault(words[0], []).append(key)

    def _new_name(self, name: str) -> str:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise BadInput(f"the name `{name}` is taken")
        if max(len(self._witnesses), len(self._groups)) >= MAX_OF_EACH:
            raise BadInput(f"expected at most {MAX_OF_EACH} witnesses and as many groups")
        return name

    def _known(self, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise BadInput(f"`{name}` is not defined above")


def _expect(holds: bool, form: str) -> None:  # noqa: FBT001
    if not holds:
        raise BadInput(f"expected `{form}`")


def _key(text: str, kinds: frozenset[KeyKind], whose: str) -> VerifyKey:
    key = read_verify_key(text)
    if key.kind not in kinds:
        raise BadInput(f"`{key.name}` is not a key that {whose} signs with")
    return key


def _fresh(key: VerifyKey, others: Iterable[VerifyKey], whose: str) -> None:
    seen = [other.public for other in others]
    if key.public in seen:
        raise BadInput(f"the key of `{key.name}` already stands above as that of {whose}")
    if len(seen) >= MAX_OF_EACH:
        raise BadInput(f"expected at most {MAX_OF_EACH} keys of a kind")


def _threshold(word: str, count: int) -> int:
    if word in {"any", "all"}:
        return 1 if word == "any" else count
    if not re.fullmatch(r"[1-9][0-9]{0,3}", word) or int(word) > count:
        raise BadInput(f"expected any, all or a number from 1 to {count}, got `{word}`")
    return int(word)
