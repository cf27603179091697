"""`caveat doctor`: it finds what is wrong, says what to do, and its exit code can be relied on."""

import json

import pytest
from tests.gateway.running import HEAD, MODEL, running, upstream_text
from tests.making import clause, document, terms
from typer.testing import CliRunner

from caveat.cli.main import line
from caveat.gateway.checkup.looks import Counted, read_counters, unevaluated
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve
from caveat.register import Register

PERMIT = clause("work", "permit", 'context.purpose == Purpose::"drafting"')
PROBE = {"trips": "TOP SECRET//SI//NOFORN\nSummarise the report.", "passes": "Summarise the minutes."}
CEILING = clause("ceiling", "forbid", "context.labelRank > 4 || context.labelRankOut > 4", probe=PROBE)
MODELS = [{"alias": MODEL, "identity": "any"}]
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}]}


COUNTERS = """# HELP caveat_calls_total Calls decided
caveat_calls_total{dialect="openai_chat",rule="permit",stream="true",verdict="allow"} 3.0
caveat_calls_total{dialect="anthropic_messages",rule="permit",stream="false",verdict="allow"} 2.0
caveat_endings_total{dialect="openai_chat",ending="completed",stream="true"} 3.0
caveat_evaluations_total{dialect="openai_chat",stream="true",terms="trial@1"} 3.0
caveat_evaluations_total{dialect="anthropic_messages",stream="false",terms="other@1"} 2.0
"""


def doctor(home):
    """Exit code, and what was noted by check."""
    done = CliRunner().invoke(line(), ["doctor", "--home", str(home), "--json"])
    assert done.stdout, done.exception
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(done.stdout)["noted"]:
        found.setdefault(one["check"], []).append(one)
    return done.exit_code, found


@pytest.fixture
def home(tmp_path):
    """A home whose gateway has run, with its settings on disk and terms in force."""
    path = tmp_path / "home"
    with serve(says("Hello there.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text, sample=False) as gateway:
            gateway.adopt(document(PERMIT, CEILING, markings="civil", models=MODELS, valid=VALID))
            (path / "caveat.toml").write_text(text)
            yield gateway


VALID = {"from": "2026-01-01", "until": "2036-12-31"}


def test_a_home_in_good_order_with_a_gateway_that_runs(home):
    key = home.key("someone")
    assert home.http(key).post("/v1/chat/completions", json=ASK).status_code == 200
    exit_code, found = doctor(home.home.path)
    assert exit_code == 0, found
    assert {check: [one["level"] for one in ones] for check, ones in found.items()} == {
        "settings": ["good"],
        "keys": ["good"],
        "ledger": ["good"],
        "disk": ["good"],
        "model": ["good"],
        "witnesses": ["good"],
        "register": ["good"],
        "terms": ["good"],
        "coverage": ["doubt"],
        "gateway": ["good"],
        "clauses": ["good"],
    }
    assert "never measured" in found["coverage"][0]["says"]


def test_a_person_reads_sentences(home):
    shown = CliRunner().invoke(line(), ["doctor", "--home", str(home.home.path)])
    assert "is ready" in shown.output
    assert "never measured" in shown.output


def test_terms_that_have_ended_are_wrong(tmp_path):
    with running(tmp_path / "home", HEAD, sample=False) as gateway:
        none = doctor(gateway.home.path)
        past = {"from": "2020-01-01", "until": "2021-01-01"}
        gateway.adopt(document(PERMIT, markings="civil", valid=past))
        old = doctor(gateway.home.path)
    assert (none[0], none[1]["terms"][0]["level"]) == (1, "bad")
    assert (old[0], old[1]["terms"][0]["level"]) == (1, "bad")
    assert "not valid now" in old[1]["terms"][0]["says"]


@pytest.mark.parametrize(
    ("break_it", "check"),
    [
        (lambda path: (path / "keys" / "operator.key").chmod(0o644), "keys"),
        (lambda path: (path / "keys" / "log").unlink(), "keys"),
        (lambda path: (path / "ledger" / "checkpoint").write_bytes(b"forged"), "ledger"),
        (lambda path: (path / "caveat.toml").write_text("[gateway]\nbudget = 1\n"), "settings"),
        (lambda path: [p.unlink() for p in (path / "control").iterdir()], "register"),
    ],
    ids=["a key open to others", "no log key", "a forged checkpoint", "unknown settings", "documents missing"],
)
def test_what_is_broken_is_named(tmp_path, break_it, check):
    path = tmp_path / "home"
    with running(path, HEAD, sample=False) as gateway:
        gateway.adopt(document(PERMIT, CEILING, markings="civil", valid=VALID))
    (path / "caveat.toml").write_text(HEAD)
    break_it(path)
    before = sorted(p.relative_to(path) for p in path.rglob("*"))
    exit_code, found = doctor(path)
    assert exit_code == 1
    assert sorted(p.relative_to(path) for p in path.rglob("*")) == before, "the doctor changed the home"
    assert found[check][0]["level"] == "bad", found


def test_a_clause_that_a_path_with_calls_does_not_evaluate_is_told():
    """From counters as /metrics writes them: one path decides under other terms, another never judges its replies."""
    counted = read_counters(COUNTERS)
    register = Register(terms={"trial": terms(PERMIT, CEILING, markings="civil")})
    found = [one.says for one in unevaluated(register, counted)]
    assert found == [
        "`ceiling` of `trial@1` was not evaluated on anthropic_messages, whole, which carries calls",
        "`ceiling` of `trial@1` was not evaluated on replies on openai_chat, streamed, which carries calls",
    ]
    assert [one.level for one in unevaluated(register, Counted(()))] == ["good"]
