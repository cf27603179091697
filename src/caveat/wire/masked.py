"""A reply whose words are masked in places: the same JSON, the same events, with a label where something was found.

    {"delta": {"content": "Pay to GB82 WEST 1234 ..."}}  ->  {"delta": {"content": "Pay to [personal.iban]"}}

Rules of this file: pure; a label stands where a mask begins, and the rest of it goes, so that a mask may lie across frames;
a text that a stream repeats whole is masked wherever it is repeated; a member that says the same in numbers (token ids,
bytes) cannot be masked; what was masked is read once more by the dialect's own reader and must say exactly the masked words:
anything else is Unmaskable, and nothing of it may leave.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from caveat.errors import CaveatError
from caveat.wire.reply import Frame, ReplyReader, Said
from caveat.wire.span import Edit, edited, items, members, value, written
from caveat.wire.sse import Events

BLIND: Final = frozenset({"token_ids", "prompt_token_ids", "bytes", "tokens"})
"""Members that say words in numbers."""
NAMES: Final = frozenset(
    {"id", "type", "object", "model", "role", "name", "item_id", "call_id", "tool_call_id", "finish_reason", "status"}
)
"""Members that a program follows: never masked, even where one has the same characters as the model's words."""


class Unmaskable(Exception):
    """What was found cannot be taken out of the reply with certainty."""


class Mask(Struct, frozen=True):
    """Characters [start, end) of a channel, and the category that is put in their place."""

    start: int
    end: int
    label: str


Masks = Callable[[str], Sequence[Mask]]
"""A channel's masks, ascending and apart from one another."""


def merged(masks: Iterable[Mask]) -> tuple[Mask, ...]:
    """The same characters by masks that lie apart; where two meet, the first one's label stands."""
    apart: list[Mask] = []
    for mask in sorted(masks, key=lambda one: (one.start, -one.end, one.label)):
        if apart and mask.start < apart[-1].end:
            last = apart.pop()
            apart.append(Mask(last.start, max(last.end, mask.end), last.label))
        else:
            apart.append(mask)
    return tuple(apart)


def without(text: str, start: int, masks: Sequence[Mask]) -> str:
    """A channel's words from `start` on, masked."""
    out: list[str] = []
    at, end = start, start + len(text)
    for mask in masks:
        if mask.end <= at or mask.start >= end:
            continue
        out.append(text[at - start : max(at, mask.start) - start])
        out.append(f"[{mask.label}]" if at <= mask.start else "")
        at = min(mask.end, end)
    return "".join([*out, text[at - start :]])


def masked(frame: Frame, starts: Sequence[int], masks: Masks, repeated: Mapping[str, str]) -> Frame:
    """The frame with its words masked.  `starts`: where each of `says` begins in its channel; `repeated`: texts that may
    come again whole, and what they are then.  The same frame where nothing is to be masked.  Raises Unmaskable."""
    says = tuple(_said(said, start, masks) for said, start in zip(frame.says, starts, strict=True))
    wanted = {old.text: new.text for old, new in zip(frame.says, says, strict=True) if old.text != new.text}
    wanted |= {old: new for old, new in repeated.items() if old != new and old}
    if not wanted:
        return frame
    raw = _event(frame.raw, wanted) if not frame.raw.lstrip().startswith(b"{") else _json(frame.raw.decode(), wanted)
    return Frame(raw, says, frame.ends, frame.usage, frame.last)


def check_arguments(text: str, masks: Sequence[Mask]) -> None:
    """Return if a tool's arguments are JSON still, where they were.  Raises Unmaskable."""
    if masks and _is_json(text) and not _is_json(without(text, 0, masks)):
        raise Unmaskable


def check(frame: Frame, reader: ReplyReader) -> None:
    """Return if the reader, which has read the masked frames before, hears exactly its words.  Raises Unmaskable."""
    try:
        heard = [said for one in reader.feed(frame.raw) for said in one.says]
    except CaveatError:
        raise Unmaskable from None
    check_words(frame.says, heard)


def check_words(wanted: Sequence[Said], heard: Sequence[Said]) -> None:
    """The same of words that were read.  Raises Unmaskable."""
    if _by_channel(wanted) != _by_channel(heard):
        raise Unmaskable


def _by_channel(says: Sequence[Said]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for said in says:
        texts[said.channel] = texts.get(said.channel, "") + said.text
    return {channel: text for channel, text in texts.items() if text}


def _said(said: Said, start: int, masks: Masks) -> Said:
    text = without(said.text, start, masks(said.channel))
    return said if text == said.text else Said(said.channel, text, said.tool)


def _event(raw: bytes, wanted: Mapping[str, str]) -> bytes:
    """An event with the strings in its data replaced; written anew only where there was one."""
    event = next(Events(limit=len(raw)).feed(raw), None)
    if event is None or not event.data.startswith(b"{"):
        return raw
    data = _json(event.data.decode(), wanted)
    if data == event.data:
        return raw
    name = f"event: {event.name}\n".encode() if event.name else b""
    return name + b"data: " + data + b"\n\n"


def _json(text: str, wanted: Mapping[str, str]) -> bytes:
    edits = [Edit(*span, new) for span, new in _found(text, 0, "", wanted)]
    if edits and any(name in BLIND and value(text, span) for name, span in _named(text, 0)):
        raise Unmaskable
    return edited(text, edits)


def _found(text: str, at: int, name: str, wanted: Mapping[str, str]) -> Iterator[tuple[tuple[int, int], str]]:
    """Each value to be replaced, where it stands, and the JSON in its place; none lies within another."""
    for key, span in _inner(text, at, name):
        begins = text[span[0]]
        if begins == '"' and key not in NAMES:
            new = wanted.get(value(text, span))
            if new is not None:
                yield span, written(new)
        elif begins in "{[":
            new = wanted.get(json.dumps(value(text, span), ensure_ascii=False)) if begins == "{" else None
            if new is None:
                yield from _found(text, span[0], key, wanted)
            elif _is_json(new):
                yield span, new
            else:
                raise Unmaskable


def _inner(text: str, at: int, name: str) -> Iterator[tuple[str, tuple[int, int]]]:
    if text[at:].lstrip()[:1] == "{":
        yield from ((key, (start, end)) for key, start, end in members(text, at))
    else:
        yield from ((name, span) for span in items(text, at))


def _named(text: str, at: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every member at any depth."""
    for key, span in _inner(text, at, ""):
        yield key, span
        if text[span[0]] in "{[":
            yield from _named(text, span[0])


def _is_json(text: str) -> bool:
    try:
        made: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(made, dict | list)
