"""A clause diff for a person: what is new, gone and different, in colour and in words."""

from collections.abc import Mapping, Sequence

from rich.markup import escape

from caveat.cli.output import out
from caveat.errors import BadInput
from caveat.talks.diff import ClauseChange, Diff, Moved
from caveat.talks.direction import Direction
from caveat.talks.direction import directions as proved
from caveat.terms.document import Draft

MARKS = {"added": ("green", "+"), "removed": ("red", "-"), "changed": ("yellow", "~")}


SAYS = {
    "wider": "wider: it holds of more requests",
    "narrower": "narrower: it holds of fewer requests",
    "other": "changed: it holds of other requests",
    "same": "rewritten: it holds of the same requests",
}


def directions(before: Draft, after: Draft) -> dict[str, Direction]:
    """Which clauses got wider or narrower; none is known where Z3 is not installed, or the two cannot be compared."""
    try:
        return proved(before, after)
    except BadInput:
        return {}


def print_diff(changes: Diff, known: Mapping[str, Direction] | None = None) -> None:
    """Every difference; one line says so where there is none.  `known` says which clauses got wider or narrower."""
    known = known or {}
    if changes.empty:
        out.print("both say the same")
        return
    for moved in changes.document:
        _moved(moved, "")
    for change in changes.clauses:
        _clause(change, known.get(change.id, "unknown"))
    for moved in _together(changes.thresholds):
        _moved(moved, "")
    for words in changes.lists:
        gained = ", ".join(f"+{word}" for word in words.added)
        lost = ", ".join(f"-{word}" for word in words.removed)
        out.print(f"[yellow]~[/yellow] {escape(words.what)}: {escape(' '.join(filter(None, (gained, lost))))}")

    ids = {change.id for change in changes.clauses}
    for id_, says in known.items():
        if id_ not in ids and says in ("wider", "narrower", "other"):
            out.print(f"[yellow]~[/yellow] [bold]{escape(id_)}[/bold] {SAYS[says]}, by what it rests on")


def _clause(change: ClauseChange, direction: Direction) -> None:
    style, mark = MARKS[change.how]
    how: str = change.how if change.binding else "reworded: words only"
    if any(moved.what == "when" for moved in change.moved):
        how = SAYS.get(direction, how)
    out.print(f"[{style}]{mark}[/{style}] [bold]{escape(change.id)}[/bold] {how}")
    clause = change.after or change.before
    if change.how != "changed" and clause is not None:
        out.print(f"    {clause.effect}: {escape(next(iter(clause.says.values())))}")
    for moved in change.moved:
        _moved(moved, "    ")


def _together(thresholds: Sequence[Moved]) -> list[Moved]:
    """Thresholds that moved alike, as one."""
    alike: dict[tuple[str, str], list[str]] = {}
    for moved in thresholds:
        alike.setdefault((moved.before, moved.after), []).append(moved.what.removeprefix("thresholds."))
    return [
        Moved(f"thresholds.{codes[0]}" if len(codes) == 1 else f"thresholds of {', '.join(codes)}", before, after)
        for (before, after), codes in alike.items()
    ]


def _moved(moved: Moved, indent: str) -> None:
    out.print(f"{indent}[dim]{escape(moved.what)}[/dim]")
    if moved.before:
        out.print(f"{indent}  [red]-[/red] {_under(moved.before, indent)}")
    if moved.after:
        out.print(f"{indent}  [green]+[/green] {_under(moved.after, indent)}")


def _under(text: str, indent: str) -> str:
    """A text of several lines, each under the first."""
    return escape(f"\n{indent}    ".join(line.strip() for line in text.strip().splitlines()))
