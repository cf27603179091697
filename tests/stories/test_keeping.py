"""What is kept, for how long, and who is told of it: `retain.days`, `log.full` and `notify.vendor`."""

import pytest
from tests.cli.conftest import run  # noqa: F401 - a fixture
from tests.gateway.running import scripted_gateway
from tests.stories.persons import chat, send, staffed, terms_with, verified

from caveat.errors import NotVerified
from caveat.gateway.home.bodies import Bodies
from caveat.gateway.house.sweeping import sweep
from caveat.gateway.scripted.script import says
from caveat.register.notices import check_notice, read_notice

DAY_MS = 86_400_000
CLAUSES = """
- id: calls.kept
  title: {en: Kept for two days, fr: Gardé deux jours}
  says: {en: Calls are kept for two days., fr: Les appels sont gardés deux jours.}
  effect: oblige
  when: "true"
  duties: [log.full, retain.days: 2]
- id: analysis.told
  title: {en: The Vendor is told, fr: Le Fournisseur est averti}
  says: {en: The Vendor is told of each analysis., fr: Le Fournisseur est averti de chaque analyse.}
  effect: oblige
  when: context.purpose == Purpose::"analysis" || context.personalDataOut != Personal::"none"
  duties: [notify.vendor]
"""


@pytest.fixture
def office(tmp_path, run):  # noqa: F811
    with scripted_gateway(tmp_path / "home", says("Hello there.")) as (gateway, upstream):
        gateway.adopt(terms_with(CLAUSES))
        yield staffed(tmp_path, run, gateway, upstream)


def acts(office, what):
    return [one for one in office.gateway.records() if one.leaf.what == what]


@pytest.mark.parametrize("stream", [False, True])
def test_bodies_are_kept_so_long_then_destroyed_on_record(office, stream):
    call = send(office, chat("Hello.", stream=stream)).headers["x-caveat-call"]
    house = office.gateway.house
    at_ms = office.gateway.call(call)[0].opened["place"]["epoch"] * 1000
    assert b"Hello" in house.bodies.read(call, "request")
    assert b"Hello" in house.bodies.read(call, "reply")
    assert office.gateway.run(sweep(house, at_ms + 2 * DAY_MS - 1)) == 0
    path = office.home / "vault" / "bodies" / f"{call}.reply"
    sealed = path.read_bytes()
    assert office.gateway.run(sweep(house, at_ms + 2 * DAY_MS)) == 2
    for which in ("request", "reply"):
        with pytest.raises(NotVerified, match="keeps no"):
            house.bodies.read(call, which)
    (gone,) = acts(office, "bodies.destroyed")
    assert gone.leaf.id == "2"
    assert house.document(gone.leaf.doc).count(call.encode()) == 2
    path.write_bytes(b"\0" * 84 + sealed[84:])  # what a disk may keep of it, its key gone
    with pytest.raises(NotVerified, match="was changed"):
        house.bodies.read(call, "reply")
    report = verified(office)
    assert report.verified, report.sentences()


def test_what_the_record_says_was_done(office):
    call = send(office, chat("Hello.")).headers["x-caveat-call"]
    done = {one["duty"]: one["done"] for one in office.gateway.ending(call).opened["duties"]}
    assert (done["retain.days"], done["log.full"]) == ("vault", "vault")


def test_the_vendor_is_told_by_a_signed_note_that_evidence_carries(office):
    headers = {"content-type": "application/json", "caveat-purpose": "analysis"}
    told = office.gateway.http(**headers).post("/v1/chat/completions", content=chat("What is it?"))
    assert told.status_code == 200
    send(office, chat("Hello."))
    call = told.headers["x-caveat-call"]
    (note,) = acts(office, "vendor.notified")
    opened, settled = office.gateway.call(call)
    assert note.index == settled.index + 1
    notice, sealed = read_notice(office.gateway.house.document(note.leaf.doc))
    check_notice(sealed, (office.gateway.house.ticket_key.verify_key,))
    assert (notice.call, notice.clauses, notice.index, notice.ending) == (
        call,
        ("analysis.told",),
        opened.index,
        "completed",
    )
    report = verified(office)
    assert report.verified, report.sentences()
    assert any("1 notes for the vendor" in sentence for sentence in report.sentences())


@pytest.mark.parametrize("stream", [False, True])
def test_a_note_that_the_reply_brings_up(office, stream):
    office.upstream.play(says("Pay to GB82 WEST 1234 5698 7654 32."))
    call = send(office, chat("Whom?", stream=stream)).headers["x-caveat-call"]
    assert office.gateway.ending(call).leaf.o == "completed"
    (note,) = acts(office, "vendor.notified")
    assert note.leaf.id == call
    assert verified(office).verified


def test_a_body_of_before_is_still_read(tmp_path):
    """Files without a head were sealed under the call's key itself."""
    bodies = Bodies(tmp_path, b"k" * 32)
    old = b"n" * 12 + bodies._cipher("c").encrypt(b"n" * 12, b"words", bodies._label("c", "request"))
    (tmp_path / "c.request").write_bytes(old)
    assert bodies.read("c", "request") == b"words"
    assert bodies.due(2**52) == ()


def test_the_time_in_a_files_head_cannot_be_changed(tmp_path):
    bodies = Bodies(tmp_path, b"k" * 32)
    bodies.keep("c", "reply", b"words", 1000)
    assert bodies.due(1000) == (("c", "reply"),)
    raw = bytearray((tmp_path / "c.reply").read_bytes())
    raw[15] ^= 1
    (tmp_path / "c.reply").write_bytes(bytes(raw))
    with pytest.raises(NotVerified):
        bodies.read("c", "reply")


def test_the_notes_can_be_listed_and_carried(office, tmp_path):
    headers = {"content-type": "application/json", "caveat-purpose": "analysis"}
    told = office.gateway.http(**headers).post("/v1/chat/completions", content=chat("What is it?"))
    call = told.headers["x-caveat-call"]
    out = office.do("ledger", "notices", "--home", office.home, "--out", tmp_path / "for-labs").out
    assert call in out
    assert "1 notes for the vendor" in out
    notice, sealed = read_notice((tmp_path / "for-labs" / f"notice-{call}.json").read_bytes())
    check_notice(sealed, (office.gateway.house.ticket_key.verify_key,))
    assert notice.call == call
    assert office.do("ledger", "notices", "--home", office.home, "--json").json["notices"][0]["call"] == call
