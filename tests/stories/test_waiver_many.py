"""Ten thousand calls at once on a waiver with a hundred uses, over four workers: exactly a hundred pass."""

import asyncio
from collections import Counter

import aiohttp
import pytest
from tests.cli.conftest import run  # noqa: F401 - a fixture
from tests.gateway.process import served
from tests.gateway.running import HEAD, running, upstream_text
from tests.stories.persons import PATH, asked, carried, chat, staffed

from caveat import record
from caveat.gateway.home.directory import open_home
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve
from caveat.ledger.reader import LedgerReader

DATA = chat("The key is AKIAIOSFODNN7EXAMPLQ, is it well made?")
AT_ONCE = 64
USES = 100


async def all_of(url: str, key: str, calls: int) -> Counter[int]:
    """So many calls, `AT_ONCE` at a time; how many of each status."""
    statuses: Counter[int] = Counter()
    left = iter(range(calls))
    headers = {"x-api-key": key, "content-type": "application/json"}

    async def caller(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url + PATH, data=DATA, headers=headers) as reply:
                await reply.read()
                statuses[reply.status] += 1

    limit = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=limit, timeout=aiohttp.ClientTimeout(120)) as session:
        await asyncio.gather(*(caller(session) for _ in range(AT_ONCE)))
    return statuses


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_of_ten_thousand_calls_a_hundred_pass(tmp_path, run, slow_rounds):  # noqa: F811
    calls = slow_rounds(1_000, 10_000)
    path = tmp_path / "home"
    with serve(says("Hello there.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            office = staffed(tmp_path, run, gateway, upstream)
            file = carried(office, asked(office, uses=USES), "anna", "ben")
            key = gateway.caller_key
        (path / "caveat.toml").write_text(text)
        with served(path, "--workers", "4") as process:
            waiver = office.do("waiver", "grant", file, "--home", path, "--json").json["waiver"]
            statuses = asyncio.run(all_of(process.url, key, calls))
            assert process.stop(seconds=120) == 0
        assert statuses == {200: USES, 403: calls - USES}
        assert len(upstream.received) == USES
    home = open_home(path)
    leaves = [record.read_leaf(entry.leaf) for _, entry in LedgerReader(home.ledger, home.vault).entries()]
    assert sum(waiver in leaf.w for leaf in leaves) == USES
    assert sum(leaf.k == "opened" for leaf in leaves) == calls
