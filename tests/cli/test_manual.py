"""docs/cli.md says what the program says."""

from pathlib import Path

from caveat.cli.main import line
from caveat.cli.manual import manual, pages, verbs

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_document_is_the_programs_own_help():
    """Where this fails: `script/docs` writes docs/cli.md anew."""
    assert DOCS.read_text("utf-8") == manual(line())


def test_every_verb_has_its_section():
    text = manual(line())
    assert len(verbs(line())) > 25
    for words in verbs(line()):
        assert f"\n## caveat {' '.join(words)}\n" in text


def test_every_option_is_explained():
    """No line of an option that ends where its explanation would begin."""
    for name, text in pages(line()):
        lines = text.partition("Options:")[2].splitlines()
        bare = [line for line in lines if line.startswith("  --") and len(line.split("  ")) < 3]
        followed = [i for i, line in enumerate(lines) if line in bare and lines[i + 1 : i + 2][0:1] != []]
        assert all(lines[i + 1].startswith("      ") for i in followed), name
