"""What a recognizer saw, and the port that every recognizer obeys."""

from typing import Protocol

from msgspec import Struct

from caveat.wire.call import Part


class Finding(Struct, frozen=True):
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


class Recognizer(Protocol):
    """Reads one part and says what is in it.

    Pure and total: any string of any length gives an answer in time linear in its length, never an exception.
    Findings of a text do not depend on what other parts hold.
    """

    @property
    def name(self) -> str:
        """ "name@version": goes into every record."""
        ...

    @property
    def horizon(self) -> int:
        """The longest finding, in characters, for recognizers that see exact forms; the stream guard holds back as
        much.  0 for a learned recognizer, which promises only its window."""
        ...

    def recognize(self, part: Part) -> list[Finding]: ...
