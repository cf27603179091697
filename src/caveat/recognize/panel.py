"""The panel: all recognizers over all parts of a call, or over one window of a stream.

It makes each part's views once and shows them to each recognizer; puts what was seen back to where it stood in the
part as it came; says `hidden.encoded` where only a decoded view showed a hazard, a marking or a secret; and keeps of
one recognizer's findings of one category that overlap in one part the surest.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from caveat.recognize.banners import Banners
from caveat.recognize.control_tokens import DEFAULT, ControlTokens
from caveat.recognize.finding import Finding, Recognizer, Seen
from caveat.recognize.injection import Injection
from caveat.recognize.learned import Learned
from caveat.recognize.markings import Profile
from caveat.recognize.normalise import NAME, Look
from caveat.recognize.personal import Personal
from caveat.recognize.secrets import Secrets
from caveat.recognize.spans import Covered, surest
from caveat.recognize.tail import pending
from caveat.recognize.view import View
from caveat.recognize.window import LEAD
from caveat.wire.call import Part, Voice

TOGETHER = 4
"""From as many parts on, all texts are tested together first: most of a long list of tools holds nothing."""
LIKELY = 500
"""From here on a learned recognizer's finding in a decoded view also says that something was hidden there."""
_APART = "\n\x00\n"
"""Between texts tested together: no form goes across it."""


class Panel:
    """Recognizers in a fixed order.  Keeps nothing between calls.  `described` is what records say of them."""

    def __init__(self, recognizers: Sequence[Recognizer]) -> None:
        self._recognizers = tuple(recognizers)
        self.names = (NAME, *(r.name for r in self._recognizers))
        self.horizon = max((r.horizon for r in self._recognizers), default=0)
        self._exact = tuple(r for r in self._recognizers if not r.learned)
        self._always = tuple(r for r in self._recognizers if r.learned)
        self._learned = frozenset(r.name for r in self._always)
        self.detector = "learned" if self._learned else "none"
        self.described = _described(self.names, self._always)

    def recognize(self, parts: Iterable[Part]) -> tuple[Finding, ...]:
        """What the parts hold, sorted by pointer and place."""
        read = [part for part in parts if part.text]
        worth = self._worth_reading(read)
        found: list[Finding] = []
        for part in worth:
            found += self._part(part, self._recognizers)
        if self._always and len(worth) < len(read):
            done = set(map(id, worth))
            for part in read:
                found += self._part(part, self._always) if id(part) not in done else ()
        return tuple(sorted(found, key=_place))

    def pending(self, text: str) -> int:
        """How many characters at the end of a growing text may begin an exact form that is not whole yet (tail.py)."""
        return pending(self._recognizers, text)

    def recognize_text(self, text: str, voice: Voice, *, begins: bool = True, ends: bool = True) -> tuple[Finding, ...]:
        """What one text holds, pointer "".

        For a stream's window: `begins` says whether the text before it was cut off here (False: what begins in the
        first 256 characters was another window's), `ends` whether the stream is complete (False: what touches the
        end and is shorter than the horizon may still grow and is another window's).  What a learned recognizer sees
        is always said: its spans are stretches, not forms, and its windows overlap.
        """
        found = sorted(self._part(Part("", voice, text), self._recognizers), key=_place)
        return tuple(
            f
            for f in found
            if f.recognizer in self._learned
            or ((begins or f.start >= LEAD) and (ends or f.end < len(text) or f.end - f.start >= self.horizon))
        )

    def _worth_reading(self, parts: list[Part]) -> list[Part]:
        """The parts that may hold an exact form: where there are many, all of one voice are read as one text first.

        Whatever a part holds shows there at the same place (more may show, where a word of a neighbour stands near),
        so only parts in which something showed are read on their own.
        """
        if len(parts) < TOGETHER:
            return parts
        voices = dict.fromkeys([part.voice for part in parts])
        if len(voices) == 1:
            return self._of_voice(parts)
        return [part for voice in voices for part in self._of_voice([one for one in parts if one.voice == voice])]

    def _of_voice(self, parts: list[Part]) -> list[Part]:
        text = _APART.join([part.text for part in parts])
        look = Look(text)
        if len(parts) < TOGETHER or sum(view.kind in ("decoded", "escaped") for view in look.others) > 1:
            return parts
        found = _looked(look, Part("", parts[0].voice, text), self._exact)
        if not found:
            return []
        if any(f.value for f in found):  # one such stands for all of its kind
            return parts
        starts = list(accumulate([len(part.text) + len(_APART) for part in parts], initial=0))
        touched = {i for f in found for i in range(bisect_right(starts, f.start) - 1, bisect_left(starts, f.end))}
        return [parts[i] for i in sorted(touched) if i < len(parts)]

    def _part(self, part: Part, recognizers: Sequence[Recognizer]) -> list[Finding]:
        found = _looked(Look(part.text), part, recognizers)
        return surest(found) if len(found) > 1 else found


def _looked(look: Look, part: Part, recognizers: Sequence[Recognizer]) -> list[Finding]:
    found = [Finding(s.category, part.at, s.start, s.end, s.per_mille, NAME) for s in look.hidden]
    if look.unread:
        found.append(Finding("hidden.encoded", part.at, 0, len(part.text), 1000, NAME))
    for recognizer in recognizers:
        if recognizer.might(look.plain):
            seen = recognizer.look(look.plain, part.voice)
            found += [_finding(look.plain, s, part.at, recognizer.name) for s in seen]
    if look.others:
        found += _others(look, part, recognizers, found)
    return found


def _others(look: Look, part: Part, recognizers: Sequence[Recognizer], plain: list[Finding]) -> list[Finding]:
    """What the other views show beside the plain one."""
    known = Covered(plain)
    found: list[Finding] = []
    for view in look.others:
        for recognizer in recognizers:
            for seen in recognizer.look(view, part.voice) if recognizer.might(view) else ():
                finding = _finding(view, seen, part.at, recognizer.name)
                if known.holds(finding):
                    continue
                found.append(finding)
                if view.kind == "decoded" and _tells(recognizer, seen):
                    found.append(Finding("hidden.encoded", part.at, finding.start, finding.end, 1000, NAME))
    return found


def _tells(recognizer: Recognizer, seen: Seen) -> bool:
    """Whether it is news that this was encoded: personal data and a faint likelihood are none."""
    return not seen.category.startswith("personal.") and (not recognizer.learned or seen.per_mille >= LIKELY)


def _finding(view: View, seen: Seen, at: str, name: str) -> Finding:
    start, end = view.span(seen.start, seen.end)
    return Finding(seen.category, at, start, end, seen.per_mille, name, seen.value)


def _described(names: Sequence[str], learned: Sequence[Recognizer]) -> dict[str, object]:
    """What a record says of who read a call: every name, and of learned ones the digests of weights and card."""
    weights = {
        r.name: {"weights": f"sha256:{r.sha256}", "card": f"sha256:{r.card_sha256}"}
        for r in learned
        if isinstance(r, Learned)
    }
    return {"names": list(names), **({"learned": weights} if weights else {})}


def _place(finding: Finding) -> tuple[str, int, int, str]:
    return finding.at, finding.start, finding.end, finding.category


def default_panel(
    profile: Profile, control_tokens: Iterable[str] = DEFAULT, learned: Recognizer | None = None
) -> Panel:
    """The recognizers that need no learning, for a marking profile and the routed model's control tokens; beside them
    a learned one where it is given (recognize/learned.py: `shipped()`)."""
    exact: list[Recognizer] = [Banners(profile), ControlTokens(control_tokens), Injection(), Personal(), Secrets()]
    return Panel(exact if learned is None else [*exact, learned])
