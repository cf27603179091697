"""The console's messages, kept in step: `script/words` takes them out of the templates and compiles the catalogues.

script/words            extract, merge into each console.po, compile to console.mo
script/words --check    say what is missing, change nothing (tests/console/test_words.py does the same)
"""
# ruff: noqa: INP001

import io
import runpy
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

set_french = runpy.run_path(str(Path(__file__).with_name("sentences.py")))["set_french"]
ROOT = Path(__file__).parents[1] / "src" / "caveat" / "console"
METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract")]
OPTIONS = {"**/templates/**.html": {"extensions": "jinja2.ext.i18n", "silent": "false", "newstyle_gettext": "true"}}


def messages() -> Catalog:
    """Every message in the templates."""
    found = Catalog(domain="console", charset="utf-8")
    for _, _, message, _, _ in extract_from_dir(str(ROOT), METHODS, OPTIONS):
        found.add(message)
    return found


def catalogue(path: Path, language: str) -> Catalog:
    """A language's catalogue, with the messages of the templates and no others."""
    with path.open("rb") as file:
        made = read_po(file, locale=language, domain="console")
    made.update(messages(), no_fuzzy_matching=True, update_creation_date=False)
    made.fuzzy = False
    made.obsolete.clear()
    return made


def compiled(made: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    out = io.BytesIO()
    for one in made:
        if one.id and made.locale_identifier == "fr":
            one.string = (
                set_french(one.string) if isinstance(one.string, str) else tuple(map(set_french, one.string or ()))
            )
    write_mo(out, made)
    return out.getvalue()


def text(made: Catalog) -> bytes:
    """The catalogue as people read it."""
    out = io.BytesIO()
    write_po(out, made, sort_output=True, omit_header=False, width=110)
    return out.getvalue()


def missing(made: Catalog) -> list[str]:
    """Messages without a translation."""
    return [
        str(one.id)
        for one in made
        if one.id and (not one.string or (isinstance(one.string, list | tuple) and not all(one.string)))
    ]


def main() -> int:
    lacking = 0
    for path in sorted(ROOT.glob("locale/*/LC_MESSAGES/console.po")):
        made = catalogue(path, path.parts[-3])
        for message in missing(made):
            lacking += 1
            sys.stderr.write(f"{path.parts[-3]}: not translated: {message}\n")
        if "--check" not in sys.argv:
            path.write_bytes(text(made))
            path.with_suffix(".mo").write_bytes(compiled(made))
    return int(lacking > 0)


if __name__ == "__main__":
    sys.exit(main())
