"""The seal as it runs: a process of its own before a model's server, and what becomes of requests at its gate."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from tests.gateway.process import ended
from tests.gateway.running import eventually
from tests.seal.sealing import (
    BODY,
    CHAT,
    MODEL,
    PAGES,
    SEAL,
    Leaves,
    make_folder,
    running_seal,
    settings_text,
    sse_ticket,
    token,
    word,
)

from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import Answer, Reply, Rule, Script, always
from caveat.gateway.scripted.server import Scripted
from caveat.meter.ticket import START, BytesDigest, read_ticket, request_digest
from caveat.seal.newest import claim_of

STREAM = BODY[:-1] + b',"stream":true}'
SCRIPT = Script(
    (
        Rule(Reply(answer=Answer("never the end of it"), end="hang"), contains="for ever"),
        Rule(Reply(answer=Answer("half of it"), take=150, end="drop"), contains="half"),
        Rule(Reply(status=529, json={"type": "error"}), contains="overloaded"),
        Rule(Reply(answer=Answer("hello there"))),
    )
)


@pytest.fixture(scope="module")
def model() -> Iterator[Scripted]:
    with scripted.serve(SCRIPT) as upstream:
        yield upstream


@pytest.fixture
def folder(tmp_path: Path, model: Scripted) -> Path:
    return make_folder(tmp_path / "seal", settings_text(model.address))


def asking(word: str) -> bytes:
    return STREAM.replace(b"hello", word.encode())


def test_a_call_with_its_permit_passes_and_brings_its_ticket(folder, model):
    with running_seal(folder) as seal:
        permit = token()
        reply = seal.call(permit)
        ticket = read_ticket(reply.headers["caveat-seal-ticket"])
        ticket.verify((SEAL.verify_key,))
        digest = BytesDigest(permit, "reply")
        digest.update(reply.content)
        assert (reply.status_code, reply.json()["choices"][0]["message"]["content"]) == (200, "hello there")
        assert (ticket.boot, ticket.number, ticket.tokens_in, ticket.tokens_out, ticket.end) == (1, 1, 12, 2, "done")
        assert (ticket.request, ticket.reply, ticket.prev) == (request_digest(permit, BODY), digest.value(), START)
        assert "caveat-permit" not in model.received[-1].headers


def test_a_streams_bytes_are_the_models_and_its_ticket_comes_behind_them(folder, model):
    with running_seal(folder) as seal:
        permit = token(STREAM)
        body, ticket = sse_ticket(seal.call(permit, STREAM).content)
        plain = httpx.post(model.address + CHAT, content=STREAM, trust_env=False, timeout=60).content
        digest = BytesDigest(permit, "reply")
        digest.update(plain)
        assert body == plain
        assert ticket.reply == digest.value()


def test_a_stream_is_not_held_back(folder):
    """All of what the model has said arrives, though it never says that it has ended."""
    body, said = asking("for ever"), b""
    with (
        running_seal(folder) as seal,
        seal.http.stream("POST", CHAT, content=body, headers={"caveat-permit": token(body)}) as reply,
    ):
        for piece in reply.iter_raw():
            said += piece
            if all(word in said for word in (b"never", b"the", b"end", b"of", b"it")):
                break


@pytest.mark.parametrize(
    ("case", "method", "path"),
    [
        ("a chat", "POST", CHAT),
        ("a completion", "POST", "/completion"),
        ("the engine's own pages", "GET", "/metrics"),
        ("its slots", "GET", "/slots"),
        ("its models", "GET", "/v1/models"),
        ("an encoded path", "POST", "/v1/chat%2fcompletions"),
        ("a page of the seal that there is not", "POST", "/caveat-seal/v1/../../v1/chat/completions"),
    ],
)
def test_nothing_reaches_the_model_without_a_permit(folder, model, case, method, path):
    with running_seal(folder) as seal:
        before = len(model.received)
        address, _, port = seal.address.removeprefix("http://").partition(":")
        with socket.create_connection((address, int(port))) as raw:
            raw.sendall(
                f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}".encode()
            )
            status = raw.recv(4096).split(b" ")[1]
        assert status in (b"401", b"404")
        assert len(model.received) == before
        (_, first), (beat, tickets) = seal.beat()
        assert (first, tickets, beat.last) == ((), (), 0)


def test_a_permit_is_used_once_and_for_its_bytes_alone(folder, model):
    with running_seal(folder) as seal:
        permit = token()
        other = seal.call(permit, BODY + b" ")
        assert (other.status_code, other.headers["caveat-seal-refused"]) == (401, "permit_body")
        assert seal.call(permit).status_code == 200
        again = seal.call(permit)
        assert (again.status_code, again.headers["caveat-seal-refused"]) == (401, "permit_used")
        two = seal.http.post(CHAT, content=BODY, headers=[("caveat-permit", token()), ("caveat-permit", token())])
        assert two.headers["caveat-seal-refused"] == "permit_missing"
        assert seal.beat()[-1][0].refused == 3


def test_a_restart_replays_nothing_and_boots_follow_each_other(folder):
    with running_seal(folder) as seal:
        unused = token()
        assert seal.call(token()).status_code == 200
        seal.process.kill()
        seal.process.wait()
    with running_seal(folder) as seal:
        late = seal.call(unused)
        assert (late.status_code, late.headers["caveat-seal-refused"]) == (401, "permit_before_start")
        assert seal.call(token()).status_code == 200
    with running_seal(folder) as seal:
        kinds = [(beat.boot, beat.kind, beat.last) for beat, _ in seal.report()]
    assert kinds == [(1, "open", 0), (1, "lost", 1), (2, "open", 0), (2, "close", 1), (3, "open", 0)]


def test_a_gateway_that_hangs_up_cuts_the_model_and_leaves_a_ticket(folder, model):
    body = asking("for ever")
    with running_seal(folder) as seal:
        with seal.http.stream("POST", CHAT, content=body, headers={"caveat-permit": token(body)}) as reply:
            next(reply.iter_raw())
        end = time.monotonic() + 60
        while not model.received[-1].cut:
            assert time.monotonic() < end
            time.sleep(0.02)
        beat, tickets = seal.beat()[-1]
        assert [(t.number, t.end, t.tokens_in) for t in tickets] == [(1, "cut", None)]
        assert (beat.open, beat.unmeasured) == ((), 1)


def test_a_model_that_breaks_off_is_counted_and_the_stream_does_not_look_whole(folder):
    body = asking("half")
    with running_seal(folder) as seal:
        with pytest.raises(httpx.RemoteProtocolError):
            seal.call(token(body), body)
        assert [t.end for t in seal.beat()[-1][1]] == ["failed"]


def test_an_error_of_the_model_comes_with_a_ticket(folder):
    body = BODY.replace(b"hello", b"overloaded")
    with running_seal(folder) as seal:
        reply = seal.call(token(body), body)
        ticket = read_ticket(reply.headers["caveat-seal-ticket"])
        assert (reply.status_code, ticket.status, ticket.end, ticket.tokens_in) == (529, 529, "done", None)


def test_a_model_that_is_not_there_is_counted_too(tmp_path):
    with running_seal(make_folder(tmp_path / "seal", settings_text("http://127.0.0.1:9"))) as seal:
        reply = seal.call(token())
        ticket = read_ticket(reply.headers["caveat-seal-ticket"])
        assert (reply.status_code, ticket.end, ticket.status) == (503, "failed", 0)


def test_a_restored_gateway_issues_permits_that_are_no_good(folder):
    leaves = Leaves().add(40)
    with running_seal(folder) as seal:
        for old, size in ((0, 20), (20, 40)):
            seal.http.post("/caveat-seal/v1/checkpoint", content=leaves.handed_in(old, size)).raise_for_status()
        assert seal.call(token(chk=claim_of(40, leaves.root(0, 40)))).status_code == 200
        restored = seal.http.post("/caveat-seal/v1/checkpoint", content=leaves.handed_in(10, 15))
        assert (restored.status_code, restored.json()["error"]["message"]) == (409, "40")
        seal.process.kill()
        seal.process.wait()
    with running_seal(folder) as seal:
        for size in (15, 20):
            late = seal.call(token(chk=claim_of(size, leaves.root(0, size))))
            assert late.headers["caveat-seal-refused"] == "permit_checkpoint"
        assert seal.beat()[-1][0].records == 40


def load(address: str, told: list[str], stop: threading.Event) -> None:
    """Call until told to stop, or until the seal is gone; keep the tickets."""
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as http:
        while not stop.is_set():
            try:
                reply = http.post(CHAT, content=BODY, headers={"caveat-permit": token()})
            except httpx.HTTPError:
                return
            told += [reply.headers["caveat-seal-ticket"]] if "caveat-seal-ticket" in reply.headers else []


@pytest.mark.parametrize("beats", [False, True])
def test_kills_under_load_lose_no_number(folder, beats):
    """Whatever the seal told before it was killed is in what it tells afterwards, and no number is given twice."""
    told: list[str] = []
    for _ in range(3):
        with running_seal(folder) as seal, ThreadPoolExecutor(4) as pool:
            stop = threading.Event()
            for _ in range(4):
                pool.submit(load, seal.address, told, stop)
            enough, end = len(told) + 5, time.monotonic() + 60
            while len(told) < enough and time.monotonic() < end:
                time.sleep(0.02)
            if beats:
                seal.beat()
            seal.process.send_signal(signal.SIGKILL)
            seal.process.wait()
            stop.set()
    with running_seal(folder) as seal:
        kept = seal.report()
    tickets = {(t.boot, t.number): t for _, group in kept for t in group}
    assert len(tickets) == sum(len(group) for _, group in kept)
    assert len(told) > 10
    assert all(tickets[t.boot, t.number] == t for t in map(read_ticket, told))
    lost = {beat.boot: beat.last for beat, _ in kept if beat.kind == "lost"}
    assert sorted(lost) == [1, 2, 3]
    for boot, last in lost.items():
        assert {n for b, n in tickets if b == boot} == set(range(1, last + 1))


ENGINE = """
import json, sys, pathlib
from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import says
key = sys.stdin.readline().strip()
pathlib.Path(sys.argv[1]).write_text(key)
with scripted.serve(says("hello there")) as up:
    print(json.dumps({"address": up.address}), flush=True)
    sys.stdin.read()
"""


def with_engine(folder: Path, tmp_path: Path, **more: str) -> Path:
    command = json.dumps([sys.executable, "-c", ENGINE, str(tmp_path / "engine-key")])
    text = settings_text("", **more) + f"command = {command}\n"
    return make_folder(folder, text)


def test_the_engine_that_the_seal_starts_has_a_key_of_this_start(tmp_path):
    folder = with_engine(tmp_path / "seal", tmp_path)
    keys = set()
    for _ in range(2):
        with running_seal(folder) as seal:
            assert seal.call(token()).status_code == 200
        keys.add((tmp_path / "engine-key").read_text())
    assert len(keys) == 2
    assert all(len(key) > 40 for key in keys)


def test_weights_that_were_exchanged_stop_the_start(tmp_path, folder):
    weights = tmp_path / "model.gguf"
    weights.write_bytes(b"other weights")
    (folder / "seal.toml").write_text(settings_text("http://127.0.0.1:9", weights=json.dumps(str(weights))))
    done = subprocess.run(
        [sys.executable, "-m", "caveat.seal", str(folder)], check=False, capture_output=True, text=True
    )
    assert (done.returncode, json.loads(done.stdout)["error"].startswith("the weights in")) == (1, True)
    assert MODEL in done.stdout


@pytest.mark.parametrize(
    ("case", "spoil", "words"),
    [
        ("no settings", lambda f: (f / "seal.toml").unlink(), "cannot read"),
        ("a key that is unknown", lambda f: (f / "seal.toml").write_text("model = 1"), "expected"),
        ("no key of its own", lambda f: (f / "seal.key").unlink(), "cannot read the seal's key"),
        ("a key that others can read", lambda f: (f / "seal.key").chmod(0o644), "can be read by others"),
        ("an address that is none", lambda f: _put(f, address='"here"'), "expected host:port"),
        ("an engine that does not start", lambda f: _put(f, engine='{command=["false"]}'), "did not tell its address"),
    ],
)
def test_what_keeps_a_seal_from_its_start_is_told_in_a_sentence(folder, case, spoil, words):
    spoil(folder)
    done = subprocess.run(
        [sys.executable, "-m", "caveat.seal", str(folder)], check=False, capture_output=True, text=True
    )
    assert done.returncode in (1, 2, 3)
    assert words in json.loads(done.stdout)["error"]
    assert "Traceback" not in done.stderr


def _put(folder: Path, **more: str) -> None:
    text = settings_text("http://127.0.0.1:9", **more)
    (folder / "seal.toml").write_text(text.split("[engine]")[0] if "engine" in more else text)


def test_a_seal_that_is_told_a_key_wants_it_with_every_request_and_ends_with_its_maker(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "caveat.seal", str(folder), "--told"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin and process.stdout
    with ended(process):
        process.stdin.write(b"the-access-key\n")
        process.stdin.flush()
        address = json.loads(process.stdout.readline())["address"]
        told_a_key(address)
        process.stdin.close()
        assert process.wait(60) == 0
    assert not Path(f"/proc/{process.pid}").exists()


def told_a_key(address: str) -> None:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as http:
        assert http.post(CHAT, content=BODY, headers={"caveat-permit": token()}).status_code == 401
        assert http.get("/caveat-seal/v1/report").status_code == 401
        good = {"caveat-permit": token(), "authorization": "Bearer the-access-key"}
        assert http.post(CHAT, content=BODY, headers=good).status_code == 200
        other = {"caveat-permit": token(), "x-api-key": "the-access-key"}
        assert http.post(CHAT, content=BODY, headers=other).status_code == 200
        assert http.get("/health").status_code == 200


def test_the_seal_says_how_far_it_is_within_the_time_it_promised(folder, model):
    (folder / "seal.toml").write_text(settings_text(model.address, beat_s="1"))
    with running_seal(folder) as seal:
        beats = eventually(lambda: told if len(told := [beat for beat, _ in seal.report()]) >= 3 else None)
    assert all(b.at_ms - a.at_ms <= 2000 for a, b in pairwise(beats))


def test_only_the_gateway_makes_it_beat_and_forget(folder):
    with running_seal(folder) as seal:
        seal.call(token())
        told = json.dumps({"boot": 1, "beat": 1}).encode()
        post = seal.http.post
        others: list[dict[str, str]] = [{}, {"caveat-permit": token()}, word("beat")]
        for headers in (*others, {"caveat-permit": token(told, htp=PAGES + "told")}):
            assert post(PAGES + "told", content=told, headers=headers).status_code == 401
        assert post(PAGES + "beat").status_code == 401
        assert [beat.beat for beat, _ in seal.beat()] == [1, 2]
        once = word("told", told)
        assert post(PAGES + "told", content=told, headers=once).status_code == 200
        assert post(PAGES + "told", content=told, headers=once).status_code == 401
        assert [beat.beat for beat, _ in seal.report()] == [2]
        assert seal.call(word("beat")["caveat-permit"], b"").status_code == 401


def test_what_it_counted_comes_with_the_engines_own_counters(tmp_path):
    page = "llamacpp:prompt_tokens_total 12\nllamacpp:tokens_predicted_total 2\n"
    script = Script((Rule(Reply(text=page), path="/metrics"), *always(Reply(answer=Answer("hello there"))).rules))
    with scripted.serve(script) as model:
        folder = make_folder(tmp_path / "seal", settings_text(model.address) + 'counters = "llama.cpp"\n')
        with running_seal(folder) as seal:
            assert seal.call(token()).status_code == 200
            beat = seal.beat()[-1][0]
    assert (beat.engine, beat.tokens) == ((12, 2), (12, 2))
