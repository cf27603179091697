"""What a Responses stream has told so far, against which it repeats itself.

The stream says each text up to four times: in pieces, at the end of the part, of the item, of the whole response.
Rules of this file:

- a text that grows in pieces must be repeated exactly, or not at all: anything else is Unreadable, for words that
  nobody has judged would leave in the repetition;
- a value that comes whole (a search, a citation) may change on its way: each other form of it is Said anew, on a channel
  of its own that is complete at once;
- what the provider echoes of the request is compared with it: a string of the request is no word of the model's, any
  other is Said.
"""

from typing import Any

from caveat.errors import Unreadable
from caveat.wire.body import strings
from caveat.wire.heard import Heard

_API_WORDS = frozenset(
    """24h 30m 12h allowed_callers async auto cache_hit context current_turn all_turns concise defer_loading default
    description detailed developer direct disabled effort enabled explicit flex format function generate_summary high id
    implicit in-memory in_memory input json_object low max medium minimal mode name none output output_schema parameters
    payer policy priority pro required scale standard strict summary text tools ttl type variables verbosity version
    xhigh""".split()  # noqa: SIM905
)
"""Member names and closed words of the API itself, with which a server fills what the request left out."""


class Told(Heard):
    """One reply being read.  `repeats` says that the members read now repeat what was said before."""

    __slots__ = ("_again", "_asked", "_names", "_texts", "_whole", "repeats")

    def __init__(self, asked: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.repeats = False
        self._asked = asked
        self._texts: dict[str, list[str]] = {}
        self._again: dict[str, list[str]] = {}
        self._whole: dict[str, list[str]] = {}
        self._names: dict[str, Any] = {}

    def say(self, suffix: str, text: str) -> None:
        """See heard.Heard.say; in a repetition, remembered for `compare`."""
        channel = self.prefix + suffix
        if self.repeats:
            self._again.setdefault(channel, []).append(text)
        elif text:
            super().say(suffix, text)
            self._texts.setdefault(channel, []).append(text)

    def call(self, prefix: str, name: Any, at: str) -> None:
        """See heard.Heard.call; in a repetition, the name must be the same."""
        if not self.repeats:
            super().call(prefix, name, at)
            self._names[prefix] = self.tool
            return
        if prefix not in self._names or name not in (None, self._names[prefix]):
            raise Unreadable("the stream repeats a tool call with another name", at=at)
        self.prefix, self.tool = prefix, self._names[prefix]

    def whole(self, suffix: str, text: str) -> None:
        """Words that come whole: Said where they are other than before, and complete at once."""
        if not text:
            return
        forms = self._whole.setdefault(self.prefix + suffix, [])
        if text in forms:
            return
        place = f"{suffix}/{len(forms)}" if forms else suffix
        forms.append(text)
        super().say(place, text)
        self.end(self.prefix + place)

    def told(self, suffix: str) -> str:
        """All that a channel of the present item has said."""
        return "".join(self._texts.get(self.prefix + suffix, ()))

    def echo(self, name: str, value: Any) -> None:
        """A member that the provider repeats from the request."""
        words = [one for one in strings(value) if one not in self._asked and one not in _API_WORDS]
        tool, prefix, self.tool, self.prefix = self.tool, self.prefix, "", ""
        self.whole(f"{name}/echo", "\n".join(words))
        self.tool, self.prefix = tool, prefix

    def compare(self) -> None:
        """Hold what was just repeated against what was said.  Raises Unreadable."""
        again, self._again = self._again, {}
        self.repeats = False
        for channel, pieces in again.items():
            if "".join(pieces) != "".join(self._texts.get(channel, ())):
                raise Unreadable("the stream repeats a text otherwise than it said it")
