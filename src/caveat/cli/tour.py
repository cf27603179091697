"""`caveat tour`: the whole story, unattended, in about a minute."""

import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from caveat.cli.changes import print_diff
from caveat.cli.evidence import print_report
from caveat.cli.output import Json, emit, out, progress
from caveat.cli.tour_challenge import challenge
from caveat.cli.tour_stage import serving
from caveat.cli.tour_story import Cast, Step, before_serving, calls, ending, evidence, negotiation
from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import create
from caveat.gateway.model.store import cache_path, pull

CHAPTERS = ("The agreement", "The calls", "The talks", "The end", "The evidence", "The challenge")


def tour(
    folder: Annotated[Path | None, typer.Option(help="Keep the home and the evidence in this new directory.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Tell the whole story: terms signed, calls allowed, denied and stopped, terms changed and ended, all of it proved."""
    began = time.monotonic()
    place = folder or Path(tempfile.mkdtemp(prefix="caveat-tour-"))
    place.mkdir(parents=True, exist_ok=True)
    home, _ = create(place / "home", default_text(origin=f"localhost/caveat/tour-{secrets.token_hex(3)}"))
    progress("fetching the model, if it is not here yet")
    pull(home.models, cache_path(os.environ))
    steps: list[tuple[str, Step]] = []
    for chapter, step in _story(Cast(home), place):
        if not as_json:
            _tell(chapter, step, new=not steps or steps[-1][0] != chapter)
        steps.append((chapter, step))
    went = sum(1 for _, step in steps if step.ok)
    seconds = time.monotonic() - began
    if as_json:
        told = [{"chapter": chapter, "step": step} for chapter, step in steps]
        emit({"ok": went == len(steps), "seconds": round(seconds, 1), "folder": str(place), "steps": told})
    else:
        style = "bold green" if went == len(steps) else "bold red"
        out.print(f"\n[{style}]{went} of {len(steps)} steps went as they should[/{style}] in {seconds:.0f} s")
        out.print(f"[dim]home, bundle and trust file are in {escape(str(place))}[/dim]")
    if went != len(steps):
        raise typer.Exit(1)


def _story(cast: Cast, place: Path) -> Iterator[tuple[str, Step]]:
    agreement, called, talked, ended, proved, challenged = CHAPTERS
    yield from ((agreement, step) for step in before_serving(cast))
    with serving(cast.home) as gateway:
        yield from ((called, step) for step in calls(cast, gateway))
        yield from ((talked, step) for step in negotiation(cast, gateway))
        yield from ((ended, step) for step in ending(cast, gateway))
        yield from ((proved, step) for step in evidence(cast, gateway, place))
        bundle, trust = ((place / name).read_bytes() for name in ("evidence.zip", "trust"))
        yield from ((challenged, step) for step in challenge(cast, bundle, trust))


def _tell(chapter: str, step: Step, *, new: bool) -> None:
    if new:
        out.print(f"\n[bold]{chapter}[/bold]")
    mark = "[green]✓[/green]" if step.ok else "[bold red]✗[/bold red]"
    out.print(f"\n{mark} [bold]{escape(step.title)}[/bold]")
    out.print(f"  [dim]{escape(step.says)}[/dim]")
    for line in step.shown:
        out.print(f"  [cyan]│[/cyan] {escape(line)}")
    if step.diff is not None:
        print_diff(step.diff)
    if step.report is not None:
        print_report(step.report)
