"""The fact schema: closed lists and types, once, for Python and for Cedar.

A fact that is not here does not exist: no clause can name it, no record can hold it.  Every fact has one setter:

    gateway   the gateway read it off the request, the key or the configuration
    key       the operator fixed it in the caller's key
    declared  the caller said it, within what its key allows (a header can only tighten)
    detector  a recognizer found it
    config    the operator's settings

A clause that only a declared fact makes hold can be escaped by declaring otherwise: it is `recorded`, never
`enforced` (terms/lint.py).

It only grows.  A fact added later says `since` which version of the vocabulary it is there; a word added to a closed list
stands in WORD_SINCE.  Terms are compiled under the oldest version that has all they name, so what was signed compiles to
the same bytes for ever (docs/adr/0015); nothing here is renamed, removed or moved.  Words are the field's own: OTel gen_ai names, MLCommons AILuminate v1.0 codes, EU AI Act
Annex III areas, STANAG 4774 shape for markings.
"""

from typing import Literal

from msgspec import Struct

OPERATIONS = ("chat", "text_completion", "embeddings", "count_tokens")
CALLER_KINDS = ("human", "service", "agent")
OUTPUT_USES = ("internal", "partner", "public", "automated-action", "training-data")
EFFECTS = ("none", "informs-human", "affects-person")
"""What the output does to people, mildest first."""
AREAS = (
    "none",
    "biometrics",
    "critical-infrastructure",
    "education",
    "employment",
    "essential-services",
    "law-enforcement",
    "migration",
    "justice",
)
LABEL_SOURCES = ("floor", "key", "declared", "detected")
PERSONAL = ("none", "personal", "special-category")
MODALITIES = ("text", "image", "audio", "file")
HIDDEN = ("zero-width", "bidi", "homoglyph", "encoded", "control-token")
DETECTORS = ("none", "learned")
GUARDS = ("none", "ran", "not-run")
"""Whether a guard model gave a second opinion: none was asked for; it did; it was asked for and did not."""
TOOL_KINDS = (
    "retrieval",
    "compute",
    "code-exec",
    "network",
    "file-write",
    "message",
    "db-write",
    "physical",
    "unlisted",
)
SIDE_EFFECTS = ("none", "read", "write", "irreversible")
"""What a tool does to the world, mildest first.  A tool that the terms do not list counts as irreversible."""
OVERSIGHT = ("none", "on-the-loop", "in-the-loop", "dual-review")
NETWORKS = ("air-gapped", "enclave", "connected")
POSTURES = ("normal", "degraded", "emergency")
MODEL_KINDS = ("weights", "endpoint")
STAGES = ("request", "reply")
VOICES = ("system", "user", "model", "tool", "definition", "field")

AILUMINATE = ("vcr", "ncr", "src", "cse", "dfm", "spc", "prv", "ipv", "iwp", "hte", "ssh", "sxc")
EXTENSIONS = ("x_cyb", "x_tgt", "x_sur", "x_inf", "x_crt", "x_dec", "x_cia", "x_inj")
HAZARDS = (*AILUMINATE, *EXTENSIONS, "any")

DUTIES = (
    "label.output",
    "limit.tokens",
    "log.full",
    "log.digest",
    "review.human",
    "redact.output",
    "notify.vendor",
    "retain.days",
    "strip.tools",
)
"""Closed list.  Who cannot fulfil a duty must deny (XACML obligation)."""

CLAUSE_EFFECTS = ("permit", "forbid", "hold", "oblige")

Setter = Literal["gateway", "key", "declared", "detector", "config"]
Group = Literal["who", "what", "why", "data", "content", "tools", "place", "reply"]


class Enum(Struct, frozen=True):
    """One word of a closed list; `name` is the Cedar entity type.  Empty `values`: the terms give the list."""

    name: str
    values: tuple[str, ...] = ()


class SetOf(Struct, frozen=True):
    """Any number of words of a closed list."""

    of: Enum


class Long(Struct, frozen=True):
    """An integer, low <= n <= high, in `unit`."""

    low: int
    high: int
    unit: str


class Bool(Struct, frozen=True):
    """True or false."""


FactType = Enum | SetOf | Long | Bool


class Fact(Struct, frozen=True):
    """One thing that a decision may look at.  `group` is the commitment that holds it in the record; `since` is the
    version of the vocabulary in which it came."""

    name: str
    group: Group
    type: FactType
    setter: Setter
    says: str
    since: int = 1


HAZARD = Enum("Hazard", HAZARDS)
TOOL_KIND = Enum("ToolKind", TOOL_KINDS)
HIDDEN_AS = Enum("Hidden", HIDDEN)
PERSONAL_AS = Enum("Personal", PERSONAL)
SIDE_EFFECT = Enum("SideEffect", SIDE_EFFECTS)
CAVEAT = Enum("Caveat")  # the marking profile's dissemination caveats
PURPOSE = Enum("Purpose")  # the terms' purposes
FIELD = Enum("Field")  # pointers that some clause of the terms lists
VOICED = Enum("Voiced", tuple(f"{v}:{h}" for v in VOICES for h in HAZARDS))
COUNT = Long(0, 2**31 - 1, "count")
CHARS = Long(0, 2**31 - 1, "characters")
RANK = Long(0, 15, "rank in the marking profile")
PER_MILLE = Long(0, 1000, "per mille")

FACTS: tuple[Fact, ...] = (
    Fact("callerKind", "who", Enum("CallerKind", CALLER_KINDS), "key", "who holds the key"),
    Fact("clearanceRank", "who", RANK, "key", "the highest marking that the caller may handle"),
    Fact("modelKind", "what", Enum("ModelKind", MODEL_KINDS), "gateway", "how the model is identified"),
    Fact("streaming", "what", Bool(), "gateway", "whether the reply is streamed"),
    Fact("choices", "what", Long(1, 1024, "answers"), "gateway", "how many answers were asked for"),
    Fact("charsIn", "what", CHARS, "gateway", "length of all text parts"),
    Fact("tokensOutMax", "what", COUNT, "gateway", "the caller's output limit; 0 where none was given"),
    Fact("modalities", "what", SetOf(Enum("Modality", MODALITIES)), "gateway", "kinds of parts"),
    Fact("structured", "what", Bool(), "gateway", "the reply's shape or words were dictated"),
    Fact("fields", "what", SetOf(FIELD), "gateway", "fields and unread parts present that only a clause lets pass"),
    Fact("unknownFields", "what", COUNT, "gateway", "fields present that no clause lists"),
    Fact("unreadParts", "what", COUNT, "gateway", "parts that no recognizer reads and no clause lists"),
    Fact("purpose", "why", PURPOSE, "declared", "what the call is for, within the key's list"),
    Fact("outputUse", "why", Enum("OutputUse", OUTPUT_USES), "declared", "where the output goes"),
    Fact("effect", "why", Enum("Effect", EFFECTS), "declared", "what the output does to people"),
    Fact("regulatedArea", "why", Enum("Area", AREAS), "declared", "EU AI Act Annex III area"),
    Fact("oversight", "why", Enum("Oversight", OVERSIGHT), "declared", "who watches over the output"),
    Fact("caseGiven", "why", Bool(), "declared", "whether a case reference came with the call"),
    Fact("labelRank", "data", RANK, "gateway", "highest of network floor, key, declared and detected marking"),
    Fact("labelSource", "data", Enum("LabelSource", LABEL_SOURCES), "gateway", "which of them set the rank"),
    Fact("caveats", "data", SetOf(CAVEAT), "detector", "dissemination caveats declared or found"),
    Fact("personalData", "data", PERSONAL_AS, "detector", "personal data found in the request"),
    Fact("secretsIn", "data", Bool(), "detector", "keys, passwords or tokens found in the request"),
    Fact("hazardsIn", "content", SetOf(HAZARD), "detector", "hazards at or over the terms' thresholds"),
    Fact("voicedIn", "content", SetOf(VOICED), "detector", "the same by voice: `user:x_inj`, `definition:x_cyb`"),
    Fact("hazardPermille", "content", PER_MILLE, "detector", "the highest of all hazards"),
    Fact("hiddenText", "content", SetOf(HIDDEN_AS), "detector", "ways in which text was hidden"),
    Fact("languageUncovered", "content", Bool(), "detector", "some text is in a language the detector does not cover"),
    Fact("detector", "content", Enum("Detector", DETECTORS), "gateway", "whether a learned recognizer ran"),
    Fact("tools", "tools", SetOf(TOOL_KIND), "gateway", "kinds of the tools offered to the model"),
    Fact("unlistedTools", "tools", COUNT, "gateway", "tools offered that the terms do not list"),
    Fact("sideEffect", "tools", SIDE_EFFECT, "gateway", "the gravest side effect among the tools offered"),
    Fact("network", "place", Enum("Network", NETWORKS), "config", "where the gateway stands"),
    Fact("posture", "place", Enum("Posture", POSTURES), "config", "the operator's state"),
    Fact("epoch", "place", Long(0, 2**40, "POSIX seconds"), "gateway", "when the call was read"),
    Fact("stage", "reply", Enum("Stage", STAGES), "gateway", "whether the model has begun to answer"),
    Fact("hazardsOut", "reply", SetOf(HAZARD), "detector", "hazards in the reply so far"),
    Fact("labelRankOut", "reply", RANK, "detector", "highest marking in the reply so far"),
    Fact("personalDataOut", "reply", PERSONAL_AS, "detector", "personal data in the reply so far"),
    Fact("secretsOut", "reply", Bool(), "detector", "secrets in the reply so far"),
    Fact("toolsCalled", "reply", SetOf(TOOL_KIND), "gateway", "kinds of the tools that the model calls"),
    Fact("unlistedCalls", "reply", COUNT, "gateway", "calls to tools that the terms do not list"),
    Fact("sideEffectOut", "reply", SIDE_EFFECT, "gateway", "the gravest side effect among the tools called"),
    Fact("guard", "content", Enum("Guard", GUARDS), "gateway", "whether a guard model gave its opinion", since=2),
    Fact("guardHazards", "content", SetOf(HAZARD), "detector", "hazards that it named in the request", since=2),
)
"""Beside these, one Long per hazard and direction, per mille: `pm_<code>` (content) and `pmOut_<code>` (reply)."""

FACT = {fact.name: fact for fact in FACTS}

WORD_SINCE: dict[tuple[str, str], int] = {}
"""(Cedar entity type, word) -> the version in which the word came, where that is not the first.  `Action` stands for
operations; a voice's or a hazard's version is that of every `Voiced` word with it."""

VERSION = max([fact.since for fact in FACTS] + list(WORD_SINCE.values()))
"""The version of the vocabulary that this file holds: the newest of its facts and words."""


def word_since(kind: str, word: str) -> int:
    """The version in which a word of a closed list came; 1 for words that the terms give."""
    if kind == VOICED.name:
        voice, _, code = word.partition(":")
        return max(WORD_SINCE.get(("Voice", voice), 1), WORD_SINCE.get((HAZARD.name, code), 1))
    return WORD_SINCE.get((kind, word), 1)


def known_at(version: int, kind: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a list's words that a version of the vocabulary has, in their order."""
    return tuple(word for word in words if word_since(kind, word) <= version)


def per_mille_name(code: str, *, out: bool = False) -> str:
    """The attribute that carries a hazard's score: `pm_x_sur`, `pmOut_x_sur`."""
    return f"{'pmOut' if out else 'pm'}_{code}"
