"""Terms are read whole or refused with the line that has to change."""

import json

import pytest
from tests.making import ANYTHING, clause, document, draft

from caveat.errors import BadInput
from caveat.terms.document import Duty
from caveat.terms.parse import parse_terms
from caveat.vocabulary import HAZARDS

YAML = """caveat_terms: 1
id: trial
version: 2
title: {en: Trial, fr: Essai}
parties: {vendor: {name: Labs}, operator: {name: Ministry}}
languages: [en, fr]
valid: {from: 2026-01-01, until: 2026-12-31}
models: [{alias: small, identity: any}]
purposes: [drafting, analysis]
tools: [{name: search, kind: retrieval, side_effect: read}]
thresholds: {default: 500, x_sur: 300}
guard: {stride: 128, window: 1024}
notice: {en: Made by a machine., fr: Fait par une machine.}
clauses:
- id: office.work
  title: {en: Office, fr: Bureau}
  says: {en: Yes., fr: Oui.}
  effect: permit
  when: '[Purpose::"drafting"].contains(context.purpose) && context.labelRank <= 4'
  fields: [/metadata]
- id: no.watching
  title: No watching
  says: Nobody is watched.
  effect: forbid
  when: |
    context.hazardsIn.contains(Hazard::"x_sur")
  waivable: true
- id: kept.up
  title: {en: Kept, fr: Gardé}
  says: {en: Kept., fr: Gardé.}
  effect: oblige
  when: "true"
  duties: [log.full, limit.tokens: 512]
- id: good.faith
  title: {en: Faith, fr: Foi}
  says: {en: In good faith., fr: De bonne foi.}
  effect: oblige
  promised: true
"""


def test_a_whole_document():
    draft = parse_terms(YAML.encode(), ("NOFORN",))
    assert draft.name == "trial@2"
    assert (draft.valid_from_ms, draft.valid_until_ms) == (1767225600000, 1798761600000)
    assert draft.thresholds == {code: 300 if code == "x_sur" else 500 for code in HAZARDS}
    assert (draft.stride, draft.window, draft.markings) == (128, 1024, "civil")
    assert [(c.id, c.kind, c.line) for c in draft.clauses] == [
        ("office.work", "recorded", 15),
        ("no.watching", "enforced", 21),
        ("kept.up", "enforced", 28),
        ("good.faith", "promised", 34),
    ]
    assert draft.clause("no.watching").says == {"en": "Nobody is watched."}
    assert draft.clause("kept.up").duties == (Duty("log.full"), Duty("limit.tokens", 512))
    assert draft.yaml == YAML.encode()


CHANGES = {
    "typo in a word": ('Hazard::"x_sur"', 'Hazard::"x_srr"', 25, "clause `no.watching`", "did you mean `x_sur`?"),
    "typo in a purpose": ('"drafting"]', '"drafitng"]', 19, 'Purpose::"drafitng"', "did you mean `drafting`?"),
    "typo in a fact": ("context.labelRank", "context.labelrank", 19, "no fact `labelrank`", "`labelRank`"),
    "typo in a list": ("Hazard::", "Hazrd::", 25, "no list `Hazrd`", "`Hazard`"),
    "types that do not fit": ("context.labelRank <= 4", "context.labelRank == context.purpose", 15, "office.work", ""),
    "number where a word stands": ("context.labelRank <= 4", "context.purpose <= 4", 15, "office.work", ""),
    "reply fact in a permit": (
        "context.labelRank <=",
        "context.labelRankOut <=",
        19,
        "a permit cannot rest on",
        "forbid",
    ),
    "arithmetic": ("context.labelRank <= 4", "context.labelRank + 1 <= 4", 19, "arithmetic", ""),
    "unknown key": ("waivable: true", "waiveable: true", 27, "no key `waiveable`", "`waivable`"),
    "one approver of waivers": ("guard: {stride: 128, window: 1024}", "waivers: {approvers: 1}", 12, "`approvers`", ""),
    "three of the vendor": ("guard: {stride: 128, window: 1024}", "waivers: {vendor: 3}", 12, "`vendor`", ""),
    "approvers of a forbid": (
        "  waivable: true",
        "  approvers: 2",
        27,
        "only a hold and a clause with `review.human` have `approvers`",
        "",
    ),
    "unknown top key": ("guard:", "gard:", 12, "no key `gard`", "`guard`"),
    "missing key": ("  effect: forbid\n", "", 21, "`effect` is missing", ""),
    "unknown effect": ("effect: forbid", "effect: forbit", 24, "`forbit` is not one of `permit`, `forbid`", ""),
    "number as a title": (
        "title: No watching",
        "title: 7",
        22,
        "`title`: expected text or a mapping, got an integer",
        "",
    ),
    "word as a version": ("version: 2", "version: two", 3, "`version`: expected an integer, got text", ""),
    "another format": ("caveat_terms: 1", "caveat_terms: 2", 1, "`2` is not one of `1`", ""),
    "version 0": ("version: 2", "version: 0", 3, "`version`", ""),
    "clause id in capitals": ("id: kept.up", "id: Kept.up", 28, "lower-case words", ""),
    "two clauses of one id": ("id: kept.up", "id: no.watching", 28, "a second time", ""),
    "missing translation": (", fr: Oui.", "", 17, "`says` is missing in `fr`", ""),
    "undeclared language": ("fr: Oui.", "fr: Oui., de: Ja.", 17, "`de` is not one of the terms' languages", ""),
    "notice in one language": (
        "notice: {en: Made by a machine., fr: Fait par une machine.}",
        "notice: Made by.",
        13,
        "every",
        "",
    ),
    "no such day": ("until: 2026-12-31", "until: 2026-02-30", 7, "no day `2026-02-30`", ""),
    "not a date": ("until: 2026-12-31", "until: next year", 7, "expected a date", ""),
    "ends before it begins": ("until: 2026-12-31", "until: 2025-12-31", 7, "does not lie after", ""),
    "no such hazard": ("x_sur: 300", "x_sun: 300", 11, "no hazard `x_sun`", "`x_sur`"),
    "threshold too high": ("x_sur: 300", "x_sur: 3000", 11, "<= 1000", ""),
    "no default threshold": ("default: 500, ", "", 11, "missing its `default`", ""),
    "no such duty": ("log.full", "log.fully", 33, "no duty `log.fully`", "`log.full`"),
    "duty without its count": ("limit.tokens: 512", "limit.tokens", 33, "needs a count", ""),
    "duty with a value it has not": ("[log.full,", "[log.full: 3,", 33, "has no value", ""),
    "no such source type": ("log.full", "label.output: human", 33, "no source type", ""),
    "duties on a forbid": ("  waivable: true", "  duties: [log.full]", 27, "only a permit and an oblige", ""),
    "oblige without duties": ("  duties: [log.full, limit.tokens: 512]\n", "", 28, "at least one", ""),
    "fields on a forbid": ("  waivable: true", "  fields: [/x]", 27, "only a permit clause lets", ""),
    "waivable permit": ("  fields: [/metadata]", "  waivable: true", 20, "can be waived", ""),
    "no condition": ('  when: "true"\n', "", 28, "it has no `when`", "promised: true"),
    "promised with a condition": ('  when: "true"', '  when: "true"\n  promised: true', 33, "not only promised", ""),
    "pointer without slash": ("[/metadata]", "[metadata]", 20, "JSON pointer", ""),
    "no such tool kind": ("kind: retrieval", "kind: retriever", 10, "no kind `retriever`", "`retrieval`"),
    "no such side effect": ("side_effect: read", "side_effect: reads", 10, "no side_effect `reads`", "`read`"),
    "a tool called unlisted": ("kind: retrieval", "kind: unlisted", 10, "no kind `unlisted`", ""),
    "identity without a digest": ("identity: any", "identity: weights", 8, "expected `weights:sha256:<hex>`", ""),
    "window under stride": ("stride: 128, window: 1024", "stride: 128, window: 100", 12, "shorter than", ""),
    "stride too long": ("stride: 128", "stride: 512", 12, "<= 256", ""),
    "purpose twice": ("[drafting, analysis]", "[drafting, drafting]", 9, "a second time", ""),
    "purpose in capitals": ("[drafting, analysis]", "[Drafting, analysis]", 9, "a word in lower case", ""),
    "no models": ("[{alias: small, identity: any}]", "[]", 8, "`models`", ""),
    "second policy smuggled in": (
        'context.hazardsIn.contains(Hazard::"x_sur")',
        "true }; permit (principal, action, resource) when { true",
        25,
        "more than one policy",
        "",
    ),
    "unless smuggled in": (
        'context.hazardsIn.contains(Hazard::"x_sur")',
        "true } unless { true",
        25,
        "more than one `when`",
        "",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_wrong_thing_is_named_with_its_line(name):
    old, new, line, message, hint = CHANGES[name]
    assert YAML.count(old) >= 1
    with pytest.raises(BadInput) as caught:
        parse_terms(YAML.replace(old, new, 1).encode(), ("NOFORN",))
    assert caught.value.message.startswith(f"line {line}: ")
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("value", ["nothing", [1, 2], {}, None, 7])
def test_what_is_no_terms_document_at_all(value):
    with pytest.raises(BadInput):
        parse_terms(json.dumps(value).encode())


def test_a_notice_is_needed_where_text_must_be_labelled():
    labelled = clause("label", "oblige", "true", duties=["label.output"])
    with pytest.raises(BadInput, match="needs a `notice`"):
        parse_terms(document(ANYTHING, labelled, notice=None))
    assert draft(ANYTHING, notice=None).notice == {}


def test_a_bare_until_date_is_valid_to_its_last_moment():
    day = draft(ANYTHING, valid={"from": "2026-06-01", "until": "2026-06-01"})
    hour = draft(ANYTHING, valid={"from": "2026-06-01T00:00:00Z", "until": "2026-06-01T01:00:00Z"})
    assert day.valid_until_ms - day.valid_from_ms == 86_400_000
    assert hour.valid_until_ms - hour.valid_from_ms == 3_600_000


def test_who_approves_exceptions_is_two_persons_unless_the_terms_say_more():
    assert (draft(ANYTHING).waivers.approvers, draft(ANYTHING).waivers.vendor) == (2, 0)
    strict = draft(
        ANYTHING, clause("wait", "hold", "context.streaming", approvers=2), waivers={"approvers": 3, "vendor": 1}
    )
    assert (strict.waivers.approvers, strict.waivers.vendor) == (3, 1)
    assert [clause.approvers for clause in strict.clauses] == [1, 2]
