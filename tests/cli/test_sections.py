"""A group's help: every verb once, under a heading, with its whole sentence."""

import pytest

from caveat.cli import main, terms
from caveat.cli.manual import pages, verbs

PAGES = dict(pages(main.line()))


@pytest.mark.parametrize(("page", "table"), [("caveat", main.VERBS), ("caveat terms", terms.VERBS)])
def test_every_verb_stands_under_its_heading(page, table):
    lines = PAGES[page].splitlines()
    for heading, names in table.items():
        below = lines[lines.index(f"{heading}:") + 1 :]
        section = below[: below.index("")]
        assert [line.split()[0] for line in section if line[2] != " "] == list(names)


def test_every_verb_of_the_program_is_in_the_table():
    """One that was registered by the way would be missing from the help."""
    assert {words[0] for words in verbs(main.line())} == {name for names in main.VERBS.values() for name in names}


def test_no_sentence_is_cut_off():
    assert not [
        line
        for page in PAGES.values()
        for line in page.splitlines()
        if line.endswith("...") and line.startswith("  ") and line[2].islower()
    ]


@pytest.mark.parametrize(
    "page", ["caveat", "caveat terms", "caveat party", "caveat waiver", "caveat hold", "caveat keys"]
)
def test_groups_end_with_examples_that_begin_with_a_verb_of_theirs(page):
    lines = PAGES[page].split("Examples:\n")[1].splitlines()
    words = len(page.split())
    assert lines
    for line in (line.split() for line in lines if line.strip()):
        assert " ".join(line[: words + 1]) in PAGES
