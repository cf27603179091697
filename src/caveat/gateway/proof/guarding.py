"""One day of a home's log as a guarded statement: what the schedule of a one-way link calls for, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from caveat.errors import BadInput
from caveat.evidence.guarded import DAY_MS, Day, counted, seal_rows
from caveat.gateway.home.documents import Documents
from caveat.ledger.reader import LedgerReader
from caveat.meter.beat import Beat, claimed_beat
from caveat.record import Leaf, read_leaf


def yesterday(now_ms: int) -> str:
    """The last day that is over, of UTC."""
    return (datetime.fromtimestamp(now_ms / 1000, UTC).date() - timedelta(days=1)).isoformat()


def day_of(reader: LedgerReader, documents: Documents, day: str, now_ms: int) -> Day:
    """The day's statement.  Raises BadInput for a day that is not over, or before the log's first."""
    try:
        chosen = date.fromisoformat(day)
    except ValueError:
        raise BadInput(f"expected a day such as `2026-11-25`, got `{day}`") from None
    start = int(datetime(chosen.year, chosen.month, chosen.day, tzinfo=UTC).timestamp()) * 1000
    if now_ms < start + DAY_MS:
        raise BadInput(f"the day {day} is not over", hint="a guarded statement is made once a day, for a whole one")
    before, size, first, leaves, beats = _walk(reader, documents, start)
    if first and start + DAY_MS <= first:
        raise BadInput(f"the log began after the day {day}")
    number = (start - first // DAY_MS * DAY_MS) // DAY_MS + 1 if size else 1
    tree = reader.tree()
    proof = tuple(reader.consistency(before, size)) if 0 < before < size else ()
    root = tree.hash_of(0, size)
    return Day(reader.origin, day, number, size, root, before, counted(leaves), seal_rows(beats.values()), proof)


def _walk(reader: LedgerReader, documents: Documents, start: int) -> tuple[int, int, int, list[Leaf], dict[str, Beat]]:
    """Sizes at both ends of the day, the time of the first record, the day's records, the newest beats up to its end.

    A day ends before the first record of a later one: the gateway's clock may jitter, so the latest time so far counts.
    """
    before = size = first = latest = 0
    leaves: list[Leaf] = []
    beats: dict[str, Beat] = {}
    for index, leaf in _published(reader):
        latest = max(latest, leaf.t)
        first = first or leaf.t
        if latest >= start + DAY_MS:
            break
        size = index + 1
        if latest < start:
            before = size
        else:
            leaves.append(leaf)
        if leaf.what == "meter.beat" and leaf.doc:
            beat = claimed_beat(documents.read(leaf.doc))
            beats[beat.seal] = beat
    return before, size, first, leaves, beats


def _published(reader: LedgerReader) -> Iterator[tuple[int, Leaf]]:
    for index, entry in reader.entries(0, reader.head().size):
        yield index, read_leaf(entry.leaf)
