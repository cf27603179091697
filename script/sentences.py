"""What rooms say to people, kept in step: `script/words` takes our sentences out of the code and compiles their translations.

A sentence stands where it is made, in English; an f-string's open places become `{name}`.  Into sentences/LANGUAGE.po goes
every message of an error and its hint, and every sentence of the modules in WHOLE; from there into LANGUAGE.json, which
`caveat.sentences.said` reads.

script/sentences.py            extract, merge, compile
script/sentences.py --check    say what is missing, change nothing (tests/test_sentences.py does the same)
"""
# ruff: noqa: INP001

import ast
import json
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1] / "src" / "caveat"
BOOKS = ROOT / "sentences"
ERRORS = {"BadInput", "NotVerified", "Refused", "Unavailable", "Unreadable", "_nothing"}
RAISED = (
    *("canon.py", "dsse.py", "keys.py", "note.py", "record.py", "recognize/markings.py", "cli/terms_replay.py"),
    *("console/*", "ledger/*", "register/*", "talks/*", "terms/*", "waivers/*", "evidence/*"),
    *("gateway/desk/*", "gateway/exceptions/*", "gateway/house/*", "gateway/index/*", "gateway/call/fault.py"),
    *("gateway/home/bodies.py", "gateway/home/documents.py", "gateway/home/files.py", "gateway/home/held.py"),
    *("gateway/control/*", "gateway/proof/[a-gops]*"),
    "gateway/coverage/[jkmrt]*",
)
"""Modules whose errors may come before somebody who looks at a page or a report."""
NOT_SHOWN = {
    *("ledger/remote.py", "ledger/sequencer.py", "ledger/service.py", "ledger/messages.py", "talks/publishing.py"),
    *("terms/sign.py", "terms/samples.py", "evidence/plots.py", "gateway/proof/collecting.py"),
    *("gateway/exceptions/lifting.py", "gateway/coverage/table.py"),
}
"""Of these, those that speak to a terminal or to a program alone."""
WHOLE = (
    *(
        "evidence/[a-f]*",
        "evidence/gathered.py",
        "evidence/[h-or]*",
        "evidence/profiles.py",
        "evidence/step*",
        "evidence/uses.py",
        "evidence/walk.py",
        "evidence/view.py",
    ),
    *("talks/say.py", "talks/replay.py", "talks/carry.py", "talks/beside.py", "terms/lease.py", "terms/shape.py"),
    *("ledger/fsck.py", "ledger/audit.py", "*coverage/matrix.py", "*coverage/cells.py", "*coverage/judge.py"),
    *("*coverage/concern.py", "*coverage/plan.py", "*coverage/run.py", "*coverage/talk.py", "vocabulary.py"),
)
"""Modules of which every sentence may be shown."""
SHOWN = ("evidence/page/*.js", "evidence/page/*.html", "console/static/*.js", "evidence/plots.py", "cli/evidence.py")
MARKED = re.compile(r'\b(?:fail|_|phrase)\(\s*"([^"]+)"')
"""Files whose sentences are marked where they stand."""
HOLE = re.compile(r"\{([a-z0-9_]+)\}")
SENTENCE = re.compile(r"[a-z]{2,}['`]?[,:;]? +[\w`{(]|[\d}`] +[a-z]{2,}")
NO_SENTENCE = re.compile(r"[<>\n\\]|\(\?|^ *[A-Z]|caveat-.*/v1")
ENDINGS = ("completed", "denied", "held", "stopped", "withheld", "broken", "aborted", "unknown")
MORE = (
    *(
        "request",
        "reply",
        "vendor",
        "operator",
        "viewer",
        "approver",
        "auditor",
        "caller",
        "witness",
        "log",
        "none",
        "day",
    ),
    *("allow", "deny", "hold", "running", "continuity", "lapsed", "proved", "failed", "streamed", "whole", "fallback"),
    *(
        "completed",
        "denied",
        "held",
        "stopped",
        "withheld",
        "broken",
        "aborted",
        "unknown",
        "unreadable",
        "still",
        "ended",
        "flagged",
        "record",
        "document",
        "control",
        "manifest",
        "opaque",
        "withheld",
    ),
    *(f"{a} to {b}" for a in ("allow", "deny", "hold") for b in ("allow", "deny", "hold") if a != b),
    *(
        "user",
        "assistant",
        "tool",
        "system",
        "definition",
        "second worker",
        "green",
        "red",
        "learned",
        "refused",
        "absent",
    ),
    *(
        "inexpressible",
        "apart",
        "yes",
        "no",
        "in {n} days",
        "in {n} hours",
        "the version before",
        "the version after",
        "in 1 day",
    ),
    *("Expected `{a}`, got `{b}`", "Expected `{a}`, got `{b}` - at `{c}`", "Object missing required field `{a}`"),
    *(
        "Object missing required field `{a}` - at `{b}`",
        "Object contains unknown field `{a}`",
        "JSON is malformed: {a}",
    ),
    *("Object contains unknown field `{a}` - at `{b}`", "Expected `{a}` of length >= {n} - at `{c}`"),
    *(
        "Expected `int` >= {n} - at `{c}`",
        "Expected `int` <= {n} - at `{c}`",
        "Input data was truncated",
        "Ed25519 and ML-DSA-44",
        "text",
        "nothing",
        "did you mean `{a}`?",
        "`{a}`: expected {b}, got {c}",
        "a mapping",
        "a list",
        "operator of this home",
        "commits to",
        "EU AI Act Annex III area",
        "the caller's key",
        "what is asked of the model",
        "the model that was asked for",
        "the recognizers' scores, per mille",
        "the recognizers' scores of the reply, per mille",
        *(f"{{n}} {word}" for word in ENDINGS),
    ),
    *(
        "Invalid enum value '{a}' - at `{b}`",
        "No such file or directory",
        "Permission denied",
        "No space left on device",
    ),
)
"""Words that fill open places, and what msgspec and the system say inside our sentences."""


def modules() -> Iterator[tuple[str, bool]]:
    """Paths under src/caveat, and whether every sentence of each counts."""
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in NOT_SHOWN and any(fnmatch(name, one) for one in (*RAISED, *WHOLE)):
            yield name, any(fnmatch(name, one) for one in WHOLE)


def messages() -> dict[str, str]:
    """Every sentence, and the module in which it stands first."""
    found: dict[str, str] = {}
    for name, whole in modules():
        tree = ast.parse((ROOT / name).read_text("utf-8"))
        for one in _whole(tree) if whole else _raised(tree):
            if re.search("[a-z]{2}", HOLE.sub("", one)) and not one.startswith("["):
                found.setdefault(one, name)
    for path in sorted(path for place in SHOWN for path in ROOT.glob(place)):
        for one in MARKED.findall(path.read_text("utf-8")):
            found.setdefault(one, path.relative_to(ROOT).as_posix())
    return {**found, **{one: "" for one in MORE if one not in found}}


def _raised(tree: ast.AST) -> Iterator[str]:
    yield from _told_later(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _private(node.exc.func):
            for told in [*node.exc.args, *(word.value for word in node.exc.keywords if word.arg == "hint")]:
                yield from (text for text in _texts(told) if " " in text)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {*ERRORS, "at"}:
            for told in [
                *node.args[1:2] * (node.func.id == "at"),
                *node.args[:1],
                *(word.value for word in node.keywords if word.arg == "hint"),
            ]:
                yield from _texts(told)


def _told_later(tree: ast.AST) -> Iterator[str]:
    """Sentences that a name holds on their way into an error."""
    hints = {
        word.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "hint" and isinstance(word.value, ast.Name)
    }
    for node in ast.walk(tree):
        target, value = None, None
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            target, value = node.targets[0].id, node.value
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "append"
            and node.args
        ):
            target, value = getattr(node.func.value, "id", ""), node.args[0]
        if target in {*hints, "why", "wrong", "problem", "wanted", "missing"} and value is not None:
            yield from (text for text in _texts(value) if SENTENCE.search(HOLE.sub("{x}", text)))


def _private(made: ast.AST) -> bool:
    """Whether an error is made by a function of its module."""
    return isinstance(made, ast.Name) and made.id.startswith("_")


def _whole(tree: ast.AST) -> Iterator[str]:
    yield from _raised(tree)
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    silent |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in silent:
            text = _form(node)
            if text and SENTENCE.search(HOLE.sub("{x}", text)) and not NO_SENTENCE.search(text):
                yield text


def _texts(node: ast.AST) -> Iterator[str]:
    """The sentences in an expression: its own, and those that may stand in its open places."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        text = _form(node)
        if text:
            yield text
        parts = (
            [p.value for p in node.values if isinstance(p, ast.FormattedValue)]
            if isinstance(node, ast.JoinedStr)
            else []
        )
    elif isinstance(node, ast.Call):
        parts = []
    else:
        parts = list(ast.iter_child_nodes(node))
    for part in parts:
        yield from _texts(part)


def _form(node: ast.AST) -> str:
    """A literal's text, its open places as `{name}`; "" for what is no text."""
    if isinstance(node, ast.Constant):
        return node.value.strip(" ,;") if isinstance(node.value, str) else ""
    text, used = "", set()
    for part in node.values if isinstance(node, ast.JoinedStr) else ():
        if isinstance(part, ast.Constant):
            text += str(part.value)
            continue
        name = plain = _hole(part)
        n = 1
        while name in used:
            n += 1
            name = f"{plain}{n}"
        used.add(name)
        text += f"{{{name}}}"
    return text.strip(" ,;")


def _hole(part: ast.AST) -> str:
    value = part.value if isinstance(part, ast.FormattedValue) else part
    while isinstance(value, ast.Subscript | ast.Call):
        value = value.value if isinstance(value, ast.Subscript) else (value.args or [value.func])[0]
    name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
    return re.sub("[^a-z0-9]", "", name.lower()) or "x"


def catalogue(path: Path) -> Catalog:
    """A language's catalogue, with the sentences of the code and no others."""
    with path.open("rb") as file:
        made = read_po(file, locale=path.stem)
    new = Catalog(charset="utf-8")
    for text, module in messages().items():
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
