"""An upstream's error, read before it is passed on: its words are judged like the model's."""

from caveat.wire.body import read_json, strings
from caveat.wire.reply import Frame, Said


def read_error(body: bytes) -> Frame:
    """An error body as a frame: every string and name in it is said on one channel.  Raises Unreadable."""
    return Frame(body, tuple(Said("error/text", text + "\n") for text in strings(read_json(body))), last=True)
