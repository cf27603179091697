"""The index is what the ledger says, however it came to be: built at once, in pieces, or anew."""

import sqlite3

import pytest
from tests.gateway.process import served
from tests.gateway.running import MODEL, eventually, scripted_gateway

from caveat import record
from caveat.console.values import Wanted
from caveat.errors import Unavailable
from caveat.gateway.index.ask import Lists
from caveat.gateway.index.base import drop, opened
from caveat.gateway.index.follow import Index
from caveat.gateway.index.rows import First, row
from caveat.gateway.index.write import HOUR, MINUTE, alone, catch_up
from caveat.gateway.scripted.script import says
from caveat.ledger.log import Entry
from caveat.ledger.reader import LedgerReader

PATH = "/v1/chat/completions"
MARKED = "TOP SECRET//SI//NOFORN\nSummarise: the committee met."


def body(text="Summarise: the committee met."):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}]}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("index") / "home", says("Hello there.")) as (gateway, _):
        other = gateway.http(gateway.key("anna", purposes=("analysis",), purpose="analysis"))
        for n in range(3):
            gateway.http().post(PATH, json=body(), headers={"caveat-case": f"case {n}"})
        gateway.http().post(PATH, json=body(MARKED))
        other.post(PATH, json=body())
        other.post(PATH, content=b"[]")
        gateway.http().post(PATH, content=b"{")
        gateway.ending()
        yield gateway


@pytest.fixture
def index(gateway, tmp_path):
    return Index(tmp_path / "index.sqlite", LedgerReader(gateway.home.ledger, gateway.home.vault))


@pytest.fixture
def lists(index):
    return Lists(index)


def calls_of(gateway):
    """Every call by the records themselves: id -> (first record, outcome)."""
    found = {}
    for one in gateway.records():
        if one.leaf.k in ("opened", "refused"):
            found[one.leaf.call] = (one, "denied" if one.leaf.k == "refused" else "running")
        elif one.leaf.k == "settled":
            found[one.leaf.call] = (found[one.leaf.call][0], one.leaf.o)
    return found


def test_a_list_holds_every_call_with_what_its_records_say(gateway, lists):
    lines = lists.calls(Wanted()).lines
    records = calls_of(gateway)
    assert [line.call for line in lines] == [c for c, _ in sorted(records.items(), key=lambda kv: -kv[1][0].index)]
    for line in lines:
        first, outcome = records[line.call]
        assert (line.at, line.at_ms, line.outcome) == (first.index, first.leaf.t, outcome)
        assert line.caller == first.opened["who"]["caller"]
        if first.leaf.k == "opened":
            assert line.purpose == first.opened["why"]["purpose"]
            assert line.model == first.opened["what"]["model"]
            assert line.verdict == first.opened["decision"]["verdict"]
            assert line.rank == first.opened["data"]["labelRank"]


@pytest.mark.parametrize(
    ("wanted", "n"),
    [
        ({"caller": "anna", "purpose": "analysis", "outcome": "completed"}, 1),
        ({"caller": "anna"}, 2),
        ({"purpose": "drafting", "outcome": "completed"}, 3),
        ({"outcome": "denied", "clause": "marking.ceiling"}, 1),
        ({"clause": "office.work", "caller": "sample-caller"}, 3),
        ({"case": "case 1"}, 1),
        ({"case": "case 9"}, 0),
        ({"outcome": "no such word"}, 0),
        ({"since_ms": 2**50}, 0),
        ({"until_ms": 1}, 0),
        ({"caller": "' or 1=1 --"}, 0),
    ],
    ids=str,
)
def test_filters(lists, wanted, n):
    assert len(lists.calls(Wanted(**wanted)).lines) == n


def test_pages_follow_one_another_without_gap_or_repetition(lists):
    whole = [line.call for line in lists.calls(Wanted()).lines]
    paged, before = [], 0
    while True:
        page = lists.calls(Wanted(before=before, most=2))
        paged += [line.call for line in page.lines]
        if not page.more:
            break
        before = page.lines[-1].at
    assert paged == whole
    assert len(whole) > 4


def test_counts_are_the_calls_that_have_ended(gateway, lists):
    records = calls_of(gateway).values()
    ended = sum(1 for _, outcome in records if outcome != "running")
    for unit in (MINUTE, HOUR):
        assert sum(c.n for c in lists.counts(unit, "all", 0)) == ended
    by_caller = {c.word: 0 for c in lists.counts(HOUR, "caller", 0)}
    for count in lists.counts(HOUR, "caller", 0):
        by_caller[count.word] += count.n
    assert by_caller == {"sample-caller": 5, "anna": 2}
    assert [(c.outcome, c.n) for c in lists.counts(HOUR, "clause", 0, "marking.ceiling")] == [("denied", 1)]
    assert {c.word for c in lists.counts(HOUR, "rank", 0)} == {"0", "15"}
    (denied,) = lists.calls(Wanted(clause="marking.ceiling")).lines
    quarter = denied.at_ms // 900_000 * 900
    kept = [(c.start, c.outcome, c.n) for c in lists.quarters([quarter, quarter + 900], "marking.ceiling")]
    assert kept == ([(quarter, "denied", 1)] if quarter % 3600 else [])


def test_built_in_pieces_it_is_the_same_as_built_at_once(gateway, index, tmp_path):
    reader = index.reader
    whole, pieces = tmp_path / "whole.sqlite", tmp_path / "pieces.sqlite"
    catch_up(whole, reader)
    for size in range(1, reader.size() + 1):
        catch_up(pieces, UpTo(reader, size))
    tables = ("call", "held", "tally", "control", "word", "seen")
    with opened(whole) as a, opened(pieces) as b:
        for table in tables:
            assert sorted(map(str, a.execute(f"select * from {table}"))) == sorted(
                map(str, b.execute(f"select * from {table}"))
            )


class UpTo(LedgerReader):
    """A reader that has seen the ledger only so far."""

    def __init__(self, reader, size):
        self._reader, self._size = reader, size

    @property
    def origin(self):
        return self._reader.origin

    def size(self):
        return self._size

    def entries(self, start=0, stop=None):
        return self._reader.entries(start, min(stop, self._size))


def test_what_an_index_does_not_know_yet_is_found_in_the_ledger(gateway, index):
    index.refresh()
    behind = Index(index.path, index.reader, followed=True)
    call = gateway.http().post(PATH, json=body()).headers["x-caveat-call"]
    gateway.ending(call)
    assert set(behind.find(call).at) == {"opened", "settled"}
    assert behind.find("0" * 32).at == {}
    assert behind.find("no id").at == {}


def test_while_another_writes_nobody_else_does(index):
    with alone(index.path) as mine, alone(index.path) as theirs:
        assert mine
        assert not theirs


def test_an_index_that_is_damaged_is_said_so_and_built_again(index, lists):
    index.refresh()
    index.path.write_bytes(b"no base at all" * 1000)
    assert lists.calls(Wanted()).lines  # of no format: made anew
    drop(index.path)
    assert lists.calls(Wanted()).lines
    with sqlite3.connect(index.path) as base:
        base.execute("drop table word")
    with pytest.raises(Unavailable, match="index of calls cannot be used"):
        lists.calls(Wanted())


def test_another_ledger_in_its_place_is_taken_in_from_its_beginning(index, lists):
    index.refresh()
    with sqlite3.connect(index.path) as base:
        base.execute("update seen set size = 1000000")
    assert lists.reach().seen <= lists.reach().size
    assert lists.calls(Wanted()).lines
    assert lists.reach().behind == 0


def test_a_disclosure_that_the_record_did_not_commit_to_says_nothing(gateway):
    """An aside that was changed in the vault cannot put words into the lists."""
    reader = LedgerReader(gateway.home.ledger, gateway.home.vault)
    entries = [e for _, e in reader.entries() if record.read_leaf(e.leaf).k == "opened"]
    first = row(entries[0])
    assert isinstance(first, First)
    assert first.caller == "sample-caller"
    forged = row(Entry(entries[0].leaf, entries[-1].aside))
    assert isinstance(forged, First)
    assert (forged.caller, forged.purpose, forged.verdict, forged.held) == ("", "", "", ())
    for aside in (b"", b"{", b'{"d":["%%%"]}', b'{"d":["WzEsMiwzXQ"]}'):
        closed = row(Entry(entries[0].leaf, aside))
        assert isinstance(closed, First)
        assert closed.caller == ""
    assert row(Entry(b"no leaf of ours")) is None


def test_a_process_of_its_own_keeps_it_beside_a_gateway(tmp_path):
    """Whoever serves a home has one process that builds and follows; it ends with the gateway."""
    home = tmp_path / "home"
    with scripted_gateway(home, says("Hi.")) as (gateway, _):
        gateway.http().post(PATH, json=body())
        gateway.ending()
        path = gateway.home.index
        drop(path)
        size = LedgerReader(gateway.home.ledger).size()
    (home / "caveat.toml").write_text(
        (home / "caveat.toml").read_text().partition("[upstream")[0].replace("127.0.0.1:8484", "127.0.0.1:0")
    )
    with served(home) as process:
        reader = LedgerReader(home / "ledger", home / "vault")
        lists = Lists(Index(path, reader, followed=True))

        def there():
            reach = lists.reach()
            return reach if reach.behind == 0 and reach.seen >= size else None

        eventually(there)
        children = process.children()
        with alone(path) as mine:
            assert not mine
        process.stop()
    assert children

    def let_go():
        with alone(path) as mine:
            return mine

    eventually(let_go)
