"""How much of the end of a growing text may be the beginning of an exact form that is not whole yet.

The stream guard holds that much back and lets the rest leave.  `Recognizer.horizon` is the most it can be; here is what it
is for this very text, by the shape of each recognizer's forms:

    a line    a marking stands on a line of its own; a line longer than the horizon is none, and in one that holds no
              level's word only its last characters can begin one
    numbers   groups of digits and the words beside them, or one run without white space (an address)
    a run     keys and tokens have no white space in them, unless a word for secrets announced them
    a token   a control token can begin anywhere

Rules of this file: a function of the text alone, so it does not depend on how a stream was cut; checked against every form
that the tests know, cut at every place (tests/recognize/test_tail.py).  Injected instructions are none of these: they are
graded, not exact, and in a model's own words they instruct nobody.
"""

from collections.abc import Callable, Iterable
from typing import Any

from caveat.recognize.banners import Banners
from caveat.recognize.control_tokens import ControlTokens
from caveat.recognize.finding import Recognizer
from caveat.recognize.injection import Injection
from caveat.recognize.normalise import Look
from caveat.recognize.personal import Personal
from caveat.recognize.secrets import Secrets

QUIET = 64
"""Characters of a form that may stand before the word or sign by which its recognizer's quick test knows it."""
GROUPS = 96
"""The longest number in groups, with the white space between them: two lines of a travel document."""
_SPACES = " \n\t\r"


def pending(recognizers: Iterable[Recognizer], text: str) -> int:
    """Characters at the end of `text` to hold back, 0 <= n <= len(text)."""
    return max((min(_RULES.get(type(r), _whole)(r, text), r.horizon, len(text)) for r in recognizers), default=0)


def _whole(recognizer: Recognizer, _text: str) -> int:
    return recognizer.horizon


def _nothing(_recognizer: Recognizer, _text: str) -> int:
    return 0


def _line(recognizer: Recognizer, text: str) -> int:
    line = text[text.rfind("\n") + 1 :]
    if len(line) > recognizer.horizon:
        return 0
    return len(line) if _might(recognizer, line) else QUIET


def _numbers(recognizer: Recognizer, text: str) -> int:
    return max(GROUPS, _run(text[-recognizer.horizon :]))


def _announced(recognizer: Recognizer, text: str) -> int:
    tail = text[-recognizer.horizon :]
    return recognizer.horizon if _might(recognizer, tail) else max(QUIET, _run(tail))


def _might(recognizer: Recognizer, tail: str) -> bool:
    return any(recognizer.might(view) for view in Look(tail).views)


def _run(tail: str) -> int:
    """Length of the last run without white space."""
    return len(tail) - 1 - max(tail.rfind(space) for space in _SPACES)


_RULES: dict[Any, Callable[[Recognizer, str], int]] = {
    Banners: _line,
    Personal: _numbers,
    Secrets: _announced,
    ControlTokens: _whole,
    Injection: _nothing,
}
