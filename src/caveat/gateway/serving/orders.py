"""What the parent of several workers and each worker say to each other, beside the ledger's port: MessagePack in frames.

The first message to a worker is its setup: it holds the embedded model's key, which stands in no argument, file or
environment.
"""

import msgspec
from msgspec import Struct

from caveat.errors import NotVerified
from caveat.gateway.home.tables import Settings
from caveat.gateway.model.lent import Lent
from caveat.ledger.messages import framed


class Setup(Struct, frozen=True, tag="setup"):
    """What a worker begins with.  `number` counts from 1; `embedded` is by the upstream's name."""

    home: str
    number: int
    settings: Settings
    embedded: dict[str, Lent]


class Moved(Struct, frozen=True, tag="moved"):
    """An embedded model was started anew, under the same key."""

    upstream: str
    address: str


class Report(Struct, frozen=True, tag="report"):
    """Say what you have counted."""

    id: int


class Counted(Struct, frozen=True):
    """What one worker has counted, in the exposition format; `answers` is whether it said so just now."""

    worker: int
    answers: bool
    text: str


class Counts(Struct, frozen=True, tag="counts"):
    """What all workers have counted, and those before them that have ended."""

    id: int
    workers: tuple[Counted, ...]
    ended: str


class Ready(Struct, frozen=True, tag="ready"):
    """The worker serves."""


class Failed(Struct, frozen=True, tag="failed"):
    """The worker cannot serve, and ends."""

    message: str
    hint: str


class Reported(Struct, frozen=True, tag="reported"):
    """What this worker has counted."""

    id: int
    text: str


class Collect(Struct, frozen=True, tag="collect"):
    """Somebody asked this worker what all have counted."""

    id: int


Order = Setup | Moved | Report | Counts
Word = Ready | Failed | Reported | Collect

_encode = msgspec.msgpack.Encoder().encode
_orders = msgspec.msgpack.Decoder(Order)
_words = msgspec.msgpack.Decoder(Word)


def write(message: Order | Word) -> bytes:
    """A message as a frame."""
    return framed(_encode(message))


def read_order(data: bytes) -> Order:
    """What the parent says.  Raises NotVerified."""
    try:
        order: Order = _orders.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotVerified(f"an order to a worker does not read: {error}", step="message") from None
    return order


def read_word(data: bytes) -> Word:
    """What a worker says.  Raises NotVerified."""
    try:
        word: Word = _words.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotVerified(f"a worker's message does not read: {error}", step="message") from None
    return word
