"""What a gateway process and the sequencer's process say to each other: frames of MessagePack over a connected socket.

    frame = length of the message (4 bytes, big-endian) + message        message = MessagePack array, its tag first

Rules of this file: a message that does not read ends the connection (NotVerified); answers may come in another order than
requests, and carry their ids; whatever is told carries the ledger's size and the changes of state since the last time.
"""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from caveat.errors import BadInput, CaveatError, NotVerified, StaleFence, Unavailable
from caveat.ledger.log import Entry, Fence, Placed

LENGTH_BYTES: Final = 4
MAX_MESSAGE_BYTES: Final = 2**29
"""More than the largest append: 256 entries of 1 MiB and a leaf each."""


class Wanted(Struct, frozen=True, array_like=True):
    """One append on its way.  `id` is the asking process's own."""

    id: int
    entries: tuple[Entry, ...]
    fence: Fence


class Appends(Struct, frozen=True, array_like=True, tag="append"):
    """All appends of one process that waited together."""

    wanted: tuple[Wanted, ...]


class Ask(Struct, frozen=True, array_like=True, tag="ask"):
    """A question; `index` is -1 where it has none, `of` the id that `spent` asks about."""

    id: int
    what: Literal["checkpoint", "entry", "proof", "spent"]
    index: int = -1
    of: str = ""


class Failure(Struct, frozen=True, array_like=True):
    """An error of the port, to be raised again on the other side."""

    kind: str
    message: str
    hint: str = ""
    code: str = ""


class Answer(Struct, frozen=True, array_like=True):
    """What one append is told."""

    id: int
    placed: tuple[Placed, ...]
    failure: Failure | None = None


class Told(Struct, frozen=True, array_like=True, tag="told"):
    """Answers, and news: the ledger's size, the indices of entries that changed the state since the last time, the latest
    time on record."""

    size: int
    changes: tuple[int, ...]
    answers: tuple[Answer, ...] = ()
    at_ms: int = 0


class Reply(Struct, frozen=True, array_like=True, tag="reply"):
    """The answer to a question: bytes, or an entry as MessagePack."""

    id: int
    value: bytes
    failure: Failure | None = None


class Hello(Struct, frozen=True, array_like=True, tag="hello"):
    """The sequencer's first message: the log's name, its size, all changes of state so far, the latest time on record."""

    origin: str
    size: int
    changes: tuple[int, ...]
    at_ms: int = 0


_KINDS: Final[dict[str, type[CaveatError]]] = {
    kind.__name__: kind for kind in (BadInput, NotVerified, StaleFence, Unavailable)
}
_encode = msgspec.msgpack.Encoder().encode
_requests = msgspec.msgpack.Decoder(Appends | Ask)
_told = msgspec.msgpack.Decoder(Told | Reply | Hello)
_entry = msgspec.msgpack.Decoder(Entry)


def write(message: Appends | Ask | Told | Reply | Hello) -> bytes:
    """A message as a frame."""
    return framed(_encode(message))


def framed(data: bytes) -> bytes:
    """Bytes as a frame."""
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def read_request(data: bytes) -> Appends | Ask:
    """What a gateway process wants.  Raises NotVerified."""
    try:
        message: Appends | Ask = _requests.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotVerified(f"a message to the sequencer does not read: {error}", step="message") from None
    return message


def read_told(data: bytes) -> Told | Reply | Hello:
    """What the sequencer says.  Raises NotVerified."""
    try:
        message: Told | Reply | Hello = _told.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotVerified(f"a message of the sequencer does not read: {error}", step="message") from None
    return message


def write_entry(entry: Entry) -> bytes:
    """An entry as the value of a reply."""
    return _encode(entry)


def read_entry(data: bytes) -> Entry:
    """The same back."""
    return _entry.decode(data)


def failure(error: CaveatError) -> Failure:
    """An error as it is told."""
    code = error.code if isinstance(error, Unavailable) else error.exhausted if isinstance(error, StaleFence) else ""
    return Failure(type(error).__name__, error.message, error.hint, code)


def error_of(told: Failure) -> CaveatError:
    """An error as it is raised again; of a kind that the port does not know, Unavailable."""
    kind = _KINDS.get(told.kind, Unavailable)
    if kind is Unavailable:
        return Unavailable(told.message, code=told.code or "unavailable", hint=told.hint)
    if kind is StaleFence:
        return StaleFence(told.message, exhausted=told.code, hint=told.hint)
    return kind(told.message, hint=told.hint)
