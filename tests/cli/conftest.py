"""The command line as a person runs it, in this process: what it prints, and its exit code."""

import io
import json
import sys
from typing import Any

import pytest
from msgspec import Struct
from tests.evidence.second import asked_too

from caveat.cli.main import main


class Ran(Struct, frozen=True):
    """One command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote for a program: the whole of its standard output as one value."""
        return json.loads(self.out)


@pytest.fixture
def run(capsys, monkeypatch):
    """`run("terms", "lint", path, stdin=b"...")`."""

    def go(*words, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["caveat", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code: Any = 0
        capsys.readouterr()
        try:
            main()
        except SystemExit as left:
            code = left.code or 0
        if words[:1] == ("verify",) and "--help" not in words:
            asked_too(code, *words[1:])
        return Ran(code, *capsys.readouterr())

    return go


@pytest.fixture
def home(run, tmp_path):
    """A home with sample terms in force, and no gateway that runs on it."""
    assert run("init", "--home", tmp_path / "home", "--sample").code == 0
    return tmp_path / "home"
