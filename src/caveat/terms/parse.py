"""YAML to Draft: terms read, checked and compiled, or refused with the line that has to change.

Rules of this file: nothing that a party wrote is dropped or guessed; every closed list is closed; a clause without a
condition must say that it is only promised; every sentence exists in every language that the terms declare, or is plain
text in the first one.
"""

import re
from collections.abc import Callable, Sequence

from caveat.errors import BadInput
from caveat.terms.cedar_schema import Lists, version_of
from caveat.terms.compile import check_condition, compile_clauses, kind_of
from caveat.terms.condition import nearest, read_condition
from caveat.terms.document import Clause, Draft, Duty, Kind, Model, Party, Probe, Text, ToolRule, WaiverRule
from caveat.terms.moment import moment_ms
from caveat.terms.shape import ClauseShape, TermsShape, read_shape
from caveat.terms.shape_challenges import promised
from caveat.terms.shape_lease import continuity_of, lease_of
from caveat.terms.shape_recognizer import agreed
from caveat.terms.shape_seals import read_seals
from caveat.terms.source import Source, at, read_source
from caveat.vocabulary import (
    DUTIES,
    HAZARD,
    HAZARDS,
    PER_MILLE,
    SIDE_EFFECT,
    SIDE_EFFECTS,
    TOOL_KIND,
    TOOL_KINDS,
    known_at,
)

REDACTED = re.compile(r"(personal|secret)(\.[a-z0-9-]+)?")
"""What `redact.output` may name: all of a kind of finding, or one category."""
COUNTED = frozenset({"limit.tokens", "retain.days"})
"""Duties whose value is a count >= 1."""
SOURCES = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "humanEdits")
"""Values of label.output: IPTC digital source types that fit text (cv.iptc.org/newscodes/digitalsourcetype)."""
UNREACHED = PER_MILLE.high + 1

Path = tuple[str | int, ...]


def parse_terms(yaml: bytes, caveats: Sequence[str] = ()) -> Draft:
    """The terms in one YAML document.  `caveats` are the words of its marking profile.

    Raises BadInput whose message begins with the line.
    """
    source = read_source(yaml)
    shape = read_shape(source)
    _check_unique(shape, source)
    lists = Lists(
        purposes=shape.purposes,
        caveats=tuple(sorted(set(caveats))),
        fields=tuple(sorted({pointer for clause in shape.clauses for pointer in clause.fields})),
        models=tuple(model.alias for model in shape.models),
    )
    clauses = tuple(_clause(shape, source, lists, n) for n in range(len(shape.clauses)))
    compiled = compile_clauses(clauses, lists, _vocabulary(shape, clauses))
    valid_from, valid_until = _valid(shape, source)
    lease = lease_of(shape.lease, source)
    return Draft(
        id=shape.id,
        version=shape.version,
        title=_text(shape.title, shape, source, ("title",)),
        vendor=Party("vendor", shape.parties.vendor.name),
        operator=Party("operator", shape.parties.operator.name),
        languages=shape.languages,
        valid_from_ms=valid_from,
        valid_until_ms=valid_until,
        models=tuple(Model(m.alias, m.identity) for m in shape.models),
        purposes=shape.purposes,
        tools=_tools(shape, source),
        markings=shape.markings,
        thresholds=_thresholds(shape, source, compiled.vocabulary),
        notice=_notice(shape, source),
        stride=shape.guard.stride,
        window=_window(shape, source),
        clauses=clauses,
        cedar=compiled.cedar,
        schema=compiled.schema,
        yaml=yaml,
        waivers=WaiverRule(shape.waivers.approvers, shape.waivers.vendor),
        recognizer=agreed(shape.recognizer, source),
        challenges=promised(shape.challenges),
        seals=read_seals(shape.seals, tuple(m.alias for m in shape.models), source),
        vocabulary=compiled.vocabulary,
        lease=lease,
        continuity=continuity_of(shape.continuity, lease, shape.purposes, source),
        cut_after_s=None if shape.wind_down is None else shape.wind_down.cut_after_s,
    )


def _vocabulary(shape: TermsShape, clauses: Sequence[Clause]) -> int:
    """The oldest version of the vocabulary that has every fact and word that the document names."""
    conditions = [read_condition(clause.when) for clause in clauses if clause.when is not None]
    reads = {name for condition in conditions for name in condition.reads}
    named = {pair for condition in conditions for pair in condition.named}
    named |= {(TOOL_KIND.name, tool.kind) for tool in shape.tools}
    named |= {(SIDE_EFFECT.name, tool.side_effect) for tool in shape.tools}
    named |= {(HAZARD.name, code) for code in shape.thresholds}
    return version_of(reads, named)


def _check_unique(shape: TermsShape, source: Source) -> None:
    lists: dict[str, tuple[Sequence[str], Callable[[int], Path]]] = {
        "clause": ([c.id for c in shape.clauses], lambda n: ("clauses", n, "id")),
        "model": ([m.alias for m in shape.models], lambda n: ("models", n)),
        "purpose": (shape.purposes, lambda n: ("purposes", n)),
        "tool": ([t.name for t in shape.tools], lambda n: ("tools", n)),
        "language": (shape.languages, lambda n: ("languages", n)),
    }
    for what, (names, path) in lists.items():
        for n, name in enumerate(names):
            if name in names[:n]:
                raise at(source.line(*path(n)), f"the {what} `{name}` stands here a second time")


def _text(value: str | dict[str, str], shape: TermsShape, source: Source, path: Path) -> Text:
    """In the order of the terms' languages."""
    if isinstance(value, str):
        return {shape.languages[0]: value.strip()}
    for language in value:
        if language not in shape.languages:
            raise at(source.line(*path, language), f"`{language}` is not one of the terms' languages")
    for language in shape.languages:
        if language not in value:
            raise at(source.line(*path), f"`{path[-1]}` is missing in `{language}`")
    return {language: value[language].strip() for language in shape.languages}


def _clause(shape: TermsShape, source: Source, lists: Lists, n: int) -> Clause:
    written = shape.clauses[n]
    path: Path = ("clauses", n)
    _check_clause(written, source, path)
    return Clause(
        id=written.id,
        title=_text(written.title, shape, source, (*path, "title")),
        says=_text(written.says, shape, source, (*path, "says")),
        effect=written.effect,
        kind=_kind(written, source, lists, path),
        when=None if written.when is None else written.when.strip(),
        waivable=written.waivable,
        duties=tuple(_duty(duty, source.line(*path, "duties", i)) for i, duty in enumerate(written.duties)),
        fields=written.fields,
        basis=written.basis,
        probe=None if written.probe is None else Probe(written.probe.trips, written.probe.passes),
        line=source.line(*path),
        approvers=written.approvers or 1,
    )


def _kind(written: ClauseShape, source: Source, lists: Lists, path: Path) -> Kind:
    if written.when is None:
        return "promised"
    line = source.line(*path, "when")
    condition = check_condition(written.when, written.effect, lists, clause=written.id, line=line)
    return kind_of(condition)


def _check_clause(written: ClauseShape, source: Source, path: Path) -> None:
    """What one clause's keys must be to one another."""
    line = source.line(*path)
    start = f"clause `{written.id}`: "
    if written.promised and written.when is not None:
        raise at(source.line(*path, "promised"), f"{start}it has a condition, so it is not only promised")
    if written.when is None and not written.promised:
        raise at(line, f"{start}it has no `when`", hint="say `promised: true` if no machine is to check it")
    if written.promised and (written.probe or written.fields):
        raise at(line, f"{start}what is only promised has no `probe` and no `fields`")
    if written.duties and written.effect not in ("permit", "oblige"):
        raise at(source.line(*path, "duties"), f"{start}only a permit and an oblige clause have duties")
    if written.effect == "oblige" and not written.duties and not written.promised:
        raise at(line, f"{start}an oblige clause names at least one of its `duties`")
    if written.fields and written.effect != "permit":
        raise at(source.line(*path, "fields"), f"{start}only a permit clause lets `fields` pass")
    if written.approvers is not None and written.effect != "hold" and "review.human" not in written.duties:
        raise at(
            source.line(*path, "approvers"), f"{start}only a hold and a clause with `review.human` have `approvers`"
        )
    if written.waivable and written.effect in ("permit", "oblige"):
        raise at(source.line(*path, "waivable"), f"{start}only a forbid and a hold clause can be waived")


def _duty(written: str | dict[str, str | int], line: int) -> Duty:
    pairs = [(written, "")] if isinstance(written, str) else list(written.items())
    if len(pairs) != 1:
        raise at(line, "expected one duty, `name` or `name: value`")
    name, value = pairs[0]
    if name not in DUTIES:
        raise at(line, f"there is no duty `{name}`", hint=nearest(name, DUTIES))
    if name in COUNTED:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
            raise at(line, f"the duty `{name}` needs a count, such as `{name}: 512`")
    elif name == "label.output":
        if value not in ("", *SOURCES):
            raise at(line, f"`{value}` is no source type of machine-made text", hint=f"one of {', '.join(SOURCES)}")
    elif name == "redact.output":
        if value != "" and not (isinstance(value, str) and REDACTED.fullmatch(value)):
            raise at(line, f"`{value}` names nothing that can be masked", hint="such as `personal`, `secret.password`")
    elif value != "":
        raise at(line, f"the duty `{name}` has no value")
    return Duty(name, value)


def _valid(shape: TermsShape, source: Source) -> tuple[int, int]:
    start = _ms(shape.valid.from_, source.line("valid", "from"))
    until = _ms(shape.valid.until, source.line("valid", "until"), whole_day=True)
    if until <= start:
        raise at(source.line("valid"), "`until` does not lie after `from`")
    return start, until


def _ms(text: str, line: int, *, whole_day: bool = False) -> int:
    try:
        return moment_ms(text, whole_day=whole_day)
    except BadInput as error:
        raise at(line, error.message) from None


def _tools(shape: TermsShape, source: Source) -> tuple[ToolRule, ...]:
    kinds = tuple(kind for kind in TOOL_KINDS if kind != "unlisted")
    for n, tool in enumerate(shape.tools):
        for key, value, values in (("kind", tool.kind, kinds), ("side_effect", tool.side_effect, SIDE_EFFECTS)):
            if value not in values:
                hint = nearest(value, values) or f"one of {', '.join(values)}"
                raise at(source.line("tools", n, key), f"there is no {key} `{value}`", hint=hint)
    return tuple(ToolRule(t.name, t.kind, t.side_effect) for t in shape.tools)


def _thresholds(shape: TermsShape, source: Source, version: int) -> dict[str, int]:
    """Every hazard's, in the vocabulary's order; no score reaches that of a hazard which came after these terms."""
    for code in shape.thresholds:
        if code not in (*HAZARDS, "default"):
            raise at(source.line("thresholds", code), f"there is no hazard `{code}`", hint=nearest(code, HAZARDS))
    default = shape.thresholds.get("default")
    if default is None:
        raise at(source.line("thresholds"), "`thresholds` is missing its `default`")
    known = known_at(version, HAZARD.name, HAZARDS)
    return {code: shape.thresholds.get(code, default) if code in known else UNREACHED for code in HAZARDS}


def _notice(shape: TermsShape, source: Source) -> Text:
    if isinstance(shape.notice, str) and len(shape.languages) > 1:
        raise at(source.line("notice"), "the `notice` is needed in every language of the terms")
    if shape.notice is not None:
        return _text(shape.notice, shape, source, ("notice",))
    for n, clause in enumerate(shape.clauses):
        for duty in clause.duties:
            if duty == "label.output" or (isinstance(duty, dict) and "label.output" in duty):
                raise at(source.line("clauses", n, "duties"), "`label.output` needs a `notice` at the top of the terms")
    return {}


def _window(shape: TermsShape, source: Source) -> int:
    if shape.guard.window < shape.guard.stride:
        raise at(source.line("guard"), "the guard's `window` is shorter than its `stride`")
    return shape.guard.window
