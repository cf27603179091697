"""The matrix as one HTML page: no script, nothing fetched, readable on paper, in the light and in the dark."""

from datetime import UTC, datetime
from html import escape

from caveat.gateway.coverage.cells import LETTERS, PLACES
from caveat.gateway.coverage.matrix import STATES, Matrix, Row
from caveat.gateway.coverage.table import Block, blocks

STYLE = """
:root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--line:#d5d5d5;--faint:#6b6b6b;
--green:#d8f0dc;--red:#b3261e;--learned:#fdeec2;--refused:#dfe7f5;--absent:#ececec}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--paper:#161616;--line:#3a3a3a;--faint:#9a9a9a;
--green:#1d4a28;--red:#e5564d;--learned:#54430f;--refused:#22324f;--absent:#2b2b2b}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;max-width:76rem;
padding:0 1rem}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;font-size:.85rem}.wide{overflow-x:auto}
th,td{border:1px solid var(--line);padding:.15rem .35rem;text-align:center}th[scope=row]{text-align:left;font-weight:400;
white-space:nowrap}td.green{background:var(--green)}td.red{background:var(--red);color:#fff;font-weight:700}
td.learned{background:var(--learned)}td.refused{background:var(--refused)}td.absent{background:var(--absent)}
td.inexpressible,td.apart{color:var(--faint)}code{font-size:.9em}dt{font-weight:600;float:left;clear:left;width:2rem}
dd{margin-left:2.5rem}.faint{color:var(--faint)}
"""
TRIED = "Each cell was tried over HTTP on this build: one call that should trip the clause, one that should pass."


def page(matrix: Matrix) -> str:
    """The whole page."""
    measured = datetime.fromtimestamp(matrix.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    title = f"Coverage of {escape(matrix.terms.name)}"
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<style>{STYLE}</style></head><body>",
            f"<h1>{title}</h1>",
            f"<p>Measured {measured} on Caveat {escape(matrix.build.version)}. {TRIED}</p>",
            f'<p class="faint">pair <code>{escape(matrix.terms.digest)}</code>',
            f"<br>build <code>{escape(matrix.build.digest)}</code></p>",
            *_reds(matrix),
            "<h2>What the letters mean</h2>",
            *_legend(matrix),
            *(line for block in blocks(matrix) for line in _block(matrix, block)),
            *_reasons(matrix),
            "</body></html>\n",
        ]
    )


def _reds(matrix: Matrix) -> list[str]:
    reds = matrix.reds()
    if not reds:
        return ["<p>No cell is red: wherever a clause could be tried, it held.</p>"]
    items = [f"<li><code>{escape(c)}</code>, {escape(cell.says)}: {escape(why)}</li>" for c, cell, why in reds]
    return [f"<h2>{len(reds)} not enforced</h2><ul>", *items, "</ul>"]


def _legend(matrix: Matrix) -> list[str]:
    counts = matrix.counts()
    states = [
        f"<dt>{escape(letter)}</dt><dd>{escape(says)} ({counts[state]})</dd>"
        for state, (letter, says) in STATES.items()
        if counts[state]
    ]
    parts = [f"<dt>{LETTERS[place]}</dt><dd>{escape(says)}</dd>" for place, says in PLACES.items()]
    return ["<dl>", *states, "</dl><p>Over the columns, the part that held the words:</p><dl>", *parts, "</dl>"]


def _block(matrix: Matrix, block: Block) -> list[str]:
    heads = "".join(f'<th colspan="{len(c.cells)}" scope="colgroup">{escape(c.head)}</th>' for c in block.columns)
    places = "".join(
        f'<th scope="col" title="{escape(matrix.cells[i].says)}">{LETTERS[matrix.cells[i].place]}</th>'
        for column in block.columns
        for i in column.cells
    )
    return [
        f'<h2>{escape(block.dialect)}</h2><div class="wide"><table><thead>',
        f"<tr><th></th>{heads}</tr><tr><th></th>{places}</tr></thead><tbody>",
        *(_row(row, block) for row in matrix.rows),
        "</tbody></table></div>",
    ]


def _row(row: Row, block: Block) -> str:
    cells = []
    for index in (i for column in block.columns for i in column.cells):
        result = row.results[index]
        letter, says = STATES[result.state]
        cells.append(f'<td class="{result.state}" title="{escape(result.why or says)}">{escape(letter)}</td>')
    named = f'<th scope="row" title="{escape(row.title)}"><code>{escape(row.clause)}</code></th>'
    return f"<tr>{named}{''.join(cells)}</tr>"


def _reasons(matrix: Matrix) -> list[str]:
    """Each reason once, with how often it was given."""
    counted: dict[tuple[str, str], int] = {}
    for row in matrix.rows:
        for result in row.results:
            if result.why and result.state != "red":
                key = (STATES[result.state][0], result.why)
                counted[key] = counted.get(key, 0) + 1
    items = [f"<dt>{escape(k)}</dt><dd>{escape(why)} ({n})</dd>" for (k, why), n in counted.items()]
    return ["<h2>Why some cells are not green</h2><dl>", *items, "</dl>"] if items else []
