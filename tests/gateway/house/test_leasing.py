"""A lease on a running gateway: its count is exact, its day holds whatever the clock does, and the vendor prolongs it."""

import threading
import time

import msgspec
import pytest
from tests.gateway.running import HEAD, MODEL, Running, running, scripted_gateway, upstream_text
from tests.stories.test_adoption import version

from caveat.gateway.house.founding import SAMPLES, party_key
from caveat.gateway.house.leasing import note_start, note_witnessed
from caveat.gateway.scripted.script import says
from caveat.ledger.clock import Clock
from caveat.terms.document import SignedTerms
from caveat.terms.lease import FOREVER
from caveat.terms.renewal import sign_renewal
from caveat.terms.sign import claimed_terms

PATH = "/v1/chat/completions"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}]}
DAY = 86_400_000
S = 1_000_000_000
NUMBERS = iter(range(2, 1000))


@pytest.fixture(scope="module")
def governed(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("leased") / "home", says("Hello there.")) as pair:
        yield pair


@pytest.fixture
def gateway(governed):
    governed[0].house.clock = Clock()
    return governed[0]


def leased(gateway: Running, *lines: str) -> SignedTerms:
    """The next version of the sample terms, with these lines in it, adopted."""
    text = version(next(NUMBERS)).decode()
    kept = [line for line in text.splitlines() if not line.startswith(("lease:", "continuity:", "wind_down:"))]
    kept.insert(kept.index("markings: civil"), "\n".join(lines))
    signed = gateway.signed("\n".join(kept).encode())
    gateway.run(gateway.house.adopt(signed.raw))
    return signed


def renewal(gateway: Running, signed: SignedTerms, by: str = SAMPLES["vendor"], **bounds: int) -> bytes:
    now = gateway.house.now_ms()
    bounds = {"until_ms": now + 90 * DAY, "calls": FOREVER, "issued_ms": now, **bounds}
    return sign_renewal(claimed_terms(signed), party_key(gateway.home, by), **bounds)


def call(gateway: Running, **headers: str):
    return gateway.http(**headers).post(PATH, json=ASK)


def ask(gateway: Running, method: str, path: str, **more):
    return gateway.http(gateway.operator_key).request(method, path, **more)


def renew(gateway: Running, note: bytes):
    return ask(gateway, "POST", "/caveat/v1/terms/institutional-use/renewal", content=note)


def day(of_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(of_ms / 1000))


def test_a_lease_of_calls_lets_exactly_so_many_through(gateway, governed):
    signed = leased(gateway, "lease: {calls: 5}")
    _, upstream = governed
    before = len(upstream.received)
    statuses = [call(gateway).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [403] * 2
    assert len(upstream.received) - before == 5
    denied = call(gateway)
    error = denied.json()["error"]
    assert (error["code"], denied.headers["x-should-retry"]) == ("terms_lapsed", "false")
    assert "have lapsed" in error["message"]
    assert "caveat terms renew" in error["message"]
    opened, settled = gateway.call(denied.headers["x-caveat-call"])
    assert (opened.opened["decision"]["rule"], settled.leaf.o) == ("lapsed", "denied")
    (row,) = ask(gateway, "GET", "/caveat/v1/leases").json()["leases"]
    assert (row["phase"], row["calls"], row["used"], row["urgency"]) == ("lapsed", 5, 5, 4)
    done = renew(gateway, renewal(gateway, signed, calls=7))
    assert (done.status_code, done.json()["used"], done.json()["calls"]) == (200, 5, 7)
    assert [call(gateway).status_code for _ in range(3)] == [200, 200, 403]


def test_a_denied_call_uses_nothing(gateway):
    leased(gateway, "lease: {calls: 2}")
    secret = {**ASK, "messages": [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nSummarise."}]}
    assert [gateway.http().post(PATH, json=secret).status_code for _ in range(4)] == [403] * 4
    assert [call(gateway).status_code for _ in range(3)] == [200, 200, 403]


def test_of_many_at_once_exactly_so_many_pass(gateway):
    leased(gateway, "lease: {calls: 40}")
    answered: list[int] = []

    def calling():
        client = gateway.http()
        answered.extend(client.post(PATH, json=ASK).status_code for _ in range(20))

    callers = [threading.Thread(target=calling, daemon=True) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert (answered.count(200), answered.count(403)) == (40, 40)


def test_its_day_holds_and_a_renewal_goes_on_from_there(gateway):
    wall, passed = [time.time_ns()], [50 * S]
    gateway.house.clock = Clock(lambda: wall[0], lambda: passed[0])
    ends = gateway.house.now_ms() + 3_000
    signed = leased(gateway, f'lease: {{until: "{day(ends)}"}}')
    assert call(gateway).status_code == 200
    wall[0] += 3_100_000_000
    passed[0] += 3_100_000_000
    assert call(gateway).json()["error"]["code"] == "terms_lapsed"
    assert renew(gateway, renewal(gateway, signed)).status_code == 200
    assert call(gateway).status_code == 200


def test_a_clock_set_back_and_one_that_stands_still_prolong_nothing_and_show(gateway):
    """The machine's clock jumps back a year and stands: the lease lapses all the same, and the jump is on record."""
    wall, passed = [time.time_ns()], [50 * S]
    gateway.house.clock = Clock(lambda: wall[0], lambda: passed[0])
    ends = gateway.house.now_ms() + 60_000
    leased(gateway, f'lease: {{until: "{day(ends)}"}}')
    assert call(gateway).status_code == 200
    wall[0] -= 365 * DAY * 1_000_000
    passed[0] += 30 * S
    assert call(gateway).status_code == 200
    back = [one for one in gateway.records() if one.leaf.what == "clock.back"]
    assert len(back) == 1
    details = ask(gateway, "GET", "/readyz").json()
    assert any("clock is" in warning for warning in details["warnings"])
    assert "caveat_clock_behind_seconds 3.15" in ask(gateway, "GET", "/metrics").text
    passed[0] += 31 * S
    assert call(gateway).json()["error"]["code"] == "terms_lapsed"
    assert len([one for one in gateway.records() if one.leaf.what == "clock.back"]) == 1
    wall[0] += 365 * DAY * 1_000_000 + 61 * S
    assert call(gateway).json()["error"]["code"] == "terms_lapsed"


def test_the_time_that_witnesses_sign_counts_and_a_clock_ahead_of_theirs_shows(gateway):
    wall = [time.time_ns()]
    house = gateway.house
    house.clock = Clock(lambda: wall[0], lambda: 50 * S)
    now = max(house.now_ms(), house.log.at_ms)
    gateway.run(note_witnessed(house, now + 30_000))
    assert house.now_ms() == now + 30_000
    before = len([one for one in gateway.records() if one.leaf.what == "clock.ahead"])
    for _ in range(2):
        gateway.run(note_witnessed(house, now - 2 * 3_600_000))
    told = [one for one in gateway.records() if one.leaf.what == "clock.ahead"]
    assert len(told) == before + 1
    assert msgspec.json.decode(house.document(told[-1].leaf.doc))["seen"] == "witnesses"


def test_a_start_long_after_the_newest_record_says_so(gateway):
    """Switched off so long, or a clock that was set ahead: the record says both times, and nothing is warned of."""
    house = gateway.house
    told = [one for one in gateway.records() if one.leaf.what == "clock.ahead"]
    for newest in (0, house.clock.wall_ms - 3_600_000):
        gateway.run(note_start(house, newest))
    gateway.run(note_start(house, house.clock.wall_ms - 2 * DAY))
    more = [one for one in gateway.records() if one.leaf.what == "clock.ahead"][len(told) :]
    assert [msgspec.json.decode(house.document(one.leaf.doc))["seen"] for one in more] == ["start"]


def test_that_a_lease_is_over_is_on_record_once(gateway):
    leased(gateway, "lease: {calls: 1}", "continuity: {days: 1, calls: 2}")
    assert [call(gateway).status_code for _ in range(5)] == [200, 200, 200, 403, 403]
    newest = [one.leaf for one in gateway.records() if one.leaf.what in ("terms.adopted", "lease.lapsed")]
    assert [leaf.what for leaf in newest[-2:]] == ["terms.adopted", "lease.lapsed"]
    (row,) = ask(gateway, "GET", "/caveat/v1/leases").json()["leases"]
    assert row["lapsed_at"]


def test_continuity_goes_on_with_what_it_names(gateway):
    leased(
        gateway,
        "lease: {calls: 1}",
        "continuity: {calls: 2, purposes: [translation]}",
    )
    assert call(gateway).status_code == 200
    assert call(gateway).json()["error"]["code"] == "terms_lapsed"
    assert call(gateway, **{"caveat-purpose": "translation"}).status_code == 200
    (row,) = ask(gateway, "GET", "/caveat/v1/leases").json()["leases"]
    assert (row["phase"], row["used"]) == ("continuity", 2)
    assert call(gateway, **{"caveat-purpose": "translation"}).status_code == 200
    assert call(gateway, **{"caveat-purpose": "translation"}).status_code == 403


def test_warnings_are_in_readyz_and_in_metrics(gateway):
    ends = gateway.house.now_ms() + 6 * DAY
    leased(gateway, f'lease: {{until: "{day(ends)}", calls: 100}}')
    details = ask(gateway, "GET", "/readyz").json()
    assert details["ready"]
    assert any("the lease lapses in 5 days" in warning for warning in details["warnings"])
    for _ in range(96):
        call(gateway)
    (row,) = ask(gateway, "GET", "/readyz").json()["leases"]
    assert (row["used"], row["urgency"]) == (96, 2)
    text = ask(gateway, "GET", "/metrics").text
    assert f'caveat_lease_calls_used{{digest="{row["digest"]}",terms="{row["terms"]}"}} 96.0' in text
    assert f'caveat_lease_urgency{{digest="{row["digest"]}",terms="{row["terms"]}"}} 2.0' in text


@pytest.mark.parametrize(
    ("by", "words"),
    [(SAMPLES["operator"], "only the vendor"), ("another", "another pair")],
)
def test_a_renewal_that_does_not_fit_changes_nothing(gateway, by, words):
    first = leased(gateway, "lease: {calls: 5}")
    signed = leased(gateway, "lease: {calls: 6}")
    note = renewal(gateway, first) if by == "another" else renewal(gateway, signed, by)
    before = gateway.house.view.fence
    reply = renew(gateway, note)
    assert reply.status_code == 400
    assert words in reply.json()["error"]["message"]
    assert gateway.house.view.fence == before


def test_a_dry_run_sees_the_lease(gateway):
    leased(gateway, "lease: {calls: 1}")
    assert call(gateway).status_code == 200
    assert call(gateway).status_code == 403
    body = {"resource": {"id": "openai_chat"}, "context": {"body": ASK, "headers": {"caveat-purpose": "drafting"}}}
    told = ask(gateway, "POST", "/caveat/v1/evaluate", json=body).json()
    assert (told["decision"], told["context"]["rule"]) == (False, "lapsed")


def test_what_was_used_is_known_after_a_start(tmp_path):
    """With and without the snapshot: the count is a fold over the records."""
    with scripted_gateway(tmp_path / "home", says("Hello there.")) as (gateway, upstream):
        leased(gateway, "lease: {calls: 6}")
        assert [call(gateway).status_code for _ in range(3)] == [200] * 3
        again = HEAD + upstream_text(upstream.address)
    for snapshot in (True, False):
        if not snapshot:
            (tmp_path / "home" / "register.json").unlink()
        with running(tmp_path / "home", again, sample=False, parties=False) as gateway:
            (row,) = ask(gateway, "GET", "/caveat/v1/leases").json()["leases"]
            assert row["used"] == 3


def test_a_clock_set_ahead_ends_the_lease_and_shows(gateway):
    """The machine's clock leaps a year ahead: nobody can tell from here which is right, so the leap is on record.

    The last of this file, for the time on record does not come back.
    """
    wall, passed = [time.time_ns()], [50 * S]
    gateway.house.clock = Clock(lambda: wall[0], lambda: passed[0])
    leased(gateway, f'lease: {{until: "{day(gateway.house.now_ms() + 60_000)}"}}')
    assert call(gateway).status_code == 200
    wall[0] += 365 * DAY * 1_000_000
    assert call(gateway).json()["error"]["code"] == "terms_lapsed"
    leap = [one for one in gateway.records() if one.leaf.what == "clock.ahead"][-1]
    said = msgspec.json.decode(gateway.house.document(leap.leaf.doc))
    assert 364 * DAY < said["clock_ms"] - said["expected_ms"] <= 365 * DAY
    assert said["seen"] == "running"
    assert any("set ahead to" in warning for warning in ask(gateway, "GET", "/readyz").json()["warnings"])
