"""How a group of verbs shows itself: under headings, each verb with its whole first sentence, and examples at the end."""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperGroup

NO_LIMIT = 1000


class Sections(TyperGroup):
    """Lists its verbs under the headings (`rich_help_panel`) that they were registered with, in the order of registration."""

    order: Sequence[str] = ()
    """The verbs' names, where they are not to stand in the order of registration."""

    def list_commands(self, ctx: Any) -> list[str]:
        """See TyperGroup."""
        return list(self.order) or list(super().list_commands(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """See TyperGroup, which has one heading and cuts the sentences off."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows = found.setdefault(getattr(command, "rich_help_panel", None) or "Commands", [])
                rows.append((name, command.get_short_help_str(NO_LIMIT)))
        wide = max((len(name) for rows in found.values() for name, _ in rows), default=0)
        for heading, rows in found.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(wide), says) for name, says in rows])


def examples(*lines: str) -> str:
    """What stands at the end of a group's help: commands that can be typed as they stand."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
