"""The words of a call or a reply, as a person reads them: texts that grew in pieces are whole again.

For showing, never for deciding: what does not read as its dialect stands there as it came.
"""

from caveat.errors import CaveatError
from caveat.wire.dialect import Dialect
from caveat.wire.dialects import DIALECTS
from caveat.wire.reply import Frame

Words = tuple[tuple[str, str], ...]
"""Where each text stands (a pointer into the request, a channel of the reply), and the text."""


def request_words(dialect: str, body: bytes) -> Words:
    """Every part of a request, by its pointer."""
    try:
        return tuple((part.at, part.text) for part in DIALECTS[dialect].read_call(body).parts)
    except (CaveatError, KeyError):
        return _as_it_came(body)


def reply_words(dialect: str, body: bytes, *, streamed: bool, asked: bytes = b"") -> Words:
    """Every channel of a reply; `asked` is the request's body, which a reply may repeat."""
    try:
        channels: dict[str, list[str]] = {}
        for frame in _frames(DIALECTS[dialect], body, asked, streamed=streamed):
            for said in frame.says:
                channels.setdefault(said.channel, []).append(said.text)
    except (CaveatError, KeyError):
        return _as_it_came(body)
    return tuple((channel, "".join(pieces)) for channel, pieces in channels.items())


def _frames(dialect: Dialect, body: bytes, asked: bytes, *, streamed: bool) -> list[Frame]:
    if not streamed:
        return [dialect.read_reply(body, asked)]
    reader = dialect.reader(asked)
    return [*reader.feed(body), *reader.finish()]


def _as_it_came(body: bytes) -> Words:
    return (("", body.decode(errors="replace")),)
