"""Tokens, by the engine's own figures, read out of a reply while it passes.

Where they stand: `timings` (llama.cpp: `prompt_n` without what its cache held, `predicted_n`), else `usage` (OpenAI:
`prompt_tokens`, `completion_tokens`; Responses and Anthropic: `input_tokens`, `output_tokens`; llama.cpp and vLLM speak
all of them).  In a stream each event may bring some; the last of each counts.

Rules of this file: nothing is counted here, only read; what cannot be read is no figure; memory is bounded by one event.
"""

from typing import Any, Final

import msgspec

from caveat.errors import CaveatError

MOST_EVENT: Final = 2**20
"""Bytes of one event of a stream; a longer one is passed on, and no figure is read from it."""
_NAMES: Final = (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens"))
_WITHIN: Final = ("response", "message")
"""Where a stream's event holds the reply with its usage: Responses, Anthropic."""


class Figures:
    """What the engine said so far.  `feed` takes the body's bytes as they come; `streams` says how they are cut."""

    def __init__(self, *, streams: bool) -> None:
        self._streams = streams
        self._rest = b""
        self._timed = False
        self.tokens_in: int | None = None
        self.tokens_out: int | None = None

    def feed(self, piece: bytes) -> None:
        """Take in the next bytes."""
        if not self._streams:
            if len(self._rest) < 16 * MOST_EVENT:
                self._rest += piece
            return
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MOST_EVENT:
            self._rest = b""
        for line in lines:
            if line.startswith(b"data:") and (b'"usage"' in line or b'"timings"' in line):
                self._read(line[5:])

    def finish(self) -> None:
        """The body is over."""
        if not self._streams:
            self._read(self._rest)
        self._rest = b""

    def _read(self, data: bytes) -> None:
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, CaveatError):
            return
        if isinstance(value, dict):
            self._take(value)

    def _take(self, value: dict[str, Any]) -> None:
        for name in _WITHIN:
            if isinstance(value.get(name), dict):
                self._usage(value[name].get("usage"))
        self._usage(value.get("usage"))
        if set(value) == {"input_tokens"}:  # a count that was asked for: nothing went through the model
            self.tokens_in = self.tokens_out = 0
        timings = value.get("timings")
        if isinstance(timings, dict):
            self._timed = True
            self.tokens_in = _count(timings.get("prompt_n"), self.tokens_in)
            self.tokens_out = _count(timings.get("predicted_n"), self.tokens_out)

    def _usage(self, usage: Any) -> None:
        if not isinstance(usage, dict) or self._timed:
            return
        for first, second in _NAMES:
            self.tokens_in = _count(usage.get(first), self.tokens_in)
            self.tokens_out = _count(usage.get(second), self.tokens_out)


def _count(value: Any, before: int | None) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15
    return value if good else before
