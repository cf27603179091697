"""What rooms say to people, kept in step: `script/words` takes our sentences out of the code and compiles their translations.

A sentence stands where it is made, in English (sentences_where.py says where, sentences_said.py reads it).  Into
sentences/LANGUAGE.po goes every message of an error and its hint, and every sentence of the modules in WHOLE; from there into
LANGUAGE.json, which `caveat.sentences.said` reads.

script/sentences.py            extract, merge, compile
script/sentences.py --check    say what is missing, change nothing (tests/test_sentences.py does the same)
"""
# ruff: noqa: INP001

import json
import re
import runpy
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

SAID = runpy.run_path(str(Path(__file__).with_name("sentences_said.py")))
BOOKS = SAID["ROOT"] / "sentences"


def catalogue(path: Path) -> Catalog:
    """A language's catalogue, with the sentences of the code and no others."""
    with path.open("rb") as file:
        made = read_po(file, locale=path.stem)
    new = Catalog(charset="utf-8")
    for text, module in SAID["messages"]().items():
        new.add(text, locations=[(module, 0)])
    made.update(new, no_fuzzy_matching=True, update_creation_date=False)
    for one in made:
        one.flags.discard("python-format")
        one.flags.discard("python-brace-format")
    made.fuzzy = False
    made.obsolete.clear()
    return made


def missing(made: Catalog) -> list[str]:
    """Sentences without a translation."""
    return [str(one.id) for one in made if one.id and not one.string]


def set_french(text: str) -> str:
    """The spaces that French sets before and inside signs, as ones at which no line breaks."""
    return re.sub(r" (?=[:;?!%»])|(?<=«) ", "\u00a0", text)


def compiled(made: Catalog) -> bytes:
    """English to the other language, as JSON."""
    pairs = {str(one.id): str(one.string) for one in made if one.id and one.string}
    pairs = {english: set_french(says) for english, says in pairs.items()}
    return (json.dumps(dict(sorted(pairs.items())), ensure_ascii=False, indent=0) + "\n").encode()


def main() -> int:
    lacking = 0
    for path in sorted(BOOKS.glob("*.po")):
        made = catalogue(path)
        for message in missing(made):
            lacking += 1
            sys.stderr.write(f"{path.stem}: not translated: {message}\n")
        if "--check" not in sys.argv:
            with path.open("wb") as file:
                write_po(file, made, sort_output=True, width=110, include_lineno=False)
            path.with_suffix(".json").write_bytes(compiled(made))
    return int(lacking > 0)


if __name__ == "__main__":
    sys.exit(main())
