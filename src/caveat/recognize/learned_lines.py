"""Many texts at once: what `caveat recognize --jsonl` prints, a line a text."""

from collections.abc import Sequence
from typing import Any

from caveat.recognize.learned import CODES, UNCOVERED, Learned
from caveat.recognize.normalise import Look

TOGETHER = 128
"""Texts whose windows are computed in one go: bounds the memory."""


def recognize_lines(learned: Learned, texts: Sequence[str]) -> list[dict[str, Any]]:
    """`{"categories": {code: per_mille}, "any": per_mille, "language": code, "covered": bool, "recognizer": name}` for
    each text, all its views considered."""
    made: list[dict[str, Any]] = []
    for at in range(0, len(texts), TOGETHER):
        made += _together(learned, texts[at : at + TOGETHER])
    return made


def _together(learned: Learned, texts: Sequence[str]) -> list[dict[str, Any]]:
    looks = [Look(text) for text in texts]
    views = [[view for view in look.views if learned.might(view)] for look in looks]
    seen = iter(learned.look_all([view for some in views for view in some]))
    return [
        _line(learned, look, [s for _ in some for s in next(seen)]) for look, some in zip(looks, views, strict=True)
    ]


def _line(learned: Learned, look: Look, seen: list[Any]) -> dict[str, Any]:
    highest = dict.fromkeys(CODES, 0)
    for one in seen:
        if one.category in highest:
            highest[one.category] = max(highest[one.category], one.per_mille)
    return {
        "any": highest.pop("any"),
        "categories": highest,
        "language": learned.language(look.plain).code,
        "covered": not any(one.category == UNCOVERED for one in seen),
        "recognizer": learned.name,
    }
