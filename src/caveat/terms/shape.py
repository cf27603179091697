"""The shape of a terms document: what keys there are and what each may hold.

    caveat_terms: 1
    id: institutional-use
    version: 1
    title: {en: Institutional use, fr: Usage institutionnel}
    parties: {vendor: {name: Example Labs}, operator: {name: Example Ministry}}
    languages: [en, fr]
    valid: {from: 2026-01-01, until: 2026-12-31}
    models: [{alias: small, identity: any}]
    purposes: [drafting, summarisation]
    thresholds: {default: 500}
    clauses: [...]

Key by key in docs/terms.md.  Unknown keys are refused, so nothing that a party wrote is dropped in silence.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from caveat.errors import BadInput
from caveat.terms.condition import nearest
from caveat.terms.document import Effect
from caveat.terms.shape_base import (
    ClauseId,
    Language,
    Line,
    PerMille,
    Pointer,
    Sample,
    Sentence,
    Shape,
    Translated,
    Word,
)
from caveat.terms.shape_challenges import ChallengesShape
from caveat.terms.shape_lease import ContinuityShape, LeaseShape, WindDownShape
from caveat.terms.shape_recognizer import RatesShape, RecognizerShape
from caveat.terms.shape_seals import SealShape
from caveat.terms.source import Source, at, path_of
from caveat.vocabulary import CLAUSE_EFFECTS, SIDE_EFFECTS, TOOL_KINDS


class PartyShape(Shape, frozen=True):
    """A party by name."""

    name: Line


class PartiesShape(Shape, frozen=True):
    """Who supplies the model and who runs it."""

    vendor: PartyShape
    operator: PartyShape


class ValidShape(Shape, frozen=True):
    """Dates (`2026-12-31`, the whole day in UTC) or RFC 3339 times in UTC (`2026-12-31T18:00:00Z`)."""

    until: str
    from_: str = field(name="from")


class ModelShape(Shape, frozen=True):
    """An alias, and `weights:sha256:<hex>`, `endpoint:sha256:<hex>+<name>` or `any`."""

    alias: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", max_length=120)]
    identity: Annotated[
        str, Meta(pattern=r"^(any|weights:sha256:[0-9a-f]{64}|endpoint:sha256:[0-9a-f]{64}\+[^\s+]+)$", max_length=300)
    ]


class ToolShape(Shape, frozen=True):
    """A tool by name pattern (`*` is any run of characters)."""

    name: Line
    kind: str
    side_effect: str


class GuardShape(Shape, frozen=True):
    """How a reply is read: every `stride` characters over the last `window`."""

    stride: Annotated[int, Meta(ge=1, le=256)] = 256
    window: Annotated[int, Meta(ge=1, le=65_536)] = 2048


class WaiversShape(Shape, frozen=True):
    """Who must approve a waiver: so many persons, of them so many from the vendor's side."""

    approvers: Annotated[int, Meta(ge=2, le=8)] = 2
    vendor: Annotated[int, Meta(ge=0, le=1)] = 0


class ProbeShape(Shape, frozen=True):
    """A text or a whole call that trips the clause, and one that passes."""

    trips: Sample
    passes: Sample


class ClauseShape(Shape, frozen=True):
    """One clause as it is written."""

    id: ClauseId
    title: Translated
    says: Translated
    effect: Effect
    when: Sentence | None = None
    promised: bool = False
    waivable: bool = False
    approvers: Annotated[int, Meta(ge=1, le=8)] | None = None
    duties: tuple[str | dict[str, str | int], ...] = ()
    fields: tuple[Pointer, ...] = ()
    basis: tuple[Line, ...] = ()
    probe: ProbeShape | None = None


class TermsShape(Shape, frozen=True):
    """The whole document."""

    caveat_terms: Literal[1]
    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
    version: Annotated[int, Meta(ge=1, le=2**31)]
    title: Translated
    parties: PartiesShape
    languages: Annotated[tuple[Language, ...], Meta(min_length=1)]
    valid: ValidShape
    models: Annotated[tuple[ModelShape, ...], Meta(min_length=1)]
    purposes: Annotated[tuple[Word, ...], Meta(min_length=1)]
    thresholds: dict[str, PerMille]
    clauses: Annotated[tuple[ClauseShape, ...], Meta(min_length=1)]
    tools: tuple[ToolShape, ...] = ()
    markings: Word = "civil"
    notice: Translated | None = None
    guard: GuardShape = GuardShape()
    waivers: WaiversShape = WaiversShape()
    recognizer: RecognizerShape | None = None
    lease: LeaseShape | None = None
    continuity: ContinuityShape | None = None
    wind_down: WindDownShape | None = None
    challenges: ChallengesShape | None = None
    seals: tuple[SealShape, ...] = ()


LISTS: dict[str, Sequence[str]] = {
    "effect": CLAUSE_EFFECTS,
    "kind": TOOL_KINDS,
    "side_effect": SIDE_EFFECTS,
    "after": ("lapse", "revocation"),
}
PATTERNS = {
    "id": "an id: lower-case words joined by dots",
    "alias": "an alias: letters, digits and `._:/@-`",
    "identity": "`weights:sha256:<hex>`, `endpoint:sha256:<hex>+<name>` or `any`",
    "purposes": "a word in lower case",
    "fields": "a JSON pointer, with `*` for any one step",
    "languages": "a language tag, such as `en`",
    "weights": "`sha256:<hex>`, the digest of the weights' file",
}
KINDS = {
    "str": "text",
    "int": "an integer",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def read_shape(source: Source) -> TermsShape:
    """The document's values, typed.  Raises BadInput naming the line."""
    try:
        return msgspec.convert(source.value, TermsShape)
    except msgspec.ValidationError as error:
        raise _explained(str(error), source) from None


def _explained(text: str, source: Source) -> BadInput:
    """msgspec's sentence in our words, with the line of the place that it names."""
    what, _, where = text.partition(" - at ")
    path = path_of(where)
    quoted = re.findall(r"`([^`]*)`", what)
    if "unknown field" in what:
        return at(source.line(*path, quoted[0]), f"there is no key `{quoted[0]}` here", hint=_near_key(quoted[0]))
    line = source.line(*path)
    if "missing required field" in what:
        return at(line, f"the key `{quoted[0]}` is missing")
    name = next((step for step in reversed(path) if isinstance(step, str)), "the document")
    if "enum value" in what:
        got = what.split(" ", 3)[3].strip("'")
        return at(line, f"`{got}` is not one of {', '.join(f'`{v}`' for v in LISTS.get(name, ('1',)))}")
    if "matching regex" in what:
        return at(line, f"`{name}`: expected {PATTERNS.get(name, 'a word of another form')}")
    plain = re.sub(r"`([^`]*)`", lambda found: _plain(found[1]), what)
    return at(line, f"`{name}`: {plain[:1].lower()}{plain[1:]}")


def _plain(types: str) -> str:
    """`str | null` as people say it; what is no type stays in back-ticks."""
    words = types.split(" | ")
    return " or ".join(KINDS[word] for word in words) if all(word in KINDS for word in words) else f"`{types}`"


def _near_key(key: str) -> str:
    every = [PartiesShape, ValidShape, ModelShape, ToolShape, GuardShape, WaiversShape, ProbeShape, ClauseShape]
    every += [RecognizerShape, RatesShape, LeaseShape, ContinuityShape, WindDownShape, ChallengesShape, SealShape]
    every.append(TermsShape)
    return nearest(key, tuple(sorted({name for shape in every for name in shape.__struct_encode_fields__})))
