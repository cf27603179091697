"""An impact statement as one HTML page that needs nothing but itself: to read, to print, to attach to an offer.

Rules of this file: no script, no style sheet, font or picture from elsewhere; every text that came from a record is
escaped; the plots are SVG bars with their numbers beside them, so nothing is told by colour alone.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Final

from caveat.talks.impact import Counts, Impact

WIDTH: Final = 640
LABEL: Final = 220
ROW: Final = 26
MOST_BARS: Final = 20
COLOURS: Final[Mapping[str, str]] = {
    "allow to deny": "#b3261e",
    "allow to hold": "#b26a00",
    "hold to deny": "#8c3b2e",
    "deny to allow": "#1b7f4d",
    "hold to allow": "#3a9d6e",
    "deny to hold": "#c48a1a",
    "reply allow to deny": "#7a1f4b",
    "reply deny to allow": "#2f6f8f",
    "other duties": "#4a5ba8",
}
OTHER: Final = "#666666"
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;max-width:44rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #ddd;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.85em;overflow-wrap:anywhere}"
    "svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:#1a1a1a}small{color:#555}"
    "i{display:inline-block;width:.8em;height:.8em;margin-right:.3em}@media print{body{margin:0}}"
)


GROUPS: Final = "<p><small>Groups are those that the callers' keys bear on record.</small></p>"


def impact_page(impact: Impact) -> str:
    """The page, HTML5."""
    changed = sum(impact.changed.values())
    parts = [
        f"<h1>What <code>{escape(impact.terms)}</code> would have changed</h1>",
        f"<p>{_lead(impact, changed)}</p>",
        _section("How the calls change", _kinds(impact)),
        _section("By clause", _bars(impact.by_clause)),
        _section("By purpose", _bars(impact.by_purpose)),
        _section("By group of callers", _bars(impact.by_group) and _bars(impact.by_group) + GROUPS),
        _section("By kind of caller", _bars(impact.by_kind)),
        _section("By caller", _bars(impact.by_caller)),
        _section("Calls that cannot be told", _table(("reason", "calls"), impact.cannot.items())),
        _section("Examples", _examples(impact)),
        _foot(impact),
    ]
    title = f"Impact of {escape(impact.terms)}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>\n'
        + "\n".join(filter(None, parts))
        + "\n</body></html>\n"
    )


def _lead(impact: Impact, changed: int) -> str:
    told = (
        f"Of {impact.calls:,} calls recorded from {_day(impact.from_ms)} until {_day(impact.until_ms)}, "
        f"<b>{changed:,}</b> would have gone another way, {impact.same:,} would not, and "
        f"{sum(impact.cannot.values()):,} cannot be told from the record."
    )
    beside = f" Beside them, {impact.refused:,} requests were refused before they became a call."
    return told + (beside if impact.refused else "")


def _foot(impact: Impact) -> str:
    return (
        f"<p><small>The pair's digest of these terms is <code>{escape(impact.digest)}</code>. Decided again from the "
        f"facts on record, with no content, by clauses compiled to a function; {impact.confirmed:,} distinct changed "
        f"decisions were confirmed by <code>{escape(impact.engine)}</code>, none was not.</small></p>"
    )


def _section(title: str, body: str) -> str:
    return f"<h2>{title}</h2>\n{body}" if body else ""


def _kinds(impact: Impact) -> str:
    if not impact.changed:
        return "<p>None changes.</p>"
    rows = "".join(
        f'<tr><td><i style="background:{COLOURS.get(kind, OTHER)}"></i>{escape(kind)}</td>'
        f'<td class="n">{count:,}</td><td class="n">{100 * count / impact.calls:.2f} %</td></tr>'
        for kind, count in impact.changed.items()
    )
    return f"<table><tr><th>from, to</th><th>calls</th><th>of all</th></tr>{rows}</table>"


def _bars(counts: Counts) -> str:
    """One bar for each name, most first, in pieces by kind of change."""
    shown = list(counts.items())[:MOST_BARS]
    if not shown:
        return ""
    most = max(sum(kinds.values()) for _, kinds in shown)
    bars = "".join(_bar(place, name, kinds, most) for place, (name, kinds) in enumerate(shown))
    height = ROW * len(shown)
    more = len(counts) - len(shown)
    rest = f"<p><small>and {more:,} more, in the JSON statement</small></p>" if more else ""
    return f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">{bars}</svg>{rest}'


def _bar(place: int, name: str, kinds: Mapping[str, int], most: int) -> str:
    top, at = place * ROW, float(LABEL)
    scale = (WIDTH - LABEL - 70) / most
    pieces = []
    for kind, count in kinds.items():
        said = f"<title>{escape(name)}: {escape(kind)}, {count:,}</title>"
        colour = COLOURS.get(kind, OTHER)
        wide = max(count * scale, 1)
        pieces.append(f'<rect x="{at:.1f}" y="{top + 4}" width="{wide:.1f}" height="18" fill="{colour}">{said}</rect>')
        at += wide
    label = name if len(name) <= 30 else name[:29] + "…"
    return (
        f'<text x="0" y="{top + 18}">{escape(label)}</text>{"".join(pieces)}'
        f'<text x="{at + 6:.1f}" y="{top + 18}">{sum(kinds.values()):,}</text>'
    )


def _table(head: tuple[str, str], rows: Iterable[tuple[str, int]]) -> str:
    body = "".join(f'<tr><td>{escape(name)}</td><td class="n">{count:,}</td></tr>' for name, count in rows)
    return f"<table><tr><th>{head[0]}</th><th>{head[1]}</th></tr>{body}</table>" if body else ""


def _examples(impact: Impact) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one.call.id)}</code></td><td>{escape(one.before)}</td><td>{escape(one.after)}</td></tr>"
        for one in impact.examples
    )
    return f"<table><tr><th>call</th><th>decided</th><th>would be</th></tr>{rows}</table>" if rows else ""


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
