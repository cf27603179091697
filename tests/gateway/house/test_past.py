"""The fold at start-up: from a snapshot or from the beginning, the same past; a snapshot that does not fit is passed over."""

import asyncio
import json
from typing import Any, cast

import pytest

from caveat.canon import b64
from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import create
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.house.founding import found, found_sample
from caveat.gateway.house.past import read_past, read_snapshot, write_snapshot
from caveat.gateway.serving.startup import open_house
from caveat.ledger.reader import LedgerReader

ORIGIN = "localhost/caveat/past"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with sample parties, terms and keys, opened and closed."""
    home, _ = create(tmp_path_factory.mktemp("past") / "home", default_text(ORIGIN))

    async def work():
        async with open_house(home, home.settings(), serving=False) as house:
            await found(house, home)
            await found_sample(house, home)
            await house.revoke_key("sample-caller")

    asyncio.run(work())
    return home


@pytest.fixture
def parts(home):
    return LedgerReader(home.ledger, home.vault), Documents(home.control), house_keys(home, ORIGIN)[1]


def test_the_fold_from_a_snapshot_is_the_fold_from_the_beginning(home, parts):
    reader, documents, key = parts
    whole = read_past(reader, documents)
    write_snapshot(home.snapshot, reader, whole, key)
    snapshot = read_snapshot(home.snapshot, reader, key)
    assert snapshot is not None
    assert snapshot.size == whole.size > 0
    again = read_past(reader, documents, snapshot)
    assert again.register.fence == whole.register.fence
    assert again.register.revoked == {"sample-caller"}
    assert again == whole


@pytest.mark.parametrize("change", ["other key", "a record left out", "another root", "cut short", "not there"])
def test_a_snapshot_that_does_not_fit_is_passed_over(home, parts, change):
    reader, documents, key = parts
    write_snapshot(home.snapshot, reader, read_past(reader, documents), key)
    value = json.loads(home.snapshot.read_bytes())
    match change:
        case "other key":
            key = bytes(32)
        case "a record left out":  # the revocation: the key would live again
            value["snapshot"]["controls"].pop()
            home.snapshot.write_text(json.dumps(value))
        case "another root":
            value["snapshot"]["root"] = b64(bytes(32))
            home.snapshot.write_text(json.dumps(value))
        case "cut short":
            home.snapshot.write_bytes(home.snapshot.read_bytes()[:-10])
        case "not there":
            home.snapshot.unlink()
    assert read_snapshot(home.snapshot, reader, key) is None


def test_a_log_rolled_back_under_a_snapshot_is_noticed(home, parts, tmp_path):
    """A snapshot of a longer log than the one that is there is none of this log."""
    reader, documents, key = parts
    write_snapshot(home.snapshot, reader, read_past(reader, documents), key)

    class Shorter:
        origin = reader.origin

        @staticmethod
        def head():
            head = reader.head()
            return type(head)(head.origin, head.size - 1, head.root)

    assert read_snapshot(home.snapshot, cast("Any", Shorter()), key) is None
