"""How verbs speak: in a terminal lines break between words and hang under their text; where none is, they stay whole."""

import io

import pytest

from caveat.cli.output import Screen, indent_of, spoken_language, table
from caveat.errors import BadInput

LONG = "good  keys       the log's keys, the vault's and the operator's are there and `closed to all the others` by their modes"


def shown(text, *, terminal):
    file = io.StringIO()
    Screen(file=file, width=60, force_terminal=terminal, color_system=None, soft_wrap=True).print(text)
    return file.getvalue().splitlines()


def test_a_long_line_hangs_under_its_text_and_keeps_its_words():
    lines = shown(LONG, terminal=True)
    assert len(lines) > 1
    assert all(len(line) <= 60 for line in lines)
    assert all(line.startswith(" " * 17) and line[17] != " " for line in lines[1:])
    assert any("`closed to all the others`" in line for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(LONG.split())


def test_where_no_terminal_is_a_line_stays_whole():
    assert shown(LONG, terminal=False) == [LONG]


def test_a_quoted_line_is_marked_on_every_line():
    lines = shown("  │ " + "word " * 30, terminal=True)
    assert len(lines) > 1
    assert all(line.startswith("  │ ") for line in lines)


def test_where_no_terminal_is_a_tables_row_is_one_line_and_nothing_is_cut(capsys):
    rows = [["a" * 60, "b" * 60, "c d"], ["e", "f", "g"]]
    table(("one", "two", "three"), rows)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["one", "two", "three"],
        ["a" * 60, "b" * 60, "c", "d"],
        ["e", "f", "g"],
    ]


BEGINS = {
    "columns": ("good  keys      says", 16),
    "a hint": ("      → do this", 8),
    "a list": ("  - this", 4),
    "a sentence": ("seal: one stands there", 0),
    "spaces": ("        says", 8),
    "nothing": ("", 0),
}


@pytest.mark.parametrize(("line", "begin"), BEGINS.values(), ids=BEGINS)
def test_where_a_lines_text_begins(line, begin):
    assert indent_of(line) == begin


def test_the_language_is_the_wanted_one_or_the_environments():
    assert spoken_language("fr", {"LANG": "en_GB.UTF-8"}) == "fr"
    assert spoken_language("", {"LANG": "fr_CA.UTF-8"}) == "fr"
    assert spoken_language("", {"LC_ALL": "C", "LANG": "fr_FR"}) == "en"
    assert spoken_language("", {}) == "en"
    with pytest.raises(BadInput, match="en or fr"):
        spoken_language("de", {})
