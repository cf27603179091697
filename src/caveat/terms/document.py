"""Terms as values: what two parties signed, once both signatures have been checked.

SignedTerms   bytes that claim to be signed; nothing may be decided from them
Terms         exists only after open_terms (terms/sign.py) verified both parties' signatures over those bytes
Draft         parsed and compiled, not signed: for lint, show and sign
"""

from typing import Literal

from msgspec import Struct

from caveat.terms.lease import Continuity, Lease, LeaseRule
from caveat.terms.shape_seals import SealRule

Text = dict[str, str]
"""A sentence in several languages: BCP 47 tag -> text.  The first is the terms' first language."""

Effect = Literal["permit", "forbid", "hold", "oblige"]
Kind = Literal["enforced", "recorded", "promised"]


class Duty(Struct, frozen=True):
    """What must be done with an allowed call; `value` is its parameter (`limit.tokens: 512`), "" where it has none."""

    name: str
    value: str | int = ""


class Probe(Struct, frozen=True):
    """Texts, or whole calls as JSON objects, that show the clause at work: one that trips it, one that passes."""

    trips: str | dict[str, object]
    passes: str | dict[str, object]


class Clause(Struct, frozen=True):
    """One rule.

    id        lower-case words joined by dots, unique
    effect    permit, forbid, hold (forbidden until approved), oblige (adds duties)
    kind      enforced: the gateway makes it hold; recorded: it can be escaped by a declaration, but shows;
              promised: no machine checks it (`when` is then None)
    when      a Cedar expression over `context`, `principal`, `resource`, `action`
    fields    JSON pointers (with * for any one step) that a permit lets pass though no dialect's table knows them
    line      where it begins in the YAML, 1-based
    approvers how many persons release a call that a hold clause holds, or a reply that `review.human` keeps
    """

    id: str
    title: Text
    says: Text
    effect: Effect
    kind: Kind
    when: str | None
    waivable: bool
    duties: tuple[Duty, ...]
    fields: tuple[str, ...]
    basis: tuple[str, ...]
    probe: Probe | None
    line: int
    approvers: int = 1


class Model(Struct, frozen=True):
    """A model under the terms: the alias callers use, and its identity: `weights:sha256:<hex>` or
    `endpoint:sha256:<TLS key digest>+<name>`, or `any` in terms that do not pin it."""

    alias: str
    identity: str


class ToolRule(Struct, frozen=True):
    """Tools by name pattern (`*` matches any run of characters), what kind they are and what they do to the world."""

    name: str
    kind: str
    side_effect: str


class Party(Struct, frozen=True):
    """A signer: its role in the terms and its name."""

    role: Literal["vendor", "operator"]
    name: str


class WaiverRule(Struct, frozen=True):
    """How many persons approve a waiver, and how many of them from the vendor's side."""

    approvers: int = 2
    vendor: int = 0


class ErrorRates(Struct, frozen=True):
    """How often the parties say that a category is wrong, per mille at the terms' threshold: of harmless texts that are
    flagged, of harmful ones that are passed over.  None: they say nothing of it."""

    false_alarms: int | None = None
    misses: int | None = None


class Agreed(Struct, frozen=True):
    """The learned recognizer that both parties agreed on: no other reads calls under these terms.

    weights   `sha256:<hex>` of the weights' file
    measured  hazard code -> the error rates that the parties took into account
    """

    name: str
    version: str
    weights: str
    measured: dict[str, ErrorRates] = {}


class Challenges(Struct, frozen=True):
    """What the operator promises: so many records of a bundle opened on challenge, for so many days after it."""

    openings: int
    days: int


class Draft(Struct, frozen=True):
    """Terms parsed, checked and compiled.

    thresholds   hazard code -> per mille at which it counts as seen; every code has one
    markings     name of the marking profile whose ranks and caveats the clauses use
    purposes     the closed list of purposes
    notice       the notice under machine-made text, by language
    stride, window   how the guard reads a stream, in characters
    cedar        the compiled policy text; policy ids are clause ids
    schema       the Cedar schema, JSON text
    yaml         the document's exact bytes
    waivers      who must approve an exception
    seals        what must stand before its models, and count every call to them
    vocabulary   the version of the fact schema that it is compiled under (vocabulary.VERSION is the newest)
    challenges   what is promised to whoever challenges a bundle; None where nothing is
    recognizer   which learned recognizer must read every call; None where the terms name none
    lease        until when and for how many calls they hold unless the vendor renews; None: no lease
    continuity   what goes on after that
    cut_after_s  how many seconds running calls may go on once a party has ended the terms; None: until they are done
    """

    id: str
    version: int
    title: Text
    vendor: Party
    operator: Party
    languages: tuple[str, ...]
    valid_from_ms: int
    valid_until_ms: int
    models: tuple[Model, ...]
    purposes: tuple[str, ...]
    tools: tuple[ToolRule, ...]
    markings: str
    thresholds: dict[str, int]
    notice: Text
    stride: int
    window: int
    clauses: tuple[Clause, ...]
    cedar: str
    schema: str
    yaml: bytes
    waivers: WaiverRule = WaiverRule()
    seals: tuple[SealRule, ...] = ()
    vocabulary: int = 1
    recognizer: Agreed | None = None
    challenges: Challenges | None = None
    lease: LeaseRule | None = None
    continuity: Continuity | None = None
    cut_after_s: int | None = None

    @property
    def own_lease(self) -> Lease | None:
        """The lease that the pair begins with, None where it has none."""
        return None if self.lease is None else Lease(self.lease.until_ms, self.lease.calls)

    @property
    def name(self) -> str:
        """id@version, as it stands in `x-caveat-terms`."""
        return f"{self.id}@{self.version}"

    def valid_at(self, at_ms: int) -> bool:
        """Whether the terms are valid at that time, POSIX milliseconds."""
        return self.valid_from_ms <= at_ms < self.valid_until_ms

    def seals_of(self, alias: str) -> tuple[SealRule, ...]:
        """The seals one of which must stand before that model; none where the terms ask for none."""
        return tuple(seal for seal in self.seals if alias in seal.models)

    def clause(self, clause_id: str) -> Clause:
        """The clause of that id; KeyError is a bug in the caller."""
        return {clause.id: clause for clause in self.clauses}[clause_id]


class Signature(Struct, frozen=True):
    """Who signed: the party's role, the key's name and id."""

    role: Literal["vendor", "operator"]
    key: str


class SignedTerms(Struct, frozen=True):
    """A DSSE envelope as it came.  Nothing may be decided from it."""

    raw: bytes


class Terms(Struct, frozen=True):
    """Terms that both parties signed.

    digest   of the signed payload: the pair's digest that every record and receipt names
    """

    draft: Draft
    digest: str
    signatures: tuple[Signature, ...]
