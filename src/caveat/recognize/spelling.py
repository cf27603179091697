"""Letters written otherwise: 1gn0r3 (leetspeak) and i g n o r e (spaced out), read as words again.

Only the neighbourhood of such words becomes a view, so that honest text with a `gpt4o` in it costs next to nothing.
"""

import re
from collections.abc import Iterator

from caveat.recognize.repeat import all_of
from caveat.recognize.view import CUT, Lazy, Steps, View, neighbourhoods, through

_SHAPE = bytes(
    97 if chr(i).isalpha() and i < 128 else 48 if chr(i) in "0134578@$!|" else 32 if chr(i) in " ._-*|/+" else 46
    for i in range(256)
)
_LEET_WORD = re.compile(rb"a0+a|0a+0|(?<!a)0aa")
_LEET_SIGNS = (b"a0a", b"0aa")
"""What any text with such words has: one digit before a letter, and another letter before or behind."""
_LEET = [str.maketrans("01345789@$!|", f"o{one}eastbgas{one}{one}") for one in "il"]

_SINGLES = frozenset(bytes([c]) for c in b"bcefghjklnopqruvwxyz")
"""Letters that seldom stand alone: not those of `a`, `I`, `it's`, `don't`, `I'm`, `I'd`."""
_LEAST_LETTERS = 2
_SPACED_RUN = re.compile(r"(?<![^\W_])[^\W\d_]" + all_of(r"[ ._\-*|/+]{1,4}[^\W\d_](?![^\W_])", "{5,}"))
_GAP = re.compile(r"[ ._\-*|/+]+")


def respellings(view: View) -> Iterator[View]:
    """The view's leetspeak and spaced-out letters as words."""
    spaced = len(_SINGLES & view.words) >= _LEAST_LETTERS
    if spaced or view.digits > 1 or "@" in view.text or "$" in view.text:
        shape = view.raw.translate(_SHAPE)
        if any(sign in shape for sign in _LEET_SIGNS):
            yield from _unleet(view, shape)
        if spaced and (b"a a a" in shape or b"a  a  a" in shape or b"a   a   a" in shape):
            yield from _joined(view)


def _unleet(view: View, shape: bytes) -> Iterator[View]:
    steps, size = Steps(len(view.text)), 0
    pieces: list[str] = []
    for start, end in neighbourhoods(view.text, (word.span() for word in _LEET_WORD.finditer(shape))):
        steps.step(size, start)
        pieces += (view.low[start:end], CUT)
        size += end - start + 1
    text = "".join(pieces)
    before = text
    for table in _LEET if "1" in text or "!" in text or "|" in text else _LEET[:1]:
        respelled = text.translate(table)
        yield View(respelled, "leet", through(steps, view.way), before)
        before = respelled


def _joined(view: View) -> Iterator[View]:
    runs = list(_SPACED_RUN.finditer(view.text))
    if runs:
        text = "".join(_drawn_together(run.group()) + CUT for run in runs)
        yield View(text, "spaced", through(Lazy(lambda: _letters(runs, len(view.text))), view.way))


def _drawn_together(run: str) -> str:
    """`s e c r e t  p l a n` -> `secret plan`: narrow gaps vanish, wide ones stay, slashes too."""
    narrow = _narrow(run)
    return _GAP.sub(lambda gap: _kept(gap.group(), narrow), run)


def _narrow(run: str) -> int:
    return min(map(len, set(_GAP.findall(run))))


def _kept(gap: str, narrow: int) -> str:
    return "//" if "//" in gap else " " if len(gap) > narrow else ""


def _letters(runs: list[re.Match[str]], end: int) -> Steps:
    """The way back from runs drawn together, each followed by a cut."""
    steps, size = Steps(end), 0
    for run in runs:
        narrow, done = _narrow(run.group()), 0
        for gap in _GAP.finditer(run.group()):
            steps.step(size, run.start() + done)
            size += gap.start() - done + len(_kept(gap.group(), narrow))
            done = gap.end()
        steps.step(size, run.start() + done)
        steps.step(size + run.end() - run.start() - done, run.end())
        size += run.end() - run.start() - done + 1
    return steps
