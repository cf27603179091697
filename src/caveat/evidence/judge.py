"""Judging an answer: what of the sample was opened, what was bad, and which rate of violations is excluded by it.

Rules of this file: whatever is asked for and not shown is bad, the operator's share too (then all of it is); a record that is
opened must show every commitment that the asked-for profile names; its decision must follow from its facts under the terms
in force at its place.  Bodies are not here: that the facts follow from the body is found on site (reopen.py).
"""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from msgspec import Struct
from msgspec.structs import replace

from caveat.errors import NotVerified
from caveat.evidence.answer import Answer, Opening, read_answer
from caveat.evidence.challenge import Challenge, check_shares, read_challenge, sample
from caveat.evidence.history import History
from caveat.evidence.mirror import leaf_tiles
from caveat.evidence.profiles import Profile, profile
from caveat.evidence.replay import Replay, Replayed
from caveat.evidence.report import Findings, Report
from caveat.evidence.sampling import Excluded, excluded, stops_at
from caveat.evidence.step import Case
from caveat.evidence.steps.table import NEEDED, TITLES
from caveat.evidence.trust import Trust
from caveat.evidence.verify import verify_case
from caveat.ledger.tiles import TILE_WIDTH
from caveat.record import Leaf, disclosed, read_leaf
from caveat.waivers.waiver import Waiver

MOST_REASONS: Final = 100


class Stratum(Struct, frozen=True):
    """One part of the sample: `population` records, `opened` of them asked for, `bad` found bad; in the order drawn."""

    name: str
    population: int
    opened: int
    bad: int
    excludes: tuple[Excluded, ...]


class Bad(Struct, frozen=True):
    """A sampled record that was refused, or did not hold, and why."""

    index: int
    why: str


class Verdict(Struct, frozen=True):
    """What the answer came to.

    sentence   the result in one sentence            strata     `all` first
    bad        at most a hundred of them             stops      sequential: after how many openings 1 % was excluded at
                                                                95 %, 0 where they did not suffice
    bundle     the verification of the bundle itself, which must hold first
    """

    sound: bool
    sentence: str
    strata: tuple[Stratum, ...]
    bad: tuple[Bad, ...]
    stops: int
    bundle: Report


def judge(  # noqa: PLR0913 - three files, and what is asked of them
    bundle: BinaryIO,
    challenge: bytes,
    answer: BinaryIO,
    trust: Trust,
    *,
    asked: str = "audit",
    rate: float = 0.01,
    received_s: int = 0,
    processes: int | None = 1,
) -> Verdict:
    """The verdict of whoever issued the challenge and holds the bundle it is about.

    `asked` is the profile whose commitments each record had to show; `received_s`, POSIX seconds, when the answer came, 0 to
    leave that aside: what comes after it was due is refused as a whole; `processes` as in verify.  Raises NotVerified where bundle, challenge and
    answer do not belong together: that is no answer at all.
    """
    case = Case(bundle, trust, b"", Findings(TITLES, NEEDED), processes=processes)
    report = verify_case(case)
    if not report.verified:
        raise NotVerified("the bundle itself does not verify", step="bundle")
    read = read_answer(answer, case.keys)
    if read.challenge != challenge:
        raise NotVerified("the answer is to another challenge than yours", step="challenge")
    parsed = read_challenge(challenge)
    seed = check_shares(parsed, case.bundle.manifest, case.bundle.manifest_bytes, read.share)
    chosen = sample(parsed, seed, case.bundle.manifest, ((i, read_leaf(data)) for i, data in _records(case)))
    judged = _Judge(case, read, profile(asked)).judge({index for indices in chosen.values() for index in indices})
    if received_s > parsed.due_s:
        judged = dict.fromkeys(judged, "the answer came after it was due")
    manifest = case.bundle.manifest
    verdict = _verdict(parsed, manifest.to - manifest.start, chosen, judged, report)
    return replace(verdict, stops=stops_at([bool(judged[index]) for index in chosen["all"]], rate))


def _records(case: Case) -> Iterator[tuple[int, bytes]]:
    manifest = case.bundle.manifest
    for n in leaf_tiles(manifest.start, manifest.to):
        for index, data in enumerate(case.mirror.entries(n), start=n * TILE_WIDTH):
            if manifest.start <= index < manifest.to:
                yield index, data


class _Judge:
    """Looks at the sampled records with what the answer opens."""

    def __init__(self, case: Case, answer: Answer, asked: Profile) -> None:
        self._case = case
        self._answer = answer
        self._asked = asked
        self._history: History = case.walk.history
        self._replay = Replay()

    def judge(self, indices: set[int]) -> dict[int, str]:
        """Index -> why it is bad, "" where it is not."""
        firsts: dict[int, Leaf] = {}
        judged: dict[int, str] = {}
        for index, data in _records(self._case):
            leaf = read_leaf(data)
            if leaf.k == "opened":
                firsts[index] = leaf
            if index in indices:
                judged[index] = self._look(index, leaf, firsts)
            if leaf.k == "settled":
                firsts.pop(_place(index, leaf), None)
        return judged

    def _look(self, index: int, leaf: Leaf, firsts: dict[int, Leaf]) -> str:
        opening = self._answer.openings.get(index)
        if leaf.c and opening is None:
            return "it was not opened"
        try:
            self._check(index, leaf, opening or Opening(index), firsts)
        except NotVerified as error:
            return error.message
        return ""

    def _check(self, index: int, leaf: Leaf, opening: Opening, firsts: dict[int, Leaf]) -> None:
        values = self._shown(leaf, opening.d)
        terms = self._history.terms.get(leaf.terms)
        if leaf.k == "opened":
            self._replay.request(leaf, values, terms, self._lifts())
        elif leaf.k == "settled" and leaf.c:
            first = firsts.get(_place(index, leaf))
            if first is None:
                return  # it began before the range: the bundle says so
            before = self._shown(first, opening.first)
            asked = self._replay.request(first, before, terms, self._lifts())
            self._replay.reply(
                leaf, values, Replayed(asked.decision, asked.facts, first.w), terms, self._history.granted
            )

    def _lifts(self) -> dict[str, Waiver]:
        """All that was ever granted: that each was in force at its place is the bundle's own step 8."""
        return self._history.granted

    def _shown(self, leaf: Leaf, disclosures: tuple[str, ...]) -> dict[str, Any]:
        """The values, every one that was asked for."""
        values = disclosed(leaf, disclosures)
        missing = sorted(name for name in leaf.c if self._asked.shows(name) and name not in values)
        if missing:
            raise NotVerified(f"`{missing[0]}` was not opened", step="answer")
        return values


def _place(index: int, leaf: Leaf) -> int:
    return leaf.at if leaf.at >= 0 else index - 1


def _verdict(
    challenge: Challenge, width: int, chosen: dict[str, list[int]], judged: dict[int, str], report: Report
) -> Verdict:
    strata = tuple(_stratum(name, indices, width, judged) for name, indices in chosen.items())
    bad = tuple(Bad(index, why) for index, why in sorted(judged.items()) if why)
    return Verdict(not bad, _sentence(strata[0], challenge), strata, bad[:MOST_REASONS], 0, report)


def _stratum(name: str, indices: list[int], width: int, judged: dict[int, str]) -> Stratum:
    bad = sum(bool(judged[index]) for index in indices)
    population = width if name == "all" else len(indices)
    rows = excluded(population, len(indices), bad) if name == "all" else ()
    return Stratum(name, population, len(indices), bad, rows)


def _sentence(whole: Stratum, challenge: Challenge) -> str:
    row = whole.excludes[0] if whole.excludes else None
    if not whole.opened or row is None:
        return "nothing was opened: there is no record in the range"
    found = "none was bad" if not whole.bad else f"{whole.bad} were refused or did not hold"
    asked = "" if whole.opened == challenge.openings else f" (all there are of the {challenge.openings} asked for)"
    if row.bad > whole.population:
        return (
            f"of {whole.population} records {whole.opened} were drawn and opened{asked}, {found}: no rate is excluded"
        )
    if whole.opened == whole.population and not whole.bad:
        return f"all {whole.population:,} records of the range were drawn and opened, and none was bad"
    return (
        f"of {whole.population:,} records {whole.opened:,} were drawn and opened{asked}, {found}: "
        f"with {row.confidence:g} % confidence fewer than {row.bad:,} of them ({row.rate:.3g} %) are bad"
    )
