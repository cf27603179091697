"""What pages show: values without content, made by the gateway from register, ledger and index."""

from msgspec import Struct

from caveat.terms.document import Terms


class CallLine(Struct, frozen=True):
    """One call in a list.  Words are "" and numbers -1 where the record is closed; `at` is the index of its first record.

    outcome  running, completed, denied, held, withheld, stopped, broken, aborted or unknown
    """

    at: int
    call: str
    at_ms: int
    outcome: str
    verdict: str = ""
    rule: str = ""
    caller: str = ""
    purpose: str = ""
    model: str = ""
    case: str = ""
    dialect: str = ""
    rank: int = -1
    tokens_in: int = -1
    tokens_out: int = -1
    waived: int = 0
    clauses: tuple[str, ...] = ()


class Wanted(Struct, frozen=True):
    """Which calls a list is to hold, "" and 0 for any; `before` an index: the page behind it, 0 for the newest; `rule` says
    why it was decided so (permit, forbid, error, unreadable, ...)."""

    caller: str = ""
    purpose: str = ""
    clause: str = ""
    outcome: str = ""
    model: str = ""
    case: str = ""
    since_ms: int = 0
    until_ms: int = 0
    before: int = 0
    most: int = 50
    rule: str = ""


class CallPage(Struct, frozen=True):
    """Some calls, newest first; `more` where older ones follow."""

    lines: tuple[CallLine, ...]
    more: bool


class Reach(Struct, frozen=True):
    """How far the index is: it has seen so many of the ledger's records."""

    seen: int
    size: int

    @property
    def behind(self) -> int:
        """Records that it has not seen."""
        return max(0, self.size - self.seen)


class Count(Struct, frozen=True):
    """So many calls with that outcome in the minute or hour that begins at `start` (POSIX seconds); `word` is the caller,
    purpose, clause, model or rank that they are counted for."""

    start: int
    word: str
    outcome: str
    n: int


class ControlLine(Struct, frozen=True):
    """A control record: what was done to what."""

    at: int
    at_ms: int
    what: str
    of: str
    doc: str


class MeterGap(Struct, frozen=True):
    """Where a seal's count and the ledger differ, in the verifier's words.

    kind  gap: something is missing or does not fit; silent: a seal that ran said nothing for a while; note: it was off, or its
          engine was started anew
    at    index of the record that it is about, -1 for none
    """

    says: str
    kind: str
    at: int
    at_ms: int


class Version(Struct, frozen=True):
    """Terms that were adopted: when, at which record, and what has become of them (`in force`, `replaced` or `ended`)."""

    terms: Terms
    at: int
    at_ms: int
    state: str


class Head(Struct, frozen=True):
    """The log as it stands: records, how many are under the newest checkpoint, that checkpoint, who has signed it."""

    size: int
    published: int
    checkpoint: str
    signers: tuple[str, ...]
    origin: str
