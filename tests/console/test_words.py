"""Every string of the console is in every language, and what is shipped is what was translated."""

import re
import runpy
from pathlib import Path

import pytest

from caveat.console import words

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "script" / "words.py"))
CATALOGUES = sorted(words.LOCALE.glob("*/LC_MESSAGES/console.po"))


def test_there_is_a_catalogue_of_every_language_but_english():
    assert {path.parts[-3] for path in CATALOGUES} == set(words.LANGUAGES) - {"en"}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_nothing_is_missing_and_the_compiled_one_is_the_written_one(path):
    """Where this fails: `script/words` takes the messages out of the templates; then translate what is new."""
    made = SCRIPT["catalogue"](path, path.parts[-3])
    assert SCRIPT["missing"](made) == []
    assert len(made) > 400
    assert path.with_suffix(".mo").read_bytes() == SCRIPT["compiled"](made)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_what_is_put_in_stands_in_both(path):
    for one in SCRIPT["catalogue"](path, path.parts[-3]):
        if one.id:
            ids = [one.id] if isinstance(one.id, str) else list(one.id)
            strings = [one.string] if isinstance(one.string, str) else list(one.string)
            for string in strings:
                assert sorted(re.findall(r"%\(\w+\)s", string)) == sorted(re.findall(r"%\(\w+\)s", ids[0])), string
                assert string.count("`") == ids[0].count("`")


def test_no_template_holds_words_that_are_not_marked():
    """Text between tags is either a message, a value or a sign."""
    for path in sorted((words.LOCALE.parent / "templates").glob("*.html")):
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", path.read_text("utf-8"), flags=re.DOTALL)
        text = re.sub(r"<(code|pre|script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
        bare = [word for word in re.findall(r">([^<>]*)<", text) if re.search(r"[A-Za-z]{2,}", word)]
        assert [word for word in bare if word.strip(" ·\n") != "Caveat"] == [], path.name


def test_numbers_and_languages():
    assert words.number(1234567, "en") == "1,234,567"
    assert words.number(1234567, "fr") == "1 234 567".replace(" ", words.THIN)
    assert words.language_of("fr", "en") == "fr"
    assert words.language_of("xx", "fr-CA, en;q=0.5") == "fr"
    assert words.language_of("", "de") == "en"


def test_a_sentence_with_ticks_is_escaped():
    assert words.ticked("use `<b>` now") == "use <code>&lt;b&gt;</code> now"
    assert words.ticked("one ` alone <") == "one ` alone &lt;"


def test_a_time_is_utc_until_a_script_says_otherwise():
    made = words.when(1_795_351_642_000)
    assert 'datetime="2026-11-22T' in made
    assert made.count("UTC") == 2
