"""Findings of one kind that overlap: the surest of them, over all that they span."""

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from caveat.recognize.finding import Finding


def surest(findings: Iterable[Finding]) -> list[Finding]:
    """Of one recognizer's overlapping findings of one category and value, the surest, over all that they span."""
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (_kind(f), f.start, -f.per_mille)):
        if kept and _kind(kept[-1]) == _kind(finding) and finding.start < kept[-1].end:
            kept[-1] = _both(kept[-1], finding)
        else:
            kept.append(finding)
    return kept


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.category, finding.value, finding.recognizer


def _both(one: Finding, other: Finding) -> Finding:
    end, per_mille = max(one.end, other.end), max(one.per_mille, other.per_mille)
    return msgspec.structs.replace(one, end=end, per_mille=per_mille)


class Covered:
    """Where findings of each kind lie, for asking whether another one adds anything."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._kept: dict[tuple[str, str, str], list[Finding]] = {}
        for finding in surest(findings):
            self._kept.setdefault(_kind(finding), []).append(finding)

    def holds(self, finding: Finding) -> bool:
        """Whether one of its kind, as sure, overlaps it.  Those kept do not overlap each other."""
        kept = self._kept.get(_kind(finding), [])
        before = bisect_left(kept, finding.end, key=lambda f: f.start) - 1
        return before >= 0 and kept[before].end > finding.start and kept[before].per_mille >= finding.per_mille
