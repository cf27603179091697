"""An upstream's error, read before it is passed on: its words are judged like the model's."""

from collections.abc import Iterator
from typing import Any

from caveat.wire.body import read_json
from caveat.wire.reply import Frame, Said


def read_error(body: bytes) -> Frame:
    """An error body as a frame: every string and name in it is said on one channel.  Raises Unreadable."""
    return Frame(body, tuple(Said("error/text", text + "\n") for text in _strings(read_json(body))), last=True)


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, item in value.items():
                yield name
                yield from _strings(item)
        case list():
            for item in value:
                yield from _strings(item)
