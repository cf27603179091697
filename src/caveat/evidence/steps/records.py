"""Steps 4 and 5: every record of the range is in the log, and can be read; on the way the walk looks at each."""

from caveat.evidence.mirror import leaf_tiles
from caveat.evidence.profiles import profile
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
    with case.ending(TILES):
        for index in (i for i in outside if i < manifest.start):
            walk.control(index, _entry(case, index))
        for n in leaf_tiles(manifest.start, manifest.to):
            for index, data in enumerate(case.mirror.entries(n), start=n * TILE_WIDTH):
                if manifest.start <= index < manifest.to:
                    walk.record(index, data)
        for index in (i for i in outside if i >= manifest.to):
            walk.control(index, _entry(case, index))
    walk.finish()
    case.findings.proved(TILES, f"entries and tiles lead to the checkpoint's root: {span(manifest.start, manifest.to)}")


def _entry(case: Case, index: int) -> bytes:
    data = case.bundle.entry(index)
    case.mirror.check_entry(index, data)
    return data


def _read(case: Case) -> None:
    counts = case.walk.counts
    case.findings.proved(
        READ,
        f"{counts.opened} first records of calls, {counts.settled} outcomes, {counts.refused} refusals, "
        f"{counts.control} control records",
    )


STEP_TILES = Step(
    TILES, "every record of the range is in the log that the checkpoint is the head of", _take, needed=True
)
STEP_READ = Step(READ, "every record of the range can be read, without a gap", _read, needed=True)
