"""Tool definitions taken out of a request's bytes, every other byte untouched.

Rule of this file: like span.py, only bodies that read_call has accepted come here.  What is left is still a request that
its dialect reads: a list that loses all its tools goes with its member, and so does a choice that names one of them.
"""

from collections.abc import Collection, Iterator

from caveat.wire.body import strings
from caveat.wire.call import Tool
from caveat.wire.span import Edit, edited, items, members, value

_LISTS = ("tools", "functions")
_CHOICES = ("tool_choice", "function_call", "parallel_tool_calls")
"""Members that say which of the tools may or must be called."""

_Span = tuple[int, int]


def without_tools(body: bytes, gone: Collection[Tool]) -> bytes:
    """The body without these of its tools; as it came where there are none."""
    if not gone:
        return body
    text, at = body.decode(), {tool.at for tool in gone}
    spans = [(name, (start, end)) for name, start, end in members(text)]
    drop = {name for name, span in spans if name in _LISTS and not _left(text, span, f"/{name}", at)}
    is_bare = not [name for name, span in spans if name in _LISTS and name not in drop]
    names = {tool.name for tool in gone}
    for name, span in spans:
        if name in _CHOICES and (is_bare or not names.isdisjoint(strings(value(text, span)))):
            drop.add(name)
    edits = _cut(_whole(text, spans), [n for n, (name, _) in enumerate(spans) if name in drop])
    for name, span in spans:
        if name not in drop:
            edits += _inside(text, span, f"/{name}", at)
    return edited(text, edits)


def _left(text: str, span: _Span, at: str, gone: Collection[str]) -> bool:
    """Whether a list keeps any of its items."""
    count = len(list(items(text, span[0]))) if text[span[0]] == "[" else 0
    return any(f"{at}/{n}" not in gone for n in range(count))


def _whole(text: str, spans: list[tuple[str, _Span]]) -> list[_Span]:
    """Each member from the beginning of its name to the end of its value."""
    found: list[_Span] = []
    before = text.index("{") + 1
    for _, (_, end) in spans:
        found.append((text.index('"', before), end))
        before = end
    return found


def _cut(spans: list[_Span], drop: Collection[int]) -> list[Edit]:
    """The edits that take some neighbours out of a list, each with the comma that it needs no more."""
    kept = [n for n in range(len(spans)) if n not in drop]
    last = kept[-1] if kept else -1
    edits = [Edit(spans[n][0], spans[n + 1][0], "") for n in drop if n < last]
    if last < len(spans) - 1 and spans:
        edits.append(Edit(spans[last][1] if kept else spans[0][0], spans[-1][1], ""))
    return edits


def _inside(text: str, span: _Span, at: str, gone: Collection[str]) -> Iterator[Edit]:
    """The edits that take the pointers of `gone` out of the lists at and below a value."""
    if not any(pointer.startswith(f"{at}/") for pointer in gone):
        return
    if text[span[0]] == "[":
        found = list(items(text, span[0]))
        yield from _cut(found, [n for n in range(len(found)) if f"{at}/{n}" in gone])
        below = [(f"{at}/{n}", one) for n, one in enumerate(found) if f"{at}/{n}" not in gone]
    elif text[span[0]] == "{":
        below = [(f"{at}/{name}", (start, end)) for name, start, end in members(text, span[0])]
    else:
        return
    for here, one in below:
        yield from _inside(text, one, here, gone)
