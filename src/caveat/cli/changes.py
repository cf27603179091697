"""A clause diff for a person: what is new, gone and different, in colour and in words."""

from rich.markup import escape

from caveat.cli.output import out
from caveat.talks.diff import ClauseChange, Diff, Moved

MARKS = {"added": ("green", "+"), "removed": ("red", "-"), "changed": ("yellow", "~")}


def print_diff(changes: Diff) -> None:
    """Every difference; one line says so where there is none."""
    if changes.empty:
        out.print("both say the same")
        return
    for moved in changes.document:
        _moved(moved, "")
    for change in changes.clauses:
        _clause(change)
    for moved in changes.thresholds:
        _moved(moved, "")
    for words in changes.lists:
        gained = ", ".join(f"+{word}" for word in words.added)
        lost = ", ".join(f"-{word}" for word in words.removed)
        out.print(f"[yellow]~[/yellow] {escape(words.what)}: {escape(' '.join(filter(None, (gained, lost))))}")


def _clause(change: ClauseChange) -> None:
    style, mark = MARKS[change.how]
    binding = "" if change.binding else "  [dim]words only[/dim]"
    out.print(f"[{style}]{mark}[/{style}] [bold]{escape(change.id)}[/bold] {change.how}{binding}")
    clause = change.after or change.before
    if change.how != "changed" and clause is not None:
        out.print(f"    {clause.effect}: {escape(next(iter(clause.says.values())))}")
    for moved in change.moved:
        _moved(moved, "    ")


def _moved(moved: Moved, indent: str) -> None:
    out.print(f"{indent}[dim]{escape(moved.what)}[/dim]")
    if moved.before:
        out.print(f"{indent}  [red]-[/red] {escape(moved.before.strip())}")
    if moved.after:
        out.print(f"{indent}  [green]+[/green] {escape(moved.after.strip())}")
