"""The count: numbers without a gap, one ticket each, boots that follow each other, wherever a crash falls."""

import asyncio
import resource
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from tests.seal.sealing import MODEL, SEAL

from caveat.errors import NotVerified, Unavailable
from caveat.meter.beat import Beat, open_beat
from caveat.meter.ticket import START, Ending, Ticket, read_ticket, request_digest
from caveat.seal.count import Count
from caveat.seal.journal import Journal

DONE = Ending(START, 10, 5, "done", 200, 1_795_351_642_000)


def call_id(n: int) -> str:
    return f"{n:032x}"


class Life:
    """One process's life with a journal."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path)
        self.count = Count(self.journal, SEAL, MODEL)

    async def call(self, n: int, *, ends: bool = True) -> str:
        counted = self.count.take(call_id(n), request_digest("permit", b"body"))
        await self.count.passed(counted)
        return await self.count.ended(counted, DONE) if ends else ""

    def told(self) -> list[tuple[Beat, list[Ticket]]]:
        keys = (SEAL.verify_key,)
        return [(open_beat(one.note, keys), list(map(read_ticket, one.tickets))) for one in self.count.kept]


def check_whole(told: list[tuple[Beat, list[Ticket]]]) -> None:
    """What an outsider wants of all beats and tickets together."""
    head = START
    numbers: set[int] = set()
    boots: list[Beat] = []
    for beat, tickets in told:
        if beat.kind == "open":
            assert beat.previous == ((boots[-1].last, boots[-1].head) if boots else (0, START))
            numbers = set()
        for ticket in tickets:
            ticket.verify((SEAL.verify_key,))
            assert ticket.prev == head
            assert (ticket.boot, ticket.number in numbers) == (beat.boot, False)
            head = ticket.head
            numbers.add(ticket.number)
        assert beat.head == head
        assert numbers | set(beat.open) == set(range(1, beat.last + 1))
        if beat.kind in ("close", "lost"):
            assert beat.open == ()
            boots.append(beat)
    assert [beat.boot for beat in boots] == list(range(1, len(boots) + 1))
    assert all((b.boot, b.beat) == (a.boot, a.beat + 1) or b.kind == "open" for a, b in pairwise(t[0] for t in told))


def test_a_boot_from_its_opening_to_its_close(tmp_path):
    async def live() -> None:
        life = Life(tmp_path / "journal")
        life.count.begin(0)
        await asyncio.gather(*(life.call(n) for n in range(20)))
        await life.count.beat("tick", 7, (200, 100))
        await life.call(20)
        await life.count.beat("close", 9, (210, 105))
        told = life.told()
        check_whole(told)
        assert [beat.kind for beat, _ in told] == ["open", "tick", "close"]
        assert (told[-1][0].last, told[-1][0].total, told[-1][0].tokens, told[-1][0].records) == (21, 21, (210, 105), 9)
        life.journal.close()

    asyncio.run(live())


def test_whoever_dies_anywhere_leaves_a_count_that_the_next_start_makes_whole(tmp_path):
    """The journal cut after every byte: what a kill or a power cut can leave of it."""

    async def live() -> None:
        life = Life(tmp_path / "journal")
        life.count.begin(0)
        await life.call(1)
        await asyncio.gather(life.call(2), life.call(3, ends=False), life.call(4))
        await life.count.beat("tick", 0, None)
        await life.call(5, ends=False)
        await life.count.forget(1, 1)
        life.journal.close()

    async def live_again(path: Path) -> None:
        life = Life(path)
        life.count.begin(0)
        await life.call(99)
        await life.count.beat("close", 0, None)
        told = life.told()
        life.journal.close()
        if told and told[0][0].kind == "open" and told[0][0].boot == 1:
            check_whole(told)
        again = Life(path)  # what was written reads the same
        assert again.told() == told
        again.journal.close()

    asyncio.run(live())
    whole = (tmp_path / "journal").read_bytes()
    for length in range(0, len(whole) + 1, 7):
        (tmp_path / "cut").write_bytes(whole[:length])
        asyncio.run(live_again(tmp_path / "cut"))


def test_a_request_under_which_the_seal_died_gets_its_ticket_by_the_next_start(tmp_path):
    async def live() -> None:
        life = Life(tmp_path / "journal")
        life.count.begin(0)
        await life.call(1, ends=False)
        life.journal.close()
        again = Life(tmp_path / "journal")
        again.count.begin(0)
        (lost,) = [(beat, tickets) for beat, tickets in again.told() if beat.kind == "lost"]
        assert [(t.boot, t.number, t.call, t.end) for t in lost[1]] == [(1, 1, call_id(1), "unknown")]
        assert (lost[0].unmeasured, again.count.boot) == (1, 2)
        again.journal.close()

    asyncio.run(live())


@pytest.mark.parametrize("line", ["call", "done", "beat"])
def test_a_line_taken_out_of_the_journal_stops_the_start(tmp_path, line):
    async def live() -> None:
        life = Life(tmp_path / "journal")
        life.count.begin(0)
        for n in range(3):
            await life.call(n)
        await life.count.beat("tick", 0, None)
        await life.call(9)
        life.journal.close()

    asyncio.run(live())
    lines = (tmp_path / "journal").read_bytes().splitlines(keepends=True)
    at = next(i for i, text in enumerate(lines) if text[9:].startswith(line.encode()))
    (tmp_path / "journal").write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    with pytest.raises(NotVerified):
        Count(Journal(tmp_path / "journal"), SEAL, MODEL)


def test_a_byte_changed_in_the_journal_stops_the_start(tmp_path):
    async def live() -> None:
        life = Life(tmp_path / "journal")
        life.count.begin(0)
        await life.call(1)
        life.journal.close()

    asyncio.run(live())
    whole = bytearray((tmp_path / "journal").read_bytes())
    whole[30] ^= 1
    (tmp_path / "journal").write_bytes(whole)
    with pytest.raises(NotVerified, match="was changed"):
        Count(Journal(tmp_path / "journal"), SEAL, MODEL)


def test_one_journal_one_seal(tmp_path):
    journal = Journal(tmp_path / "journal")
    with pytest.raises(Unavailable, match="another seal"):
        Journal(tmp_path / "journal")
    journal.close()


def test_a_disk_that_takes_no_more_stops_the_count_for_good(tmp_path):
    async def live() -> None:
        life = Life(tmp_path / "journal")
        life.count.begin(0)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "journal").stat().st_size, before[1]))
        try:
            with pytest.raises(Unavailable):
                await life.call(1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        with pytest.raises(Unavailable):
            await life.call(2)
        assert life.journal.fault
        life.journal.close()

    asyncio.run(live())


def test_told_beats_are_forgotten_and_stay_so(tmp_path):
    async def live() -> None:
        life = Life(tmp_path / "journal")
        life.count.begin(0)
        await life.call(1)
        await life.count.beat("tick", 0, None)
        await life.count.forget(1, 1)
        assert [(one.boot, one.beat) for one in life.count.kept] == [(1, 2)]
        life.journal.close()
        shutil.copy(tmp_path / "journal", tmp_path / "copy")
        again = Life(tmp_path / "copy")
        assert [(one.boot, one.beat) for one in again.count.kept] == [(1, 2)]
        again.journal.close()

    asyncio.run(live())


def test_a_large_journal_is_turned_once_all_of_it_is_on_record(tmp_path):
    async def live() -> None:
        life = Life(tmp_path / "journal")
        life.journal.large = 1000
        life.count.begin(0)
        for n in range(5):
            await life.call(n)
        await life.count.beat("close", 0, None)
        life.journal.close()
        again = Life(tmp_path / "journal")
        again.journal.large = 1000
        again.count.begin(0)  # not all of it is on record yet
        assert not (tmp_path / "journal.1").exists()
        await again.call(6)
        await again.count.beat("close", 0, None)
        last = again.told()[-1][0]
        await again.count.forget(2, 2)
        again.journal.close()
        third = Life(tmp_path / "journal")
        third.journal.large = 1000
        third.count.begin(0)
        assert (tmp_path / "journal.2").stat().st_size > 1000 > (tmp_path / "journal").stat().st_size / 3
        third.journal.close()
        fourth = Life(tmp_path / "journal")
        (opening,) = [beat for beat, _ in fourth.told()]
        assert (opening.boot, opening.previous, opening.total) == (3, (last.last, last.head), 6)
        fourth.journal.close()

    asyncio.run(live())
