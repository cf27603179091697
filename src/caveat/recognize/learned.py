"""The learned recognizer: which hazards a text touches, each with a calibrated chance per mille.

Rules of this file: everything is read, in windows of word pieces that overlap by half, wide and narrow, and the highest
window of a category speaks for the text; a category is never surer than `any`; what lies outside the languages that it was
measured on, or beyond MOST characters, is said (`language.uncovered`), never passed over.

It can be fooled.  docs/recognizer.md says how often it was, and terms should not rest on it alone.
"""

import codecs
import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from caveat.errors import NotVerified
from caveat.recognize.card import Card
from caveat.recognize.finding import Seen
from caveat.recognize.learned_alone import KEPT
from caveat.recognize.learned_language import Language, language_of, stop_share, uncovered
from caveat.recognize.learned_net import Net, Window
from caveat.recognize.learned_phrases import Phrases
from caveat.recognize.learned_second import Second, looked_at, superseded
from caveat.recognize.learned_spelt import spells
from caveat.recognize.learned_words import Words
from caveat.recognize.view import View
from caveat.vocabulary import HAZARDS
from caveat.wire.call import Voice

WIDE, NARROW = (160, 80), (32, 16)
"""Pieces of a window, and from one window's beginning to the next.  A short text is one wide window; a longer one is
read in both, so that one sentence among many is not drowned by its company."""
MARGIN = 8
"""What a narrow window's logit is short of a wide one's, in steps of the calibration: it knows less of the context."""
MOST = 120_000
"""Characters of a view that are read."""
UNCOVERED = "language.uncovered"
_ROT13_BELOW, _ROT13_ABOVE = 150, 150
"""Per mille of common words: a text with fewer is read as rot13 too, if that has more, and three times as many."""

CODES = ("any", *(code for code in HAZARDS if code != "any"))
"""Order of the network's outputs."""


Scores = NDArray[np.int64]


class _Reading(NamedTuple):
    """A view cut into pieces, with each piece's word's characters, and its windows, the wide ones first."""

    ids: list[int]
    starts: list[int]
    ends: list[int]
    windows: list[Window]
    wide: int
    low: str

    def text(self, window: Window) -> str:
        """The characters of a window."""
        return self.low[self.starts[window[0]] : self.ends[window[1] - 1]]


class Learned:
    """Obeys the Recognizer port.  `card_sha256` is the digest of the card that the measured error rates stand in."""

    learned = True
    horizon = 0

    def __init__(self, weights: bytes, card: Card, card_sha256: str = "") -> None:
        digest = hashlib.sha256(weights).hexdigest()
        if digest != card.sha256:
            raise NotVerified(
                f"the recognizer's weights are `{digest[:12]}`, its card says `{card.sha256[:12]}`", step="weights"
            )
        data = _arrays(weights)
        self.name = f"{card.name}@{card.version}+{digest[:12]}"
        self.sha256 = digest
        self.card, self.card_sha256 = card, card_sha256
        pieces = bytes(data["pieces"]).decode("utf-8").split("\n")
        self.words = Words(pieces, data["scores"].tolist())
        self._net, self._phrases = Net(data, self.words.commonest(KEPT)), Phrases(data)
        self._table = data["calibration"]
        self._per_step = float(data["calibration.per"])
        self._second = Second(data) if "second.low" in data else None

    def might(self, view: View) -> bool:
        """Whether there is anything to read; letters written otherwise are read only where they spell words."""
        if not view.text or view.text.isspace():
            return False
        return view.kind != "leet" or spells(view, self.words, MOST)

    def look(self, view: View, voice: Voice) -> list[Seen]:  # noqa: ARG002 - a hazard is one whoever speaks
        """One finding for each category over 0, at the window that scored highest; `language.uncovered` beside."""
        return self.look_all([view])[0]

    def look_all(self, views: Sequence[View]) -> list[list[Seen]]:
        """The same for many views at once, in less time."""
        readings = [list(self._readings(view)) if self.might(view) else [] for view in views]
        scores = iter(self._scores([reading for some in readings for reading in some]))
        return [
            [*_uncovered(view), *_highest([(reading, next(scores)) for reading in some])]
            for view, some in zip(views, readings, strict=True)
        ]

    def language(self, view: View) -> Language:
        """The view's language."""
        return language_of(view.low)

    def _scores(self, readings: Sequence[_Reading]) -> Iterator[Scores]:
        """For each reading per mille, a row a window, a column a code; 0 throughout where its phrases alone are
        clearly harmless, which spares most of ordinary work the network."""
        opinions = [self._phrases(reading.ids, reading.windows) for reading in readings]
        asked = [i for i, some in enumerate(opinions) if max(some) >= self._phrases.clear]
        made = self._asked([readings[i] for i in asked], [opinions[i] for i in asked])
        rows = dict(zip(asked, made, strict=True))
        for i, reading in enumerate(readings):
            yield rows[i] if i in rows else np.zeros((len(reading.windows), len(CODES)), np.int64)

    def _asked(self, readings: Sequence[_Reading], opinions: Sequence[list[float]]) -> Iterator[Scores]:
        """The same by network and phrases together, and by the second reader where these are not sure."""
        if not readings:
            return
        logits = self._net([reading.ids for reading in readings], [reading.windows for reading in readings])
        logits[:, 0] += np.array([x for some in opinions for x in some], np.float32)
        narrow = np.concatenate([np.arange(len(r.windows)) >= r.wide for r in readings])
        made = per_mille(logits, narrow, self._table, self._per_step)
        if self._second:
            self._look_again(self._second, readings, logits, narrow, made)
        low = 0
        for reading in readings:
            yield made[low : low + len(reading.windows)]
            low += len(reading.windows)

    def _look_again(
        self,
        second: Second,
        readings: Sequence[_Reading],
        logits: NDArray[np.float32],
        narrow: NDArray[np.bool_],
        made: Scores,
    ) -> None:
        """Put what both readers say in the place of what the first said, for texts that are not clear; what the first
        said of the same words through other windows counts no more."""
        at, asked, texts = 0, [], []
        for reading in readings:
            own = slice(at, at + len(reading.windows))
            if made[own, 0].max() >= second.low and second.reads(reading.low):
                some = looked_at(made[own, 0], reading.windows, reading.wide, second.low)
                made[own][superseded(reading.windows, some)] = 0
                asked += [at + i for i in some]
                texts += [reading.text(reading.windows[i]) for i in some]
            at = own.stop
        if asked:
            made[asked] = per_mille(second(texts, logits[asked]), narrow[asked], second.table, self._per_step)

    def _readings(self, view: View) -> Iterator[_Reading]:
        """The view's pieces; beside them its rot13's, where that reads better."""
        low = view.low[:MOST]
        yield from self._reading(low)
        share = stop_share(low) if view.kind == "plain" else 1000
        if share < _ROT13_BELOW:
            turned = codecs.encode(low, "rot13")
            if stop_share(turned) > max(_ROT13_ABOVE, 3 * share):
                yield from self._reading(turned)

    def _reading(self, low: str) -> Iterator[_Reading]:
        ids, starts, ends = self.words.cut(low)
        if ids:
            wide, narrow = windows(len(ids))
            yield _Reading(ids, starts, ends, wide + narrow, len(wide), low)


def per_mille(
    logits: NDArray[np.float32], narrow: NDArray[np.bool_], table: NDArray[np.int16], per_step: float
) -> Scores:
    """By a calibration table: the chance of any harm, and a category's own, never more than that of any harm; a narrow
    window's logit falls short by MARGIN."""
    steps = np.rint(logits * np.float32(per_step)).astype(np.int64)
    steps[narrow] -= MARGIN
    middle = (table.shape[1] - 1) // 2
    at = np.clip(steps, -middle, middle) + middle
    made: Scores = table[np.arange(len(CODES))[None, :], at].astype(np.int64)
    np.minimum(made, made[:, :1], out=made)
    return made


def windows(size: int, shape: tuple[int, int] = NARROW) -> tuple[list[Window], list[Window]]:
    """Wide windows over `size` pieces and narrow ones of a shape; none narrow where the text is no longer than one."""
    wide, narrow = _windows(size, *WIDE), _windows(size, *shape)
    return wide, narrow if len(narrow) > 1 else []


def _windows(size: int, width: int, step: int) -> list[Window]:
    return [(at, min(at + width, size)) for at in range(0, max(1, size - width + step), step)]


def _highest(scored: Sequence[tuple[_Reading, Scores]]) -> Iterator[Seen]:
    """Of each category over 0 the highest window, the first of equals."""
    best: dict[int, Seen] = {}
    for reading, scores in scored:
        for k, at in enumerate(scores.argmax(axis=0)):
            per_mille = int(scores[at, k])
            if per_mille > (best[k].per_mille if k in best else 0):
                first, last = reading.windows[at]
                best[k] = Seen(CODES[k], reading.starts[first], reading.ends[last - 1], per_mille)
    yield from (best[k] for k in sorted(best))


def _uncovered(view: View) -> Iterator[Seen]:
    if len(view.text) > MOST:
        yield Seen(UNCOVERED, MOST, len(view.text), 1000)
    if view.kind == "plain":
        yield from (Seen(UNCOVERED, start, end, 1000) for start, end in uncovered(view.low[:MOST]))


def _arrays(weights: bytes) -> dict[str, Any]:
    """The arrays in the file; a digest has already said that the bytes are the agreed ones."""
    try:
        with np.load(io.BytesIO(weights), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise NotVerified("the recognizer's weights cannot be read", step="weights") from error


def shipped_card() -> bytes:
    """The card of the weights that come with the package, as JSON."""
    return resources.files("caveat.recognize").joinpath("data/learned.json").read_bytes()


@cache
def shipped() -> Learned:
    """The recognizer that comes with the package: about half a second, some 100 MB; loaded once in a process."""
    weights = resources.files("caveat.recognize").joinpath("data/learned.npz").read_bytes()
    card = shipped_card()
    return Learned(weights, msgspec.json.decode(card, type=Card), hashlib.sha256(card).hexdigest())
