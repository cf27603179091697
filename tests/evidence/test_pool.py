"""A bundle read by several processes: the same result as by one, whatever is wrong with it."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.evidence.conftest import TRUST, Book, members, packed, repacked, terms_of, with_facts
from tests.evidence.second import text_of, verified
from tests.gateway.running import eventually

from caveat.decide.decide import decide
from caveat.errors import Unavailable
from caveat.evidence import pool
from caveat.evidence.report import Report
from caveat.evidence.verify import verify


def long_book() -> Book:
    """Two stretches: calls that part over their borders, terms that change, decisions that do not follow."""
    book = Book().found().day(550)
    crossing = [book.open() for _ in range(3)]
    book.day(90)
    for opening in crossing[:2]:
        book.settle(opening)
    return book.adopt(terms_of(2)).day(300)


def wrong_here_and_there(book: Book) -> Book:
    """Claims that do not hold, spread over the stretches."""
    for _ in range(3):
        allowed = decide(book.policy, with_facts())
        book.settle(book.open(with_facts(purpose="targeting"), allowed), "completed")
        book.settle(book.open(), "denied")
        book.day(100)
    return book


BOOK = long_book()
BUNDLE = BOOK.bundle(profile="audit")
FILES = members(BUNDLE)
LATE = "tile/entries/005"
DISCLOSURES = FILES["disclosures.jsonl"]
SPOILED: dict[str, Callable[[], bytes]] = {
    "honest": lambda: BUNDLE,
    "of a range": lambda: BOOK.bundle(300, 1500),
    "claims that do not follow": lambda: wrong_here_and_there(long_book()).bundle(profile="audit"),
    "a record edited late": lambda: packed({**FILES, LATE: FILES[LATE].replace(b'"o":"stopped"', b'"o":"unknown"', 1)}),
    "a tile edited late": lambda: packed({**FILES, "tile/0/005": bytes(32) + FILES["tile/0/005"][32:]}),
    "disclosures that nobody committed to": lambda: repacked(
        BUNDLE, BOOK.keys, {"disclosures.jsonl": DISCLOSURES.replace(b"WyI", b"WyJ", 900)}
    ),
    "a disclosure out of place": lambda: repacked(
        BUNDLE, BOOK.keys, {"disclosures.jsonl": DISCLOSURES.replace(b',"i":1205}', b',"i":12}')}
    ),
    "disclosures cut off": lambda: repacked(
        BUNDLE, BOOK.keys, {"disclosures.jsonl": DISCLOSURES[: DISCLOSURES.rindex(b"\n", 0, len(DISCLOSURES) // 2) + 1]}
    ),
}


def on_disk(path: Path, data: bytes, processes: int) -> Report:
    path.write_bytes(data)
    with path.open("rb") as file:
        return verify(file, TRUST, processes=processes)


@pytest.mark.parametrize("make", SPOILED.values(), ids=SPOILED.keys())
def test_several_processes_find_what_one_finds(tmp_path: Path, make: Callable[[], bytes]) -> None:
    """Every finding, in the same order."""
    data = make()
    alone = verified(io.BytesIO(data), TRUST)
    assert msgspec.json.encode(on_disk(tmp_path / "b.zip", data, 2)) == msgspec.json.encode(alone)
    assert alone.verified == (make in {SPOILED["honest"], SPOILED["of a range"]})


def test_calls_over_the_borders_of_stretches_are_replayed() -> None:
    """Every decision but that over the reply which never came."""
    says = {step.number: step.says for step in verify(io.BytesIO(BUNDLE), TRUST).steps}
    firsts = sum(entry.leaf.find(b'"k":"opened"') >= 0 for entry in BOOK.entries)
    replies = sum(b'"reply":' in entry.leaf and b'"k":"settled"' in entry.leaf for entry in BOOK.entries)
    assert says[10] == f"{firsts + replies} decisions were made again, with the same result"


def test_few_records_or_no_file_of_their_own_are_read_by_one_process(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"")
    with (tmp_path / "b.zip").open("rb") as file:
        assert pool.processes_for(pool.WORTH - 1, None, file) == 1
        assert pool.processes_for(10, 3, file) == 3
        assert 1 <= pool.processes_for(pool.WORTH, None, file) <= pool.MOST
    assert pool.processes_for(pool.WORTH, 8, io.BytesIO()) == 1


def test_a_process_that_dies_is_the_systems_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing of the bundle, neither good nor bad."""
    monkeypatch.setattr(pool, "_begin", die)
    with pytest.raises(Unavailable, match="ended before its time"):
        on_disk(tmp_path / "b.zip", BUNDLE, 2)


def die(*_: object) -> None:
    raise SystemExit(9)


KILLED = """
import os, sys
from caveat.evidence import pool
from caveat.evidence.trust import read_trust
from caveat.evidence.verify import verify
read = pool.read_all
def slowly(stretches, *more):
    for pair in read(stretches, *more):
        print(*[process.pid for process in __import__("multiprocessing").active_children()], flush=True)
        sys.stdin.read()
        yield pair
if __name__ == "__main__":
    import caveat.evidence.steps.records as records
    records.read_all = slowly
    with open(sys.argv[1], "rb") as file:
        verify(file, read_trust(open(sys.argv[2], "rb").read()), processes=2)
"""


def test_processes_end_with_the_one_that_asked_even_if_it_is_killed(tmp_path: Path) -> None:
    """Nothing is left behind that waits for a dead process."""
    (tmp_path / "b.zip").write_bytes(BUNDLE)
    (tmp_path / "trust.txt").write_bytes(text_of(TRUST))
    (tmp_path / "killed.py").write_text(KILLED)
    command = [sys.executable, str(tmp_path / "killed.py"), str(tmp_path / "b.zip"), str(tmp_path / "trust.txt")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        process.kill()
    assert pids
    eventually(lambda: not any(alive(pid) for pid in pids), 60.0)


def alive(pid: int) -> bool:
    """Whether a process runs, other than as one that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
