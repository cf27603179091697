"""Steps 4 and 5: every record of the range is in the log, and can be read; on the way the walk looks at each."""

from collections.abc import Iterator

from caveat.errors import NotVerified
from caveat.evidence.mirror import leaf_tiles
from caveat.evidence.pool import processes_for, read_all, seldom_collected
from caveat.evidence.profiles import profile
from caveat.evidence.reading import TILES as AT_ONCE
from caveat.evidence.reading import Read, Reader, Stretch
from caveat.evidence.step import Case, Step, span
from caveat.evidence.walk import Walk
from caveat.ledger.tiles import TILE_WIDTH

TILES, READ = 4, 5


def _take(case: Case) -> None:
    manifest = case.bundle.manifest
    walk = case.walk = Walk(
        case.bundle, profile(manifest.profile), case.findings, tuple(case.watches[n] for n in sorted(case.watches))
    )
    outside = [i for i in manifest.controls if not manifest.start <= i < manifest.to]
    stretches = _Stretches(case)
    with seldom_collected(), case.ending(TILES):
        for index in (i for i in outside if i < manifest.start):
            walk.control(index, _entry(case, index))
        for stretch, read in _read(case, stretches):
            walk.stretch(stretch.start, read)
        if stretches.wrong:
            raise NotVerified(stretches.wrong, step="tiles")
        for index in (i for i in outside if i >= manifest.to):
            walk.control(index, _entry(case, index))
    walk.finish(stretches.unread)
    case.findings.proved(TILES, f"entries and tiles lead to the checkpoint's root: {span(manifest.start, manifest.to)}")


def _read(case: Case, stretches: "_Stretches") -> Iterator[tuple[Stretch, Read]]:
    """The range, stretch by stretch, read here or in processes."""
    manifest = case.bundle.manifest
    processes = processes_for(manifest.to - manifest.start, case.processes, case.file)
    if processes > 1:
        return read_all(iter(stretches), case.file, manifest.profile, processes)
    reader = Reader(case.bundle, profile(manifest.profile), {})
    return ((stretch, reader.read(stretch, dict(case.walk.history.terms))) for stretch in stretches)


class _Stretches:
    """Cuts the range into stretches.

    wrong    why it ended too soon: a tile that does not lead to the root; "" where it did not
    unread   why the rest of disclosures.jsonl was not read
    """

    def __init__(self, case: Case) -> None:
        self.wrong = ""
        self.unread = ""
        self._case = case
        self._places = case.bundle.disclosure_places()
        self._at = 0
        self._next = self._place()

    def __iter__(self) -> Iterator[Stretch]:
        manifest = self._case.bundle.manifest
        numbers = leaf_tiles(manifest.start, manifest.to)
        for first in range(numbers.start, numbers.stop, AT_ONCE):
            tiles = self._tiles(range(first, min(first + AT_ONCE, numbers.stop)))
            start = max(manifest.start, first * TILE_WIDTH)
            to = min(manifest.to, (first + len(tiles)) * TILE_WIDTH)
            at, size = self._disclosures(to)
            yield Stretch(first, start, to, tiles, at, size, dict(self._case.walk.history.documents))
            if self.wrong:
                return

    def _tiles(self, numbers: range) -> tuple[bytes, ...]:
        """The tiles of hashes, up to one that does not hold."""
        tiles: list[bytes] = []
        try:
            for n in numbers:
                tiles.append(self._case.mirror.tile(0, n))  # noqa: PERF401 - those before the one that raises are kept
        except NotVerified as error:
            self.wrong = error.message
        return tuple(tiles)

    def _disclosures(self, to: int) -> tuple[int, int]:
        """Where the disclosures of the records below `to` stand that were not given yet: from where, how many bytes."""
        start = self._at
        while self._next is not None and self._next[0] < to:
            self._at = self._next[1]
            self._next = self._place()
        return start, self._at - start

    def _place(self) -> tuple[int, int] | None:
        try:
            return next(self._places, None)
        except NotVerified as error:
            self.unread = error.message
            return None


def _entry(case: Case, index: int) -> bytes:
    """A control record outside the range, found to be the tree's."""
    data = case.bundle.entry(index)
    case.mirror.check_entry(index, data)
    return data


def _take_read(case: Case) -> None:
    counts = case.walk.counts
    case.findings.proved(
        READ,
        f"{counts.opened} first records of calls, {counts.settled} outcomes, {counts.refused} refusals, "
        f"{counts.control} control records",
    )


STEP_TILES = Step(
    TILES, "every record of the range is in the log that the checkpoint is the head of", _take, needed=True
)
STEP_READ = Step(READ, "every record of the range can be read, without a gap", _take_read, needed=True)
