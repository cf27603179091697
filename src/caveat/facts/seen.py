"""What findings add up to, whichever text they are about.

Rule of this file: a finding that fits no fact is a bug of its recognizer and raises; none is ever dropped.
"""

from collections.abc import Iterable, Sequence

from caveat.recognize.finding import Finding
from caveat.recognize.markings import Marking, load_profile
from caveat.recognize.personal import SPECIAL
from caveat.terms.document import Draft
from caveat.vocabulary import HAZARDS, HIDDEN, PERSONAL


class Seen:
    """What findings add up to, whichever text they are about."""

    def __init__(self) -> None:
        self.pm: dict[str, int] = {}
        self.hazards: list[Finding] = []
        self.markings: list[Marking] = []
        self.personal = PERSONAL[0]
        self.secrets = False
        self.hidden: set[str] = set()
        self.uncovered = False


def seen_in(findings: Iterable[Finding], draft: Draft) -> Seen:
    seen = Seen()
    for finding in findings:
        group, _, what = finding.category.partition(".")
        if finding.category in HAZARDS:
            seen.hazards.append(finding)
            seen.pm[finding.category] = max(seen.pm.get(finding.category, 0), finding.per_mille)
        elif group == "marking":
            seen.markings.append(load_profile(draft.markings).parse(finding.value))
        elif group == "personal":
            seen.personal = gravest(
                PERSONAL, (seen.personal, "special-category" if finding.category in SPECIAL else "personal")
            )
        elif group == "secret":
            seen.secrets = True
        elif group == "hidden" and what in HIDDEN:
            seen.hidden.add(what)
        elif finding.category == "language.uncovered":
            seen.uncovered = True
        else:
            raise ValueError(f"no fact holds the category {finding.category} of {finding.recognizer}")
    seen.pm = {code: seen.pm[code] for code in sorted(seen.pm) if seen.pm[code]}
    return seen


def over(pm: dict[str, int], draft: Draft) -> tuple[str, ...]:
    """Hazards that were seen at or over the terms' thresholds."""
    return tuple(sorted([code for code, score in pm.items() if score >= draft.thresholds[code]])) if pm else ()


def gravest(order: Sequence[str], words: Iterable[str]) -> str:
    """The word that comes last in an order that begins with the mildest."""
    return max(words, key=order.index, default=order[0])


def in_order(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))
