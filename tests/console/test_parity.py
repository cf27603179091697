"""What a page can do, `caveat` and `/caveat/v1` can do: docs/console.md says how, and this holds it to what there is."""

import re
from pathlib import Path

import pytest
from tests.gateway.running import eventually

from caveat.cli.main import line
from caveat.cli.manual import verbs
from caveat.console.app import Console
from caveat.gateway.control.endpoints import ENDPOINTS
from caveat.gateway.desk.ports import Desk
from caveat.gateway.index.follow import Index
from caveat.ledger.reader import LedgerReader

DOCS = Path(__file__).parents[2] / "docs" / "console.md"
ROW = re.compile(r"^\| `((?:GET|POST) [^`]+)` \| `([^`]+)` \| `([A-Z]+ /caveat/v1/[^`]+)` \|$", re.MULTILINE)
TABLE = ROW.findall(DOCS.read_text("utf-8"))


def test_every_page_and_action_has_its_verb_and_its_path(gateway):
    index = Index(gateway.home.index, LedgerReader(gateway.home.ledger, gateway.home.vault))
    ways = Console(Desk(gateway.home, gateway.house, index).ports()).ways
    assert [way for way, _, _ in TABLE] == [f"{way.method} {way.path}" for way in ways]
    assert {verb for _, verb, _ in TABLE} <= {" ".join(words) for words in verbs(line())}
    assert {path for _, _, path in TABLE} <= {f"{one.method} {one.path.replace(':path', '')}" for one in ENDPOINTS}


@pytest.fixture
def operator(gateway):
    return gateway.http(gateway.operator_key)


def test_a_bundle_is_prepared_looked_at_released_and_fetched(gateway, operator):
    id_ = operator.post("/caveat/v1/bundles", json={"receiver": "vendor", "profile": "counts"}).json()["id"]
    assert operator.get(f"/caveat/v1/bundles/{id_}").status_code == 403  # not let go yet
    view = operator.get(f"/caveat/v1/bundles/{id_}/view").json()
    assert view["all"] == len(view["lines"]) > 10
    assert operator.post(f"/caveat/v1/bundles/{id_}/release").json() == {"released": id_}
    assert gateway.last("control").leaf.what == "evidence.exported"
    fetched = operator.get(f"/caveat/v1/bundles/{id_}")
    assert (fetched.status_code, fetched.content[:2]) == (200, b"PK")
    assert operator.post(f"/caveat/v1/bundles/{id_}/verify").json() == {"state": "runs"}
    report = eventually(lambda: r if (r := operator.get(f"/caveat/v1/bundles/{id_}/report")).is_success else None, 90)
    assert "<!doctype html>" in report.text.lower()
    (row,) = [one for one in operator.get("/caveat/v1/bundles").json()["bundles"] if one["id"] == id_]
    assert (row["released"], row["number"], row["verified"]["state"]) == (True, 1, "verified")
    assert operator.delete(f"/caveat/v1/bundles/{id_}").json() == {"dropped": id_}
    assert operator.get(f"/caveat/v1/bundles/{id_}").status_code == 404
    for wrong in ({"receiver": "two words"}, {"receiver": "vendor", "profile": "everything"}, {}):
        assert operator.post("/caveat/v1/bundles", json=wrong).status_code == 400


def test_what_pages_show_is_told_to_programs(gateway, operator):
    told = operator.get("/caveat/v1/health").json()
    assert {light["what"] for light in told["health"]} >= {"terms", "model", "ledger", "index"}
    assert sum(one["n"] for one in operator.get("/caveat/v1/counts").json()["counts"]) > 0
    assert operator.get("/caveat/v1/counts", params={"unit": "1"}).status_code == 400
    call = gateway.last("opened")
    assert operator.get("/caveat/v1/find", params={"what": call.leaf.call}).json() == {"index": call.index}
    assert operator.get("/caveat/v1/find", params={"what": "nothing"}).status_code == 404
    assert operator.get("/caveat/v1/trust").text.startswith("# Whose keys count")
    terms = operator.get("/caveat/v1/terms").json()["in_force"][0]["yaml"]
    impact = operator.post("/caveat/v1/replay", json={"terms": terms}).json()
    assert impact["calls"] > 0
    assert not impact["changed"]
    assert operator.post("/caveat/v1/ledger/check").json() == {"state": "runs"}
    done = eventually(
        lambda: c if (c := operator.get("/caveat/v1/ledger/check").json())["state"] != "runs" else None, 90
    )
    assert done["state"] == "clean"
