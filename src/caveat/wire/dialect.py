"""What a dialect is: one frozen table of functions, made by one file per dialect and listed in wire/dialects.py."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from caveat.wire.call import Call
from caveat.wire.reply import Frame, Halt, ReplyReader, ReplyWriter


class Refusal(Struct, frozen=True):
    """An error answer in a dialect's own format: what an official SDK turns into its own exception."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class ReadReply(Protocol):
    """Reads a whole reply.  `asked` is the body that was sent: where a reply repeats it, that is no word of the model's."""

    def __call__(self, body: bytes, asked: bytes = b"", /) -> Frame: ...


class MakeReader(Protocol):
    """Makes a fresh ReplyReader for one stream; `asked` as in ReadReply."""

    def __call__(self, asked: bytes = b"", /) -> ReplyReader: ...


class Dialect(Struct, frozen=True):
    """How one wire format is read and written.  Every function is pure.

    name         "openai_chat", "anthropic_messages", ...
    operation    OTel gen_ai.operation.name of its calls
    paths        request paths, without query
    read_call    body -> Call; raises Unreadable naming the pointer
    read_reply   a whole (not streamed) reply body -> one Frame; raises Unreadable
    reader       a fresh ReplyReader for one stream
    writer       a fresh ReplyWriter for one stream
    with_model   body with exactly the top-level `model` value rewritten in place, every other byte untouched
    with_limit   body whose output limit is at most the number given (a duty amends it), untouched if it already is
    with_notice  a whole reply body with a notice added to each plain text answer, and how many were labelled;
                 the body as it came and 0 where the dialect's reply has no plain text
    refuse       (status, halt, call id) -> an error answer in the dialect's shape
    """

    name: str
    operation: str
    paths: tuple[str, ...]
    read_call: Callable[[bytes], Call]
    read_reply: ReadReply
    reader: MakeReader
    writer: Callable[[], ReplyWriter]
    with_model: Callable[[bytes, str], bytes]
    with_limit: Callable[[bytes, int], bytes]
    with_notice: Callable[[bytes, str], tuple[bytes, int]]
    refuse: Callable[[int, Halt, str], Refusal]
