"""Windows over text that is too long, or not complete.

For a long text, a learned recognizer reads overlapping windows: each character lies in one, and each run of up to
`overlap` characters lies whole in one.

For a stream, the guard evaluates at fixed offsets (every `stride` characters, and at the end) over the last `window`
characters, however the provider cut it; so what is seen is a function of the text alone.  A form of an exact
recognizer needs at most `horizon` characters to be seen; the guard lets a character leave when it lies `horizon`
before an evaluation's end, so no form that it begins has left when it is seen, given horizon + stride <= window.
"""

from collections.abc import Iterator

LEAD = 256
"""Characters at the head of a window that began in mid-text which are context: what begins there was seen before."""


def windows(length: int, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """[start, end) of windows of at most `size` characters over a text, 0 <= overlap < size; one, empty, for ""."""
    start = 0
    while start + size < length:
        yield start, start + size
        start += size - overlap
    yield start, length


def evaluations(before: int, after: int, stride: int) -> Iterator[int]:
    """The fixed offsets that a stream reaches when it grows from `before` to `after` characters."""
    return iter(range(before - before % stride + stride, after + 1, stride))


def behind(offset: int, window: int) -> tuple[int, int]:
    """The characters [start, end) that an evaluation at `offset` reads."""
    return max(0, offset - window), offset


def may_leave(offset: int, horizon: int) -> int:
    """How many of a stream's characters may have left once the evaluation at `offset` found nothing."""
    return max(0, offset - horizon)
