"""Four workers and their parent: all decide alike, whichever is stopped, killed or started anew, and nothing told is lost."""

import os
import random
import re
import signal
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests.gateway.process import Served, descendants, served
from tests.gateway.running import HEAD, MODEL, eventually, running, upstream_text
from tests.stories.test_adoption import version
from tests.stories.test_kill import PLAY, Told, check, under_load

from caveat import record
from caveat.gateway.home.directory import open_home
from caveat.gateway.house.founding import SAMPLES, party_key
from caveat.gateway.scripted.server import serve
from caveat.ledger.reader import LedgerReader
from caveat.talks.draft import read_draft
from caveat.terms.sign import sign_terms

pytestmark = pytest.mark.timeout(400)

WORKERS = 4
HELD = re.compile(r'caveat_worker_info\{terms_digest="(sha256:[0-9a-f]+)",worker="(\d)"\} 1\.0')
ANSWERS = re.compile(r'caveat_worker_answers\{worker="(\d)"\} ([01])\.0')
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}]}


class Crew:
    """A gateway of several workers, its home, and the keys of the sample caller and the operator."""

    def __init__(self, home, process: Served, keys):
        self.home = home
        self.process = process
        self.key, self.operator = keys

    def ask(self, method, path, **more):
        """Ask on a connection of its own, so that any worker may take it."""
        return httpx.request(
            method, self.process.url + path, headers={"x-api-key": self.operator}, timeout=60, verify=False, **more
        )

    def call(self, **changes):
        return httpx.post(
            f"{self.process.url}/v1/chat/completions",
            json={**ASK, **changes},
            headers={"x-api-key": self.key},
            timeout=60,
            verify=False,
        )

    def held(self):
        """Which terms each worker says that it decides by."""
        return {worker: digest for digest, worker in HELD.findall(self.ask("GET", "/metrics").text)}

    def adopt(self, number):
        """A later version of the sample terms, through whichever worker; the pair's digest."""
        draft = read_draft(version(number))
        envelope = sign_terms(draft, *(party_key(self.home, name) for name in SAMPLES.values())).raw
        reply = self.ask("POST", "/caveat/v1/terms", content=envelope)
        assert reply.status_code == 200
        return reply.json()["digest"]

    def records(self):
        reader = LedgerReader(self.home.ledger, self.home.vault)
        return [(index, record.read_leaf(entry.leaf)) for index, entry in reader.entries()]

    def all_there(self):
        """Every worker answers."""
        return dict.fromkeys("1234", "1") == dict(ANSWERS.findall(self.ask("GET", "/metrics").text))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A home with the sample terms, behind it a scripted upstream."""
    path = tmp_path_factory.mktemp("crew") / "home"
    with serve(PLAY) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            keys = gateway.caller_key, gateway.operator_key
        (path / "caveat.toml").write_text(text)
        yield path, keys, upstream


@contextmanager
def crew(made, workers=WORKERS):
    path, keys, _ = made
    with served(path, "--workers", str(workers)) as process:
        one = Crew(open_home(path), process, keys)
        eventually(one.all_there, 90)
        yield one


VERSIONS = iter(range(2, 1000))


def adopted_while_one_is_stopped(one, rng):
    """Under load, one worker is stopped, terms are adopted, it goes on: nothing is recorded under the old pair."""
    old = set(one.held().values())
    assert len(old) == 1
    stopped = rng.choice(one.process.workers())
    with under_load(one.process.url, one.key, rng, 0.3) as told:
        os.kill(stopped, signal.SIGSTOP)
        try:
            new = one.adopt(next(VERSIONS))
            # a busy worker may say late what it holds: only the record is told at once
            eventually(lambda: sorted(one.held().values()) == sorted([*old, *[new] * (WORKERS - 1)]))
            time.sleep(0.2)
        finally:
            os.kill(stopped, signal.SIGCONT)
        eventually(lambda: one.held() == dict.fromkeys("1234", new))
        eventually(lambda: any(leaf.k == "opened" and leaf.terms == new for _, leaf in one.records()))
    records = one.records()
    adopted = max(index for index, leaf in records if leaf.what == "terms.adopted")
    assert all(leaf.terms != new for index, leaf in records[:adopted])
    after = [leaf for index, leaf in records[adopted + 1 :] if leaf.k == "opened"]
    assert after
    assert {leaf.terms for leaf in after} == {new}
    assert stopped in one.process.workers()
    assert told.completed


def test_terms_adopted_while_a_worker_is_stopped_bind_it_too(made):
    rng = random.Random(3)
    with crew(made) as one:
        for _ in range(3):
            adopted_while_one_is_stopped(one, rng)
        assert one.process.stop() == 0
        assert descendants(one.process.process.pid) == []
        check(one.home, Told())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_adoptions_while_a_worker_is_stopped(made, slow_rounds):
    rng = random.Random(4)
    with crew(made) as one:
        for _ in range(slow_rounds(5, 50)):
            adopted_while_one_is_stopped(one, rng)


def worker_killed(one, rng):
    """kill -9 of a worker under load: its calls are settled while the others go on, and another takes its place."""
    with under_load(one.process.url, one.key, rng, rng.uniform(0.2, 0.6)) as told:
        before = set(one.process.workers())
        killed = rng.choice(sorted(before))
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: len(set(one.process.workers()) - before) == 1)
        eventually(one.all_there, 90)
    return told


def test_a_worker_killed_under_load_loses_nothing(made):
    rng = random.Random(5)
    with crew(made) as one:
        before = one.ask("GET", "/metrics").text
        everything = [worker_killed(one, rng) for _ in range(3)]
        after = one.ask("GET", "/metrics").text
        assert calls_counted(after) > calls_counted(before)
        one.process.stop()
        for told in everything:
            check(one.home, told)
        assert "is started again" in one.process.errors
        assert "Traceback" not in one.process.errors


def calls_counted(text):
    return sum(float(value) for value in re.findall(r"^caveat_calls_total\{.*\} ([0-9.e+]+)$", text, re.MULTILINE))


def test_only_a_worker_that_is_gone_has_its_calls_settled(made):
    """A call that never ends: another worker's end does not touch it, its own worker's gives it the outcome `unknown`."""
    with crew(made) as one, httpx.Client(base_url=one.process.url, verify=False, timeout=60) as client:
        workers = sorted(one.process.workers())
        number = client.get("/readyz", headers={"x-api-key": one.operator}).json()["worker"]
        runs, other = workers[number - 1], workers[number % WORKERS]
        before = len(one.records())
        caller = threading.Thread(target=cut_off, args=(client, one.key), daemon=True)
        caller.start()
        ((_, opened),) = eventually(lambda: one.records()[before:])
        os.kill(other, signal.SIGKILL)
        eventually(lambda: set(one.process.workers()) - set(workers))
        eventually(one.all_there, 90)
        assert [leaf.k for _, leaf in one.records()[before:]] == ["opened"]
        os.kill(runs, signal.SIGKILL)
        settled = eventually(lambda: [leaf for _, leaf in one.records()[before:] if leaf.k == "settled"])
        caller.join()
        assert [(leaf.call, leaf.o) for leaf in settled] == [(opened.call, "unknown")]
        one.process.stop()


def cut_off(client, key):
    body = {**ASK, "messages": [{"role": "user", "content": "never"}]}
    with pytest.raises(httpx.TransportError):
        client.post("/v1/chat/completions", json=body, headers={"x-api-key": key})


def parents_killed(made, rounds, rng, also=lambda _one, _rng: Told()):
    """kill -9 of the process that owns the ledger, again and again: workers end with it, the next start makes all whole."""
    told: list[Told] = []
    for _ in range(rounds):
        with crew(made) as one:
            for before in told:
                check(one.home, before)
            told = [also(one, rng)]
            with under_load(one.process.url, one.key, rng, rng.uniform(0.2, 0.8)) as under:
                workers = one.process.workers()
                assert len(workers) == WORKERS
                one.process.kill()
            told.append(under)
            eventually(partial(all_gone, workers))
    with crew(made) as one:
        assert one.call().status_code == 200
        one.process.stop()
        for before in told:
            check(one.home, before)
        assert any(before.completed for before in told)


def all_gone(pids):
    return not any(map(alive, pids))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_owner_of_the_ledger_killed_under_load_loses_nothing(made):
    parents_killed(made, 3, random.Random(6))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_kills_of_workers_and_owners(made, slow_rounds):
    parents_killed(made, slow_rounds(3, 30), random.Random(7), worker_killed)


def test_ctrl_c_ends_all_of_them_stopped_ones_too(made):
    with crew(made) as one:
        workers = one.process.workers()
        os.kill(workers[0], signal.SIGSTOP)
        assert one.process.stop(signal.SIGINT) == 0
        assert not any(alive(pid) for pid in workers)
        assert "nothing is left running" in one.process.errors


def test_readiness_names_the_worker_and_what_it_holds(made):
    with crew(made) as one:
        seen = {}
        for _ in range(50):
            details = one.ask("GET", "/readyz").json()
            seen[str(details["worker"])] = list(details["terms"].values())
        held = one.held()
        assert seen
        assert all(digests == [held[worker]] for worker, digests in seen.items())
        one.process.stop()


def test_the_embedded_model_runs_once_for_all(tmp_path, model_folder):
    """Two workers, one model's process; when it dies, both follow it to where it is started anew.  (`model_folder` has seen
    to it that the weights are in the cache.)"""
    with served(tmp_path / "home", "--workers", "2", "--port", "0", verb="up") as process:
        (model,) = [pid for pid in process.children() if "gateway.model.process" in command(pid)]

        def answers():
            body = {**ASK, "model": process.told["model"], "max_tokens": 4}
            headers = {"x-api-key": process.told["key"]}
            url = f"{process.url}/v1/chat/completions"
            return [httpx.post(url, json=body, headers=headers, timeout=60, verify=False).status_code for _ in range(8)]

        assert set(answers()) == {200}
        os.kill(model, signal.SIGKILL)
        eventually(lambda: set(answers()) == {200}, 60)
        assert process.stop() == 0


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
