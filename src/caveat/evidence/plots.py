"""Plots as SVG text: bars with their numbers, no script, nothing told by colour alone (the page has a table beside each).

Rule of this file: what goes in is numbers and days that we wrote ourselves; no word of a bundle comes here.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from caveat.sentences.said import grouped, phrase, said

ENDINGS: Final[Mapping[str, str]] = {
    "completed": "#3f8f67",
    "denied": "#b4472f",
    "held": "#c08a1e",
    "stopped": "#8c3b6e",
    "withheld": "#d9b25f",
    "broken": "#6b6b6b",
    "aborted": "#9a9a9a",
    "unknown": "#c2c2c2",
    "unreadable": "#4d4d4d",
}
"""How calls end, in the order in which bars are stacked, each with its colour on paper (report.css has those of a dark screen)."""

WIDTH, HEIGHT, FOOT, SIDE = 720, 200, 26, 44


def day_plot(days: Sequence[tuple[str, Mapping[str, int]]], language: str = "en") -> str:
    """A bar a day, stacked by how calls ended; "" where there is none."""
    most = max((sum(counts.values()) for _, counts in days), default=0)
    if not most:
        return ""
    step = (WIDTH - SIDE) / len(days)
    bar = max(1.0, min(48.0, step * 0.72))
    parts = [_grid(most, language)]
    for place, (day, counts) in enumerate(days):
        left = SIDE + place * step + (step - bar) / 2
        parts.append(f"<g><title>{day}: {_words(counts, language)}</title>{_stack(left, bar, counts, most)}</g>")
        if place % max(1, -(-len(days) // 10)) == 0:
            parts.append(f'<text x="{left + bar / 2:.1f}" y="{HEIGHT + 18}" text-anchor="middle">{day[5:]}</text>')
    what = phrase("calls by day and ending", language)
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" role="img" aria-label="{what}">'
        + "".join(parts)
        + "</svg>"
    )


def legend(days: Sequence[tuple[str, Mapping[str, int]]], language: str = "en") -> str:
    """The colours that the plot uses, each beside its word."""
    used = [ending for ending in ENDINGS if any(counts.get(ending) for _, counts in days)]
    items = (
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="{ending}" width="10" height="10" fill="{ENDINGS[ending]}"/></svg>'
        f"{said(ending, language)}</li>"
        for ending in used
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _grid(most: int, language: str) -> str:
    lines = []
    for share in (0, 0.5, 1):
        y = HEIGHT - share * (HEIGHT - 14)
        value = round(most * share)
        lines.append(f'<line x1="{SIDE}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{SIDE - 6}" y="{y + 4:.1f}" text-anchor="end">{grouped(f"{value:,}", language)}</text>')
    return "".join(lines)


def _stack(left: float, bar: float, counts: Mapping[str, int], most: int) -> str:
    rects = []
    top = float(HEIGHT)
    for ending, colour in ENDINGS.items():
        high = counts.get(ending, 0) / most * (HEIGHT - 14)
        if high:
            top -= high
            rects.append(
                f'<rect class="{ending}" x="{left:.1f}" y="{top:.1f}" width="{bar:.1f}" height="{high:.1f}" fill="{colour}"/>'
            )
    return "".join(rects)


def spark(counts: Sequence[int], language: str = "en") -> str:
    """A small row of bars, one a day."""
    most = max(counts, default=0) or 1
    step = 160 / max(1, len(counts))
    rects = "".join(
        f'<rect x="{place * step:.1f}" y="{24 - count / most * 22:.1f}" width="{max(1.0, step * 0.8):.1f}" '
        f'height="{count / most * 22:.1f}"/>'
        for place, count in enumerate(counts)
        if count
    )
    return f'<svg class="spark" viewBox="0 0 160 24" role="img" aria-label="{phrase("by day", language)}">{rects}</svg>'


def _words(counts: Mapping[str, int], language: str) -> str:
    return ", ".join(f"{counts[ending]} {said(ending, language)}" for ending in ENDINGS if counts.get(ending))
