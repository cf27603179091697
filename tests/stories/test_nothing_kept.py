"""What a call said stays with its caller: no run of 16 characters of a prompt or an answer, no key and no header's value
stands in any leaf, in anything else that the gateway keeps in the clear, or in what it writes to its log."""

import base64
import json
import random
import sqlite3
import string
from contextlib import closing

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.process import served
from tests.gateway.running import HEAD, MODEL, eventually, running, upstream_text

from caveat.gateway.home.directory import open_home
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.index.ask import Lists
from caveat.gateway.index.follow import Index
from caveat.gateway.scripted.script import Answer, Reply, Rule, Script
from caveat.gateway.scripted.server import serve
from caveat.ledger.reader import LedgerReader

RUN = 16
PATHS = ("/v1/chat/completions", "/v1/messages")
LETTERS = string.ascii_letters + string.digits + "éßñ漢字кот😀"


def runs(text):
    """All runs of 16 characters."""
    return {text[i : i + RUN] for i in range(len(text) - RUN + 1)}


def spellings(word):
    """A run as it could be written: plain, JSON-escaped, base64 in its three offsets, hex, backwards."""
    raw = word.encode()
    inner = [base64.b64encode(b"\0" * shift + raw)[(4 if shift else 0) : -4].decode() for shift in range(3)]
    return {word, json.dumps(word)[1:-1], raw.hex(), word[::-1], *(piece for piece in inner if len(piece) >= RUN)}


class Words:
    """Random words, none of which the gateway could have of itself."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.said: list[str] = []

    def __call__(self, length: int = 40) -> str:
        text = "".join(self._rng.choices(LETTERS, k=length))
        self.said.append(text)
        return text


def bodies(words):
    """Calls of every kind: allowed, denied, unreadable, with tools, markings, fields that no table knows, broken JSON."""
    turn = [{"role": "user", "content": words()}]
    yield {"model": MODEL, "max_tokens": 9, "messages": turn}
    yield {"model": MODEL, "max_tokens": 9, "messages": turn, "stream": True}
    yield {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": f"SECRET\n{words()}"}]}
    yield {"model": words(), "max_tokens": 9, "messages": turn}
    yield {"model": MODEL, "max_tokens": 9, "messages": turn, words(): words()}
    yield {"model": MODEL, "max_tokens": 9, "messages": turn, "metadata": {words(): words()}, "user": words()}
    yield {"model": MODEL, "max_tokens": 9, "messages": [{"role": words(), "content": words()}]}
    yield {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": words()}]}]}
    yield {"model": MODEL, "max_tokens": 9, "messages": words(), "stop": [words()], "stop_sequences": [words()]}
    yield {"model": MODEL, "max_tokens": 9, "messages": turn, "tools": [{"name": words(), "input_schema": {}}]}
    function = {"name": words()[:30], "description": words(), "parameters": {"title": words()}}
    yield {"model": MODEL, "max_tokens": 9, "messages": turn, "tools": [{"type": "function", "function": function}]}


def raw_bodies(words):
    yield f'{{"model": "{words()}", "model": "{words()}"}}'.encode()
    yield words().encode()
    yield f'{{"a": NaN, "b": "{words()}"'.encode()
    yield words().encode("utf-16")


def headers(words):
    """Headers that are read, forwarded, or neither."""
    ascii_word = base64.b64encode(words().encode()).decode()
    words.said.append(ascii_word)
    yield {}
    for name in (
        "caveat-purpose",
        "caveat-marking",
        "caveat-case",
        "user-agent",
        "anthropic-beta",
        "x-my-own",
        "cookie",
    ):
        yield {name: ascii_word}


def kept(home):
    """Everything that a home keeps in the clear, by name."""
    for folder in ("ledger", "control", "models", "terms"):
        for path in (home.path / folder).rglob("*"):
            if path.is_file() and path.name != "lock" and path.suffix != ".gguf":
                yield str(path.relative_to(home.path)), path.read_bytes()
    for path in home.path.glob("index.sqlite*"):
        yield path.name, path.read_bytes()


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A day at a real gateway process: its home, what was said, its keys, what it wrote to its log."""
    words = Words(seed=3)
    path = tmp_path_factory.mktemp("day") / "home"
    answers = tuple(Answer(words(60), reasoning=words()) for _ in range(3))
    play = [
        Rule(Reply(answer=answers[0]), times=6),
        Rule(Reply(status=500, json={"error": {"message": words(), "type": words()}}), times=3),
        Rule(Reply(answer=answers[1], take=500), times=3),
        Rule(Reply(text=words()), times=3),
        Rule(Reply(head=False, end="drop"), times=2),
        Rule(Reply(answer=answers[2])),
    ]
    with serve(Script(tuple(play))) as upstream:
        secret = words(40).encode("ascii", "replace").decode().replace("?", "x")
        words.said.append(secret)
        text = HEAD + upstream_text(upstream.address, key_file='"keys/there"')
        with running(path, HEAD + upstream_text(upstream.address)) as gateway:
            key = gateway.caller_key
        (path / "keys" / "there").write_text(secret)
        (path / "keys" / "there").chmod(0o600)
        (path / "caveat.toml").write_text(text)
        with served(path) as gateway:
            with httpx.Client(base_url=gateway.url, headers={"x-api-key": key}, verify=False, timeout=60) as client:
                told = list(called(client, words))
                call = next(reply for reply in told if reply.status_code == 200).headers["x-caveat-call"]
                assert client.get(f"/caveat/v1/calls/{call}").status_code == 200
            wrong = httpx.post(
                f"{gateway.url}{PATHS[0]}", json={}, headers={"x-api-key": words(40)[:30].encode().hex()}, timeout=60
            )
            assert wrong.status_code == 401
            home = open_home(path)
            lists = Lists(Index(home.index, LedgerReader(home.ledger, home.vault), followed=True))
            eventually(
                lambda: lists.reach().seen and not lists.reach().behind, 90
            )  # its process takes a while to start
            gateway.stop()
            log = gateway.errors
    assert {200, 400, 403, 404, 502} <= {reply.status_code for reply in told}
    return home, words.said, [key, secret], log


def called(client, words):
    for path in PATHS:
        for body in bodies(words):
            yield client.post(path, json=body)
        for raw in raw_bodies(words):
            yield client.post(path, content=raw, headers={"content-type": "application/json"})
        turn = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": words()}]}
        for more in headers(words):
            yield client.post(path, json=turn, headers=more)
        yield client.post(f"{path}?{words(20).encode().hex()}=1", json=turn)


def traces(data, said, keys):
    """Runs of what was said that stand in some bytes, in any spelling; keys whole or in part."""
    text = data.decode("utf-8", "replace")
    found = {spelt for word in said for run in runs(word) for spelt in spellings(run) if spelt in text}
    return found | {run for key in keys for run in runs(key) if run in text}


def test_no_leaf_holds_what_was_said(day):
    home, said, keys, _ = day
    trusted = house_keys(home, "localhost/caveat/test")[0].verify_keys
    leaves = [entry.leaf for _, entry in LedgerReader(home.ledger, home.vault, trusted).entries()]
    assert len(leaves) > 60
    assert traces(b"\n".join(leaves), said, keys) == set()


def test_nothing_kept_in_the_clear_holds_it_either(day):
    """Files of the log, control documents and the index of calls; what opens a record lies in the vault."""
    home, said, keys, _ = day
    files = dict(kept(home))
    assert any(name.startswith("ledger/tile") for name in files)
    assert "index.sqlite" in files
    for name, data in files.items():
        assert traces(data, said, keys) == set(), name


def test_what_opens_a_record_holds_no_words_either(day):
    """The vault's asides hold facts and digests; words are kept only where a duty says so, and then sealed."""
    home, said, keys, _ = day
    asides = [entry.aside for _, entry in LedgerReader(home.ledger, home.vault).entries() if entry.aside]
    disclosed = [base64.urlsafe_b64decode(d + "==") for aside in asides for d in json.loads(aside)["d"]]
    assert len(disclosed) > 200
    assert traces(b"\n".join(disclosed), said, keys) == set()


def test_the_log_of_the_process_holds_nothing(day):
    _, said, keys, log = day
    assert traces(log.encode(), said, keys) == set()
    assert "Traceback" not in log


def test_the_index_holds_ids_words_of_lists_and_digests_only(day):
    """A case's words are the caller's own, so the index knows them by their digest."""
    home, _, _, _ = day
    with closing(sqlite3.connect(home.index)) as base:
        ids = base.execute("select id from call").fetchall()
        kinds = {kind for (kind,) in base.execute("select distinct kind from word")}
        cases = base.execute("select text from word where kind = 'case'").fetchall()
    assert ids
    assert all(len(id_) == 16 for (id_,) in ids)
    assert kinds <= {"verdict", "rule", "caller", "purpose", "model", "case", "dialect", "terms", "clause"}
    assert cases
    assert all(text.startswith("sha256:") and len(text) == 71 for (text,) in cases)


@given(st.text(LETTERS, min_size=RUN, max_size=60))
@settings(max_examples=50, deadline=None)
def test_the_search_finds_what_it_looks_for(text):
    """A word hidden in any of these spellings is found, so that finding none means something."""
    for spelt in (
        text,
        json.dumps(text),
        text.encode().hex(),
        base64.b64encode(b"ab" + text.encode()).decode(),
        text[::-1],
    ):
        assert traces(f"xyz {spelt} xyz".encode(), [text], []), spelt
