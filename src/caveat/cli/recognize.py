"""`caveat recognize`: text in, categories out."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec import Struct

from caveat.cli.files import MOST_BYTES, existing, read_bytes
from caveat.cli.output import Json, emit, progress, say, table
from caveat.errors import BadInput
from caveat.recognize.finding import Finding
from caveat.recognize.learned import shipped
from caveat.recognize.learned_lines import recognize_lines
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.wire.call import Part

SHOWN = 60
"""Characters of what was seen that are shown."""
FAINT = 50
"""Per mille from which on a finding is shown in the table."""
LONG = 1_000_000
"""Bytes of a text that takes seconds."""
BATCH = 256


class _Line(Struct, frozen=True):
    text: str


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
    learned: Annotated[
        bool, typer.Option("--learned/--no-learned", help="Whether the learned recognizer reads it, too.")
    ] = True,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl", help='Read lines of {"text": ...}; write the learned recognizer\'s scores, a line each.'
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what the recognizers of this installation see in a text, and where.  Nothing is recorded."""
    if jsonl:
        _lines(file)
        return
    text = _read(file).decode("utf-8", "replace")
    panel = default_panel(load_profile(profile), learned=shipped() if learned else None)
    findings = panel.recognize((Part("", voice.value, text),))
    if as_json:
        emit({"findings": findings, "recognizers": panel.names, "detector": panel.detector})
    else:
        _show(findings, text, panel.detector)


def _read(file: Path | None) -> bytes:
    if file is None and sys.stdin.isatty():
        progress("reading what you type; Ctrl-D ends it")
    raw = read_bytes(file) if file else sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise BadInput(f"expected at most {MOST_BYTES:,} bytes on standard input, got more")
    if len(raw) > LONG:
        progress(f"reading {len(raw) / 1e6:.1f} MB, which takes some seconds")
    return raw


def _show(findings: Sequence[Finding], text: str, detector: str) -> None:
    """A table, the surest first."""
    shown = sorted((f for f in findings if f.per_mille >= FAINT), key=lambda f: -f.per_mille)
    if shown:
        rows = [
            (f.category, str(f.per_mille), f"{f.start}-{f.end}", f.value or _excerpt(text, f), f.recognizer)
            for f in shown
        ]
        table(("category", "per mille", "characters", "what", "recognizer"), rows)
    told = [f"{len(shown)} finding{'' if len(shown) == 1 else 's'}"]
    if len(shown) < len(findings):
        told.append(f"{len(findings) - len(shown)} below {FAINT} per mille, which --json shows")
    told.append(f"learned recognizer: {detector}")
    say("; ".join(told))


def _excerpt(text: str, finding: Finding) -> str:
    """The beginning of what was seen, in one line that does nothing to a terminal."""
    some = text[finding.start : min(finding.end, finding.start + SHOWN)]
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in some)


def _lines(file: Path | None) -> None:
    """Score JSON lines in batches, so that long input flows."""
    if file is not None:
        existing(file)
    scorer = shipped()
    with file.open("rb") if file else nullcontext(sys.stdin.buffer) as lines:
        for batch in batched(iter(lambda: lines.readline(MOST_BYTES + 1), b""), BATCH):
            for value in recognize_lines(scorer, [_text(number, line) for number, line in batch]):
                sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def batched(lines: Iterable[bytes], size: int) -> Iterator[list[tuple[int, bytes]]]:
    """Numbered lines, `size` at a time, empty ones passed over."""
    batch: list[tuple[int, bytes]] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            batch.append((number, line))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _text(number: int, line: bytes) -> str:
    if len(line) > MOST_BYTES:
        raise BadInput(f"line {number} is longer than {MOST_BYTES:,} bytes")
    try:
        return msgspec.json.decode(line, type=_Line).text
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadInput(f"line {number} is not an object with a string `text`") from None
