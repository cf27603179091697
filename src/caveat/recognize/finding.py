"""What a recognizer saw, and the port that every recognizer obeys."""

from typing import Protocol

from msgspec import Struct

from caveat.recognize.view import View
from caveat.wire.call import Voice


class Finding(Struct, frozen=True, gc=False):
    """A category seen in a part.

    category    a hazard code ("x_inj", "x_cyb", ...), "personal.<what>", "secret.<what>", "marking.<level>",
                "hidden.<how>", "language.uncovered"; every prefix is declared in vocabulary.py
    at          the part's pointer
    start, end  characters of the part's text as it came, 0 <= start <= end <= len(text)
    per_mille   how sure, 0..1000; a rule with a check digit or an exact form says 1000
    recognizer  "name@version"
    value       a value of a closed list that the category carries (a marking's parsed form), never free text
    """

    category: str
    at: str
    start: int
    end: int
    per_mille: int
    recognizer: str
    value: str = ""


class Seen(Struct, frozen=True, gc=False):
    """What a recognizer sees in one view: `start` and `end` are characters of the view's text.  The panel makes it a
    Finding: it knows the part, the recognizer's name and where the view's characters stood in the original."""

    category: str
    start: int
    end: int
    per_mille: int
    value: str = ""


class Recognizer(Protocol):
    """Reads one view of a part's text (normalise.py) and says what is in it.

    Pure and total: any string of any length gives an answer in time linear in its length, never an exception.
    What is seen in a text does not depend on what other parts hold.
    """

    @property
    def name(self) -> str:
        """ "name@version": goes into every record."""
        ...

    @property
    def horizon(self) -> int:
        """How many characters of an exact form, from its first, are needed to see it; the stream guard holds back as
        much.  0 for a learned recognizer, which promises only its window."""
        ...

    @property
    def learned(self) -> bool:
        """Whether it was trained: `detector` in the facts says whether such a one ran."""
        ...

    def might(self, view: View) -> bool:
        """Whether `look` needs to be asked: a cheap test, false only where `look` would see nothing in the view nor
        in any piece of it."""
        ...

    def look(self, view: View, voice: Voice) -> list[Seen]:
        """What is in the view.  `voice` says who speaks: a forged turn means more in a tool's result than in the
        operator's own system text."""
        ...
