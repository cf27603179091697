"""`caveat recognize`: text in, categories out."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from caveat.cli.files import read_bytes
from caveat.cli.output import Json, emit, say, table
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.wire.call import Part

SHOWN = 60


class Voices(StrEnum):
    """Who may speak."""

    USER = "user"
    SYSTEM = "system"
    MODEL = "model"
    TOOL = "tool"
    DEFINITION = "definition"


def recognize(
    file: Annotated[Path | None, typer.Argument(help="A text file; standard input where not given.")] = None,
    *,
    profile: Annotated[str, typer.Option(help="The marking profile: civil or national.")] = "civil",
    voice: Annotated[Voices, typer.Option(help="Who speaks.")] = Voices.USER,
    as_json: Json = False,
) -> None:
    """Show what the recognizers of this installation see in a text, and where.  Nothing is recorded."""
    raw = read_bytes(file) if file else sys.stdin.buffer.read()
    text = raw.decode("utf-8", "replace")
    panel = default_panel(load_profile(profile))
    findings = panel.recognize((Part("", voice.value, text),))
    if as_json:
        emit({"findings": findings, "recognizers": panel.names, "detector": panel.detector})
        return
    rows = [
        (f.category, str(f.per_mille), f"{f.start}-{f.end}", f.value or text[f.start : f.end][:SHOWN], f.recognizer)
        for f in findings
    ]
    table(("category", "per mille", "characters", "what", "recognizer"), rows)
    say(f"{len(findings)} finding(s); learned recognizer: {panel.detector}")
