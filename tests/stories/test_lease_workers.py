"""A lease of so many calls over four workers: of three times as many at once exactly so many reach the model, and a renewal
through one worker is good for all.  The same of a key's budget."""

import threading
import time
from collections import Counter

from tests.gateway.process import served
from tests.gateway.running import HEAD, eventually, running, upstream_text
from tests.stories.test_adoption import version
from tests.stories.test_workers import Crew

from caveat.gateway.home.directory import open_home
from caveat.gateway.house.founding import SAMPLES, party_key
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve
from caveat.talks.draft import read_draft
from caveat.terms.lease import FOREVER
from caveat.terms.renewal import sign_renewal
from caveat.terms.sign import claimed_terms, sign_terms

CALLS = 60


def leased(home):
    kept = [line for line in version(2).decode().splitlines() if not line.startswith(("lease:", "continuity:"))]
    kept.insert(kept.index("markings: civil"), f"lease: {{calls: {CALLS}}}")
    draft = read_draft("\n".join(kept).encode())
    return sign_terms(draft, *(party_key(home, name) for name in SAMPLES.values()))


def at_once(crew, count):
    """So many calls from six callers, each on a connection of its own: statuses."""
    statuses: list[int] = []

    def calling():
        statuses.extend(crew.call().status_code for _ in range(count // 6))

    callers = [threading.Thread(target=calling, daemon=True) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return Counter(statuses)


def test_over_four_workers_exactly_so_many_reach_the_model(tmp_path):
    path = tmp_path / "home"
    with serve(says("Hello there.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            keys = gateway.caller_key, gateway.operator_key
        (path / "caveat.toml").write_text(text)
        with served(path, "--workers", "4") as process:
            crew = Crew(open_home(path), process, keys)
            eventually(crew.all_there, 90)
            assert crew.ask("PUT", "/caveat/v1/keys/sample-caller/budget", json={"calls_month": 10}).status_code == 200
            assert at_once(crew, 24) == {200: 10, 429: 14}
            assert crew.ask("PUT", "/caveat/v1/keys/sample-caller/budget", json={}).status_code == 200
            signed = leased(crew.home)
            assert crew.ask("POST", "/caveat/v1/terms", content=signed.raw).status_code == 200
            assert at_once(crew, 3 * CALLS) == {200: CALLS, 403: 2 * CALLS}
            assert len(upstream.received) == 10 + CALLS
            now = time.time_ns() // 1_000_000
            vendor = party_key(crew.home, SAMPLES["vendor"])
            bounds = {"issued_ms": now, "until_ms": FOREVER, "calls": CALLS + 12}
            note = sign_renewal(claimed_terms(signed), vendor, **bounds)
            assert crew.ask("POST", "/caveat/v1/terms/institutional-use/renewal", content=note).status_code == 200
            assert at_once(crew, 24) == {200: 12, 403: 12}
            assert len(upstream.received) == 10 + CALLS + 12
            process.stop()
