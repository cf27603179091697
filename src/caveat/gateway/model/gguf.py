"""Reads what a GGUF file says of itself: name, licence, context size, and the control tokens of its tokenizer.

Source: the GGUF specification, version 3 (ggml, docs/gguf.md): little-endian, `GGUF`, version, number of tensors,
number of key-value pairs, the pairs.  Rule of this file: a file from anywhere gives either values or BadInput, and no
more is read than what it holds.
"""

import mmap
import struct
from pathlib import Path
from typing import Any

from msgspec import Struct

from caveat.errors import BadInput

MAGIC = b"GGUF"
VERSIONS = (2, 3)
CONTROL = 3
"""llama_token_type of tokens that steer the model (turn marks) and that no text should be able to forge."""

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_UNPACK = {kind: struct.Struct("<" + code) for kind, code in _SCALARS.items()}
_MOST_PAIRS = 10_000


class Weights(Struct, frozen=True):
    """What a model file says of itself; "" and 0 where it does not say.

    context_tokens   the longest context that it was trained for
    control_tokens   text of the tokens of kind CONTROL, in the tokenizer's order
    """

    architecture: str
    name: str
    licence: str
    context_tokens: int
    control_tokens: tuple[str, ...]
    chat_template: str


def read_weights(path: Path) -> Weights:
    """Raises BadInput for a file that cannot be read or is no GGUF of a version known here."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            pairs = _Reader(data).pairs()
    except OSError as error:
        raise BadInput(f"cannot read the model file `{path}`: {error.strerror}") from None
    except (ValueError, struct.error, OverflowError, RecursionError):  # ValueError: an empty file cannot be mapped
        raise BadInput(f"`{path}` is no GGUF model file, or it is cut short", hint="download it again") from None
    return _weights(pairs)


def _weights(pairs: dict[str, Any]) -> Weights:
    architecture = str(pairs.get("general.architecture", ""))
    tokens = pairs.get("tokenizer.ggml.tokens", [])
    kinds = pairs.get("tokenizer.ggml.token_type", [])
    context = pairs.get(f"{architecture}.context_length", 0)
    return Weights(
        architecture=architecture,
        name=str(pairs.get("general.name", "")),
        licence=str(pairs.get("general.license", "")),
        context_tokens=context if isinstance(context, int) else 0,
        control_tokens=tuple(token for token, kind in zip(tokens, kinds, strict=False) if kind == CONTROL),
        chat_template=str(pairs.get("tokenizer.chat_template", "")),
    )


class _Reader:
    """A place in the file that only moves forward.  Raises ValueError or struct.error at what does not fit."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def pairs(self) -> dict[str, Any]:
        if self._bytes(4) != MAGIC or self._scalar(4) not in VERSIONS:
            raise ValueError("not GGUF")
        self._scalar(10)  # the number of tensors, which come after the pairs
        count = self._scalar(10)
        if count > _MOST_PAIRS:
            raise ValueError("too many pairs")
        return {self._string(): self._value(self._scalar(4)) for _ in range(count)}

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array()
        return self._scalar(kind)

    def _array(self) -> list[Any]:
        kind, count = self._scalar(4), self._scalar(10)
        if kind in _UNPACK:
            size = _UNPACK[kind].size * count
            return [value for (value,) in _UNPACK[kind].iter_unpack(self._bytes(size))]
        if count > len(self._data) - self._at:
            raise ValueError("longer than the file")
        return [self._value(kind) for _ in range(count)]

    def _string(self) -> str:
        return self._bytes(self._scalar(10)).decode("utf-8", "replace")

    def _scalar(self, kind: int) -> Any:
        if kind not in _UNPACK:
            raise ValueError("unknown kind of value")
        return _UNPACK[kind].unpack(self._bytes(_UNPACK[kind].size))[0]

    def _bytes(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise ValueError("longer than the file")
        start, self._at = self._at, self._at + size
        return self._data[start : self._at]
