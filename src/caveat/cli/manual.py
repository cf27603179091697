"""The manual: every verb with its help, as docs/cli.md has it.

`script/docs` writes that file from here, and a test compares the two, so neither can say what the other does not.
"""

from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

WIDTH = 100

HEAD = """# The command line

Written by `script/docs` from the program's own help; change it there.

Every verb takes `--help`. With `--json` a verb writes one JSON object to standard output and nothing else there; what
it says while it works goes to standard error.

| exit code | means |
| --- | --- |
| 0 | done, or verified |
| 1 | refused, or not verified |
| 2 | wrong use: mend what you gave |
| 3 | the system is at fault: a disk, a process, a server |

`CAVEAT_HOME` says where the home is, where `--home` does not; without either it is `~/.caveat`. `CAVEAT_DEBUG=1` shows
where in the program something failed that nobody foresaw.
"""


def manual(app: typer.Typer) -> str:
    """The whole text of docs/cli.md."""
    return HEAD + "".join(_section(name, text) for name, text in pages(app))


def pages(app: typer.Typer) -> list[tuple[str, str]]:
    """Each command's full name and its help, groups before their verbs."""
    return list(_pages(get_command(app), "caveat", None))


def verbs(app: typer.Typer) -> list[tuple[str, ...]]:
    """The words of every command that does something, without `caveat`."""
    return list(_verbs(get_command(app), ()))


def _pages(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    context = command.context_class(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH
    )
    yield context.command_path, command.get_help(context)
    for word, inner in _inner(command).items():
        yield from _pages(inner, word, context)


def _verbs(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    inner = _inner(command)
    if not inner:
        yield words
    for word, one in inner.items():
        yield from _verbs(one, (*words, word))


def _inner(command: Any) -> dict[str, Any]:
    """The commands of a group by name; none of a verb."""
    return getattr(command, "commands", {})


def _section(name: str, text: str) -> str:
    return f"\n## {name}\n\n```text\n{text.rstrip()}\n```\n"
