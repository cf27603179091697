"""A streamed reply's frames, masked as they leave where the duty `redact.output` is owed.

Rule of this file: a frame whose masks cannot be placed with certainty does not leave, and the guard stops the reply.
"""

from collections.abc import Callable
from copy import deepcopy

import msgspec
from msgspec import Struct

from caveat.decide.guard import Guard
from caveat.errors import CaveatError
from caveat.wire.masked import Unmaskable, check, check_arguments, check_words, masked, without
from caveat.wire.reply import Frame, ReplyReader, Said


class Waiting(Struct, frozen=True):
    """A frame that waits: its words with the place in their channel where each begins, and for each channel how many
    characters must have been released; `kept` says that the guard waited already when it came."""

    frame: Frame
    words: tuple[tuple[Said, int], ...]
    needs: dict[str, int]
    kept: bool


class Masking:
    """One reply's.  `hear` every word as it comes, `masked` every frame as it leaves, in order.  `checker` is a reader of the
    dialect, of its own."""

    def __init__(self, guard: Guard, checker: ReplyReader) -> None:
        self._guard = guard
        self._checker = checker
        self._texts: dict[str, list[str]] = {}
        self._tools: set[str] = set()

    def copy(self) -> "Masking":
        """The same so far, for a look ahead."""
        other = Masking(self._guard, deepcopy(self._checker))
        other._texts, other._tools = self._texts, self._tools
        return other

    def hear(self, said: Said) -> None:
        """Words that came."""
        self._texts.setdefault(said.channel, []).append(said.text)
        if said.tool:
            self._tools.add(said.channel)

    def masked(self, held: Waiting) -> Waiting:
        """The frame as it leaves.  Raises Unmaskable, once it has stopped the reply."""
        try:
            frame = masked(held.frame, [start for _, start in held.words], self._guard.masks, self._repeated())
            check(frame, self._checker)
        except Unmaskable:
            self._guard.unmaskable()
            raise
        words = tuple((said, start) for said, (_, start) in zip(frame.says, held.words, strict=True))
        return msgspec.structs.replace(held, frame=frame, words=words)

    def _repeated(self) -> dict[str, str]:
        """Each channel's words so far that have masks, and what they are then."""
        found: dict[str, str] = {}
        for channel, pieces in self._texts.items():
            masks = self._guard.masks(channel)
            if masks:
                text = "".join(pieces)
                if channel in self._tools:
                    check_arguments(text, masks)
                found[text] = without(text, 0, masks)
        return found


def masked_whole(guard: Guard, frame: Frame, read: Callable[[bytes], Frame]) -> bytes:
    """A reply's body as it leaves; `read` reads such a body.  Raises Unmaskable."""
    texts: dict[str, str] = {}
    starts: list[int] = []
    for said in frame.says:
        starts.append(len(texts.get(said.channel, "")))
        texts[said.channel] = texts.get(said.channel, "") + said.text
    for said in frame.says:
        if said.tool:
            check_arguments(texts[said.channel], guard.masks(said.channel))
    made = masked(frame, starts, guard.masks, {})
    if made is not frame:
        try:
            check_words(made.says, read(made.raw).says)
        except CaveatError:
            raise Unmaskable from None
    return made.raw
