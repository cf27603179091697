"""The sentences of the code, read off its syntax trees: messages of errors, their hints, and whatever else may be shown
(script/words).  An f-string's open places become `{name}`."""
# ruff: noqa: INP001

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

WHERE = runpy.run_path(str(Path(__file__).with_name("sentences_where.py")))
ROOT, ERRORS, SHOWN, MORE = (WHERE[name] for name in ("ROOT", "ERRORS", "SHOWN", "MORE"))
HOLE, SENTENCE, NO_SENTENCE, MARKED = (WHERE[name] for name in ("HOLE", "SENTENCE", "NO_SENTENCE", "MARKED"))


def messages() -> dict[str, str]:
    """Every sentence, and the module in which it stands first."""
    found: dict[str, str] = {}
    for name, whole in WHERE["modules"]():
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
