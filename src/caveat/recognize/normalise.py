"""Normalising before looking: one pass from a text to the views that recognizers look at.

The plain view is the folded text (fold.py).  Beside it stand what was encoded in it, two layers deep (decode.py), and
what was spelled otherwise (spelling.py).  What is decoded adds up to at most twice the text's length, what is
respelled to at most three times.  ASCII text that holds none of this costs a few tests of its shape.
"""

from caveat.recognize.decode import decodings
from caveat.recognize.finding import Seen
from caveat.recognize.fold import fold, strangers
from caveat.recognize.hidden import hidden
from caveat.recognize.spelling import respellings
from caveat.recognize.view import View

NAME = "normalise@1"
DEPTH = 2
MOST = 2
"""Times the text's length: what all decoded views may add up to."""
_SLACK = 256


class Look:
    """A text's views.

    plain     the folded text
    others    decoded and respelled views, each with its way back to the text
    hidden    hidden.zero-width, hidden.bidi, hidden.homoglyph; positions are the text's
    unread    whether more was encoded than the bound lets read: then what is hidden stays hidden, and that is said
    """

    def __init__(self, text: str) -> None:
        strange = strangers(text)
        folded, steps = fold(text, strange)
        self.plain = View(folded, "plain", steps)
        self.hidden: list[Seen] = hidden(text, strange) if strange else []
        self.others: list[View] = []
        self.unread = False
        self._left = MOST * len(text) + _SLACK
        self._decode(self.plain, DEPTH)
        self.others += respellings(self.plain)

    @property
    def views(self) -> list[View]:
        """All of them, the plain one first."""
        return [self.plain, *self.others]

    def _decode(self, view: View, depth: int) -> None:
        for found in decodings(view):
            if self._add(found) and depth > 1:
                self._decode(found, depth - 1)

    def _add(self, view: View) -> bool:
        if any(view.text == other.text for other in self.others):
            return False
        self._left -= len(view.text)
        if self._left < 0:
            self.unread = True
            return False
        self.others.append(view)
        return True
