"""Paths that a call can take beside the direct one: a fallback to another upstream, a second worker process.

A path is in the build if its settings take it.  Rule: a path that the settings take and that is not measured is red,
never green and never left out.
"""

from collections.abc import Callable

from caveat.errors import BadInput
from caveat.gateway.coverage.cells import Path
from caveat.gateway.coverage.matrix import Result
from caveat.gateway.settings import read

_UPSTREAM = """
[upstream.{name}]
base_url = "http://127.0.0.1:1"
dialects = ["openai_chat"]
models = {{ "tried" = "tried" }}
"""


def _second_upstream() -> str:
    return "".join(_UPSTREAM.format(name=name) for name in ("first", "second"))


_SETTINGS: dict[Path, Callable[[], str]] = {
    "fallback": _second_upstream,
    "worker": lambda: "[gateway]\nworkers = 2\n",
}


def absent(path: Path) -> Result:
    """What can be said of the cells of a path that is not the direct one."""
    try:
        read(_SETTINGS[path]())
    except BadInput as error:
        return Result("absent", error.message)
    return Result("red", f"this build takes settings for a {path}, and the matrix does not run over it yet")
