"""A reply in the normal form: frames that carry the model's words, whichever way the provider cuts them.

A `Frame` is the smallest piece that can leave for the client: one server-sent event of a stream, or the whole
body of a reply that is not streamed.  Its bytes leave exactly as they came unless a duty amends them.  What the
model said in it stands beside the bytes, by channel, so that the guard can judge text across frames.

A channel names one growing text: "0/content", "1/reasoning", "0/tool/1", "block/2/text", ...  Text in two channels is
never joined.  A channel that ends in `/content` or `/text` is an answer that a person will read.
"""

from typing import Protocol

from msgspec import Struct


class Said(Struct, frozen=True):
    """Words that a frame adds to a channel.  `tool` is the tool's name where the words are its arguments, else ""."""

    channel: str
    text: str
    tool: str = ""


class Usage(Struct, frozen=True):
    """Tokens by the provider's own count, >= 0."""

    tokens_in: int
    tokens_out: int


class Frame(Struct, frozen=True):
    """One piece of a reply.

    raw    bytes to send on
    says   words added, in order; empty for a frame that carries none
    ends   channels that are complete with this frame (tool arguments are judged only when complete)
    usage  the provider's count, where this frame carries one
    last   whether the provider says that the reply is complete with this frame
    """

    raw: bytes
    says: tuple[Said, ...] = ()
    ends: tuple[str, ...] = ()
    usage: Usage | None = None
    last: bool = False


class Halt(Struct, frozen=True):
    """Why a reply ends before the model was done: what the dialect tells the client.

    `code` is one of the closed list in gateway/problems; `message` quotes the clause; `clause` its id or "".
    """

    code: str
    message: str
    clause: str = ""


class ReplyReader(Protocol):
    """Turns a stream's bytes into frames, however they are cut.  One per reply; not to be shared."""

    def feed(self, data: bytes) -> list[Frame]:
        """Frames completed by `data`.  Raises Unreadable on an event or field that the dialect's table does not
        know, and Unavailable for an error that the provider reports in its stream; frames completed before either are
        returned by the call before, never lost."""
        ...

    def finish(self) -> list[Frame]:
        """Frames that only the end of the stream completes.  Raises Unreadable where the stream ended in the middle
        of an event."""
        ...


class ReplyWriter(Protocol):
    """Makes bytes of the dialect's stream that the provider did not write.  One per reply; it has seen the frames."""

    def saw(self, frame: Frame) -> None:
        """Note a frame that has left for the client, so that ids, names and open blocks can be continued."""
        ...

    def leaving(self, frame: Frame) -> bytes:
        """The bytes of a frame as it leaves: as it came, but where it repeats a text to which `text` has added."""
        ...

    def text(self, channel: str, text: str) -> bytes:
        """An event that adds `text` to an open text channel; b"" where the channel cannot take text."""
        ...

    def stop(self, halt: Halt) -> bytes:
        """Events that end the reply as filtered: finish_reason `content_filter`, stop_reason `refusal`.  The stream
        is then complete for the SDK, terminator included."""
        ...

    def broke(self, halt: Halt) -> bytes:
        """An error event (`event: error` and `data:`), after which the stream ends without its terminator."""
        ...
