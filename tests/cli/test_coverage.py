"""`caveat coverage` as a person runs it: a table, a page, a record in the ledger, and exit code 1 for a red."""

import json
import zipfile

import pytest
from tests.gateway.running import HEAD, running
from tests.making import clause, document
from typer.testing import CliRunner

from caveat.cli.main import line
from caveat.gateway.coverage.matrix import read_document
from caveat.gateway.home.directory import Home

PROBE = {"trips": "TOP SECRET//SI//NOFORN\nSummarise the report.", "passes": "Summarise the minutes."}
PERMIT = clause("work", "permit", 'context.purpose == Purpose::"drafting"')
GOOD = clause("ceiling", "forbid", "context.labelRank > 4", probe=PROBE)
BAD = clause("narrow", "forbid", "context.labelRank > 4 && !context.streaming", probe=PROBE)


@pytest.fixture
def terms_file(tmp_path):
    def write(*clauses):
        path = tmp_path / "terms.yaml"
        path.write_bytes(document(PERMIT, *clauses, markings="civil"))
        return str(path)

    return write


def run(*arguments):
    return CliRunner().invoke(line(), ["coverage", *map(str, arguments)])


def test_a_file_of_terms_without_a_hole(terms_file, tmp_path):
    done = run(terms_file(GOOD), "--quick", "--html", tmp_path / "matrix.html")
    assert done.exit_code == 0, done.output
    assert "openai_chat" in done.output
    assert "0 red of" in done.output
    page = (tmp_path / "matrix.html").read_text()
    assert "No cell is red" in page
    assert "<script" not in page
    assert "prefers-color-scheme" in page


def test_a_hole_is_named_and_the_exit_code_says_so(terms_file):
    done = run(terms_file(BAD), "--quick")
    assert done.exit_code == 1
    assert "openai_chat, streamed: the user's words" in done.output
    shown = run(terms_file(BAD), "--quick", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["red"] > 0


def test_what_is_measured_of_terms_in_force_goes_on_record_through_the_running_gateway(tmp_path):
    with running(tmp_path / "home", HEAD, sample=False) as gateway:
        gateway.adopt(document(PERMIT, GOOD, markings="civil"))
        someone = gateway.http(gateway.key("someone"))
        before = someone.get("/caveat/v1/coverage").json()
        done = run("--home", gateway.home.path)
        after = someone.get("/caveat/v1/coverage").json()
        leaf = gateway.last("control").leaf
    assert done.exit_code == 0, done.output
    assert before == {"measured": []}
    assert (leaf.what, leaf.id) == ("coverage.measured", "trial@1")
    kept = (Home(tmp_path / "home").control / leaf.doc.removeprefix("sha256:")).read_bytes()
    assert after["measured"] == [json.loads(kept)]
    assert [row.clause for row in read_document(kept).rows] == ["ceiling"]


def test_a_measurement_is_in_the_evidence(tmp_path):
    """Whoever gets a bundle gets the matrix, whole, under the log's signature."""
    path, bundle = tmp_path / "home", tmp_path / "evidence.zip"
    with running(path, HEAD, sample=False) as gateway:
        gateway.adopt(document(PERMIT, GOOD, markings="civil"))
        (path / "caveat.toml").write_text(HEAD)
        matrix = json.loads(run("--home", path, "--quick", "--json").stdout)["measured"][0]
        posted = gateway.http(gateway.operator_key).post("/caveat/v1/coverage", content=json.dumps(matrix).encode())
        assert posted.status_code == 200
    done = CliRunner().invoke(line(), ["evidence", "export", str(bundle), "--home", str(path)])
    assert done.exit_code == 0, done.exception
    with zipfile.ZipFile(bundle) as archive:
        documents = [archive.read(name) for name in archive.namelist() if name.startswith("control/")]
    assert json.dumps(matrix).encode() in documents


def test_a_measurement_of_other_terms_is_not_put_on_record(tmp_path, terms_file):
    """Who measures one text and files it under another is refused: the pair's digest decides."""
    other = json.loads(run(terms_file(GOOD), "--quick", "--json").stdout)["measured"][0]
    with running(tmp_path / "home", HEAD, sample=False) as gateway:
        gateway.adopt(document(PERMIT, GOOD, BAD, markings="civil"))
        operator = gateway.http(gateway.operator_key)
        refused = operator.post("/caveat/v1/coverage", content=json.dumps(other).encode())
        not_one = operator.post("/caveat/v1/coverage", content=b'{"coverage": 1}')
        by_caller = gateway.http(gateway.key("someone")).post("/caveat/v1/coverage", content=json.dumps(other).encode())
        last = gateway.last("control").leaf.what
    assert refused.status_code == not_one.status_code == 400
    assert "not the ones in force" in refused.json()["error"]["message"]
    assert by_caller.status_code == 403
    assert last != "coverage.measured"


def test_without_terms_in_force_there_is_nothing_to_measure(tmp_path):
    with running(tmp_path / "home", HEAD, sample=False) as gateway:
        done = run("--home", gateway.home.path)
    assert done.exit_code != 0
    assert "no terms are in force" in str(done.exception)
