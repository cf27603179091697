"""Holds a streamed reply back until the guard has read it, then lets it go byte for byte.

Rules of this file (sans-IO: bytes in, bytes out):

- a frame leaves when every word in it was released by the guard, and never before a frame that came earlier;
- a frame leaves exactly as it came, but for words that a duty masks; only at a stop is its released part written anew, so
  that what had left does not depend on how the provider cut its chunks;
- the frame that ends the reply is kept back: it leaves after the outcome is on record (`last`);
- while the guard waits (for persons, for a waiver's use to be on record), no frame leaves; `rest` is what would;
- a notice is placed before the frame that completes a text channel.
"""

from collections import deque
from copy import deepcopy

from msgspec import Struct

from caveat.decide.guard import Guard
from caveat.errors import Unavailable
from caveat.gateway.call.masking import Masking, Waiting
from caveat.wire.masked import Unmaskable, without
from caveat.wire.reply import Frame, Halt, ReplyReader, ReplyWriter, Said, Usage

MOST_HELD = 8 * 2**20
"""Bytes of one reply that may wait: a tool call that never becomes whole would else fill the memory."""


class Rest(Struct, frozen=True):
    """What waits, as it would leave.

    data        its bytes, the last frame's too        complete   whether the provider has said that the reply is
    notices     notices placed in all                  characters that have left in all, once this has
    """

    data: bytes
    complete: bool
    notices: int
    characters: int


NOTHING = Rest(b"", complete=False, notices=0, characters=0)


class Relay:
    """One streamed reply on its way.  `feed` and `finish` return bytes that may leave now."""

    def __init__(  # noqa: PLR0913
        self,
        reader: ReplyReader,
        writer: ReplyWriter,
        guard: Guard,
        notice: str,
        *,
        checker: ReplyReader | None = None,
        most_held: int = MOST_HELD,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._guard = guard
        self._notice = notice
        self._held: deque[Waiting] = deque()
        self._held_bytes = 0
        self._most_held = most_held
        self._written: dict[str, int] = {}
        self._left: dict[str, int] = {}
        self._tools: set[str] = set()
        self._masks = Masking(guard, checker) if checker is not None else None
        self.usage: Usage | None = None
        self.last = b""
        self.complete = False
        self.notices = 0

    @property
    def stopped(self) -> bool:
        """Whether a clause has ended the reply."""
        return self._guard.stopped is not None

    @property
    def characters_left(self) -> int:
        """Characters of the model's words that have left for the client."""
        return sum(self._left.values())

    def feed(self, data: bytes) -> list[bytes]:
        """Take in what the upstream sent.  Raises Unreadable; what was released before it must still be sent."""
        for frame in self._reader.feed(data):
            self._take(frame)
        return self._release()

    def finish(self) -> list[bytes]:
        """The upstream has closed its stream.  Raises Unreadable where it did so in the middle of an event."""
        for frame in self._reader.finish():
            self._take(frame)
        self._guard.finish()
        return self._release()

    def rest(self) -> Rest:
        """What waits, as it would leave without the guard; nothing here changes by asking.  Raises Unmaskable, once the guard
        has stopped the reply for it."""
        writer, masks = deepcopy(self._writer), self._masks and self._masks.copy()
        out: list[bytes] = []
        left, notices, complete = dict(self._left), self.notices, self.complete
        for waiting in self._held:
            held = masks.masked(waiting) if masks else waiting
            complete = complete or held.frame.last
            before, after = ([], []) if held.frame.last else self._labels(writer, held)
            notices += len(before) + len(after)
            out += [*before, writer.leaving(held.frame), *after]
            writer.saw(held.frame)
            left.update(held.needs)
        return Rest(b"".join(out) + self.last, complete, notices, sum(left.values()))

    def stop(self, halt: Halt) -> bytes:
        """The bytes that end the reply as filtered, released words first."""
        out = b"".join(self._partial(held) for held in self._held)
        self._held.clear()
        return out + self._writer.stop(halt)

    def broke(self, halt: Halt) -> bytes:
        """The bytes that tell the client that the reply is not complete."""
        self._held.clear()
        return self._writer.broke(halt)

    def _take(self, frame: Frame) -> None:
        if self.stopped:
            return
        words: list[tuple[Said, int]] = []
        for said in frame.says:
            if said.tool:
                self._tools.add(said.channel)
            self._guard.feed(said.channel, said.text, tool=said.tool)
            if self._masks:
                self._masks.hear(said)
            start = self._written.get(said.channel, 0)
            self._written[said.channel] = start + len(said.text)
            words.append((said, start))
        for channel in frame.ends:
            self._guard.end(channel)
        self.usage = frame.usage or self.usage
        needs = {said.channel: start + len(said.text) for said, start in words}
        self._held.append(Waiting(frame, tuple(words), needs, self._guard.waits))
        self._held_bytes += len(frame.raw)
        if self._held_bytes > self._most_held:
            raise Unavailable("the model's reply holds too much that cannot leave yet", code="upstream_unreadable")

    def _release(self) -> list[bytes]:
        out: list[bytes] = []
        while self._held and self._free(self._held[0]):
            held = self._held.popleft()
            self._held_bytes -= len(held.frame.raw)
            try:
                held = self._masks.masked(held) if self._masks else held
            except Unmaskable:
                return out
            if held.frame.last:
                self.complete = True
                self.last += self._writer.leaving(held.frame)
                continue
            before, after = self._labels(self._writer, held)
            self.notices += len(before) + len(after)
            out += [*before, self._writer.leaving(held.frame), *after]
            self._writer.saw(held.frame)
            for channel, need in held.needs.items():
                self._left[channel] = need
        return out

    def _free(self, held: Waiting) -> bool:
        if held.kept and (self._guard.waits or self.stopped):
            return False
        return all(self._guard.released(channel) >= need for channel, need in held.needs.items())

    def _labels(self, writer: ReplyWriter, held: Waiting) -> tuple[list[bytes], list[bytes]]:
        """The notices before and behind a frame that completes a text which a person will read."""
        before: list[bytes] = []
        after: list[bytes] = []
        for channel in held.frame.ends if self._notice else ():
            if channel in self._tools or not channel.endswith(("/content", "/text")):
                continue
            event = writer.text(channel, "\n\n" + self._notice)
            if event:
                (after if channel in held.needs else before).append(event)
        return before, after

    def _partial(self, held: Waiting) -> bytes:
        """The part of a waiting frame that was released before the stop, written anew."""
        out = b""
        for said, start in held.words:
            free = min(self._guard.released(said.channel) - start, len(said.text))
            if free > 0 and not said.tool:
                words = without(said.text[:free], start, self._guard.masks(said.channel))
                out += self._writer.text(said.channel, words)
                self._left[said.channel] = start + free
        return out
