"""A decision in sentences: what was decided, which clauses said so, and what can be done about it.

Rules of this file: clauses are quoted in the words that both parties signed; no sentence holds anything of the call's
content; every sentence of ours exists in English and French, and a reader of another language gets the clause in that
language where the terms have it, ours in English.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from caveat.decide.decision import Decision, Rule
from caveat.decide.phrases import PHRASES, Phrase
from caveat.facts import Facts
from caveat.terms.compile import duty_text
from caveat.terms.document import Clause, Terms, Text
from caveat.wire.reply import Halt

CODES: dict[Rule, str] = {
    "forbid": "terms_denied",
    "no-permit": "terms_denied",
    "hold": "approval_required",
    "unreadable": "unreadable",
    "duty": "duty_unavailable",
    "error": "decision_error",
    "lapsed": "terms_lapsed",
}
"""Codes of the closed list in gateway/problems."""
_MOST_READ = 1000
"""Characters of an `Accept-Language` header; what follows counts for nothing."""
RANGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*")


def refusal(decision: Decision, terms: Terms, language: str) -> Halt:
    """What the caller is told of a decision that is not an allow: the first clause's sentence, its id, the way on."""
    phrase = _phrases(language)
    clause = _foremost(decision, terms)
    parts = [phrase["refused_" + decision.rule].format(terms=terms.draft.name, duties=_duties(decision))]
    if clause is not None:
        parts.append(phrase["quoted"].format(says=_in(clause.says, language), id=clause.id))
        more = [id_ for id_ in decision.clauses if id_ != clause.id]
        if more:
            parts.append(phrase["also"].format(ids=_listed(more)))
    if decision.rule == "no-permit":
        parts.append(phrase["permits"].format(ids=_listed(decision.unmet)) if decision.unmet else phrase["no_permits"])
    if clause is not None and decision.rule in ("forbid", "hold"):
        parts.append(phrase["waivable" if clause.waivable else "never_waivable"].format(id=clause.id))
    return Halt(CODES[decision.rule], "; ".join(parts), clause.id if clause else "")


def leave_out(language: str) -> str:
    """What whoever sent something that the gateway does not read can do."""
    return _phrases(language)["leave_out"]


def held(hold: str, language: str) -> str:
    """Where a held call waits, and how it is sent again once persons have approved it."""
    return _phrases(language)["waits"].format(hold=hold)


def kept(terms: Terms, clauses: Sequence[str], hold: str, language: str) -> Halt:
    """What the caller is told of a reply that waits until persons release it: `clauses` say so, at least one."""
    phrase = _phrases(language)
    clause, *more = (terms.draft.clause(id_) for id_ in clauses)
    parts = [phrase["refused_review"].format(terms=terms.draft.name)]
    parts.append(phrase["quoted"].format(says=_in(clause.says, language), id=clause.id))
    parts += [phrase["also"].format(ids=_listed([one.id for one in more]))] if more else []
    return Halt("approval_required", "; ".join([*parts, held(hold, language)]), clause.id)


def explain(decision: Decision, terms: Terms, language: str, facts: Facts | None = None) -> list[str]:
    """Sentences for a person who asks why: the outcome, each clause that held, waivers, duties, what was missing."""
    phrase = _phrases(language)
    sentences = [phrase["outcome_" + decision.rule].format(terms=terms.draft.name)]
    if facts is not None:
        sentences.append(_about(facts, phrase))
    waived = dict(decision.waived)
    for id_ in decision.held:
        clause = terms.draft.clause(id_)
        key = _lifted_by(waived[id_]) if id_ in waived else "held_" + clause.effect
        sentences.append(
            phrase[key].format(
                id=id_, title=_in(clause.title, language), says=_in(clause.says, language), waiver=waived.get(id_, "")
            )
        )
    sentences += _missing(decision, terms, language, phrase)
    if decision.duties:
        owed = phrase["duties" if decision.verdict == "allow" else "duties_unmet"]
        sentences.append(owed.format(duties=_duties(decision)))
    for id_, what in decision.errors:
        sentences.append(phrase["error"].format(id=id_ or "?", what=what))
    return sentences


def best_language(accept_language: str, key_language: str, languages: Sequence[str]) -> str:
    """The terms' language that suits the reader: what the request accepts, else the key's, else the first.

    `Accept-Language` as RFC 9110 section 12.5.4 has it, looked up as RFC 4647 section 3.4; what does not parse counts
    for nothing.
    """
    return _best(accept_language[:_MOST_READ], key_language, tuple(languages))


@lru_cache(maxsize=256)
def _best(accept_language: str, key_language: str, languages: tuple[str, ...]) -> str:
    for wanted in (*_accepted(accept_language), key_language):
        found = _lookup(wanted, languages)
        if found:
            return found
    return languages[0]


def _accepted(header: str) -> list[str]:
    """Language ranges with q over 0, best first, the header's order where equal."""
    ranges: list[tuple[float, str]] = []
    for piece in header.split(","):
        match = RANGE.fullmatch(piece)
        quality = float(match[2] or 1) if match else 0.0
        if match and quality > 0:
            ranges.append((quality, match[1]))
    return [tag for _, tag in sorted(ranges, key=lambda pair: -pair[0])]


def _lookup(wanted: str, languages: Sequence[str]) -> str:
    """The language that equals the range, cut from the right until one does; one of the same primary language else."""
    if not wanted or wanted == "*":
        return ""
    by_tag = {language.lower(): language for language in languages}
    tag = wanted.lower()
    while tag:
        if tag in by_tag:
            return by_tag[tag]
        tag = tag.rpartition("-")[0]
    primary = wanted.lower().partition("-")[0]
    return next((language for language in languages if language.lower().partition("-")[0] == primary), "")


def _lifted_by(id_: str) -> str:
    return "waived" if id_.startswith("w-") else "approved"


def _phrases(language: str) -> Phrase:
    return PHRASES.get(language.lower().partition("-")[0], PHRASES["en"])


def _in(text: Text, language: str) -> str:
    return text.get(language) or next(iter(text.values()))


def _foremost(decision: Decision, terms: Terms) -> Clause | None:
    """The clause to quote: one that can never be waived before others, then the order of the document."""
    if decision.rule not in ("forbid", "hold"):
        return None
    live = [clause for clause in terms.draft.clauses if clause.id in decision.clauses]
    return min(live, key=lambda clause: clause.waivable, default=None)


def _about(facts: Facts, phrase: Phrase) -> str:
    hazards = _listed(sorted({*facts.hazards_in, *facts.hazards_out})) or phrase["nothing"]
    return phrase["about"].format(
        caller=facts.caller,
        operation=facts.operation,
        model=facts.model,
        purpose=facts.purpose,
        rank=facts.label_rank,
        source=facts.label_source,
        hazards=hazards,
        detector=facts.detector,
    )


def _missing(decision: Decision, terms: Terms, language: str, phrase: Phrase) -> list[str]:
    """For a default deny: each permit that did not hold."""
    found = []
    for id_ in decision.unmet:
        clause = terms.draft.clause(id_)
        found.append(phrase["unmet"].format(id=id_, title=_in(clause.title, language), says=_in(clause.says, language)))
    return found


def _duties(decision: Decision) -> str:
    return _listed([duty_text(duty) for duty in decision.duties])


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
