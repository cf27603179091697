"""What dishonest records come to: the operator holds the log's key, and everything is signed as it should be."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import GATEWAY, Book, check, failures, members, repacked, terms_of, with_facts

from caveat import record
from caveat.canon import b64url, unb64url
from caveat.decide.decide import decide
from caveat.evidence.calls import OPEN_MS
from caveat.evidence.manifest import InForce, Opened, read_manifest
from caveat.facts import Facts
from caveat.ledger.log import Entry
from caveat.wire.reply import Usage

ATTACK = with_facts(hazards_in=("x_cyb",))


def founded() -> Book:
    return Book().found()


def forged(book: Book, facts: Facts, **changes: Any) -> int:
    """A call whose record says something else than the terms."""
    decision = msgspec.structs.replace(decide(book.policy, facts), **changes)
    opening = book.open(facts, decision)
    book.settle(opening, "completed" if decision.verdict == "allow" else "denied")
    return opening[0]


def under_other_terms(book: Book) -> None:
    """Decided under version 2 before it is adopted."""
    later = founded().adopt(terms_of(2, "hold"))
    before, book.policy = book.policy, later.policy
    book.call()
    book.policy = before


def after_the_end(book: Book) -> None:
    book.control("terms.ended", "office")
    book.call()


def out_of_date(book: Book) -> None:
    """Signed to the end of 2027, used in 2028."""
    book.now_ms += 2 * 365 * 86_400_000
    book.call()


def without_terms(book: Book) -> None:
    book.open(decision=msgspec.structs.replace(decide(book.policy, ATTACK), terms=""))


def settled(book: Book, **changes: Any) -> None:
    """A call whose outcome differs in its clear fields."""
    opening = book.open()
    book.settle(opening)
    entry = book.entries.pop()
    leaf = {**msgspec.json.decode(entry.leaf), **changes}
    book.append(Entry(msgspec.json.encode(leaf, order="sorted"), entry.aside))


def settled_twice(book: Book) -> None:
    opening = book.open()
    book.settle(opening)
    book.settle(opening)


def denied_but_served(book: Book) -> None:
    opening = book.open(ATTACK)
    head = msgspec.structs.replace(book.head(), call=opening[1].call)
    place = record.Opening(opening[0], book.policy.terms.digest)
    book.append(record.settled(head, place, "completed", Usage(3, 4), {}))


def denied_with_tokens(book: Book) -> None:
    opening = book.open(ATTACK)
    head = msgspec.structs.replace(book.head(), call=opening[1].call)
    place = record.Opening(opening[0], book.policy.terms.digest)
    book.append(record.settled(head, place, "denied", Usage(3, 4), {}))


def never_settled(book: Book) -> None:
    book.open()
    book.now_ms += OPEN_MS
    book.call()


def reply_let_through(book: Book) -> None:
    book.settle(book.open(), "completed", hazards_out=("x_cyb",))


def reply_misjudged(book: Book) -> None:
    """The outcome claims a hazard in the reply, and an allow over it."""
    opening = book.open()
    after = with_facts(stage="reply", hazards_out=("x_cyb",))
    hidden = {"reply": record.reply_facts(after), "decision": opening[2]}
    head = msgspec.structs.replace(book.head(), call=opening[1].call)
    book.append(record.settled(head, record.Opening(opening[0], book.policy.terms.digest), "completed", None, hidden))


def committing_to_less(book: Book) -> None:
    """The facts that would not bear a look are left out from the start."""
    index, *_ = opening = book.open()
    leaf = msgspec.json.decode(book.entries[index].leaf)
    del leaf["c"]["data"]
    aside = msgspec.json.decode(book.entries[index].aside)
    aside["d"] = [d for d in aside["d"] if msgspec.json.decode(unb64url(d))[1] != "data"]
    book.entries[index] = Entry(msgspec.json.encode(leaf, order="sorted"), msgspec.json.encode(aside))
    book.settle(opening)


def reply_committing_to_less(book: Book) -> None:
    opening = book.open()
    head = msgspec.structs.replace(book.head(), call=opening[1].call)
    book.append(record.settled(head, record.Opening(opening[0], book.policy.terms.digest), "completed", None, {}))


CHEATS: dict[str, tuple[int, str, Callable[[Book], object]]] = {
    "facts never committed to": (5, "does not commit to `data`", committing_to_less),
    "a reply never committed to": (5, "does not commit to `answer`", reply_committing_to_less),
    "allowed what the terms forbid": (10, "verdict", lambda b: forged(b, ATTACK, verdict="allow", rule="permit")),
    "denied what the terms allow": (10, "verdict", lambda b: forged(b, with_facts(), verdict="deny", rule="forbid")),
    "a waiver that nobody granted": (
        10, "it could not use", lambda b: forged(b, ATTACK, verdict="allow", rule="waiver", waived=(("no.cyber", "w1"),)),
    ),
    "a duty left out": (10, "duties", lambda b: forged(b, with_facts(output_use="public"), duties=())),
    "a hazard hidden by its threshold": (10, "thresholds", lambda b: forged(b, with_facts(pm={"x_cyb": 999}, hazard_permille=999))),
    "a reply judged otherwise": (10, "verdict", reply_misjudged),
    "terms not yet in force": (8, "were not in force", under_other_terms),
    "terms no longer in force": (8, "were not in force", after_the_end),
    "terms past their date": (8, "do not hold", out_of_date),
    "no terms": (8, "were not in force", without_terms),
    "a call settled twice": (11, "no open call", settled_twice),
    "an outcome for another call": (11, "another call", lambda b: settled(b, call="f" * 32)),
    "an outcome under other terms": (11, "other terms", lambda b: settled(b, terms="sha256:00")),
    "an outcome of a call to come": (11, "does not come before", lambda b: settled(b, at=99)),
    "an outcome of a record that is no call": (11, "no open call", lambda b: settled(b, at=2)),
    "denied but served": (11, "ended `completed`", denied_but_served),
    "denied but counted": (11, "counted tokens", denied_with_tokens),
    "an outcome that never came": (11, "no outcome after an hour", never_settled),
    "a reply let through that a clause stops": (11, "last decision over the reply", reply_let_through),
    "a refusal that ended well": (
        11, "can only have ended", lambda b: b.append(Entry(b'{"g":"g","k":"refused","o":"completed","t":1900000000000,"v":1}')),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("step", "words", "cheat"), CHEATS.values(), ids=CHEATS.keys())
def test_a_dishonest_record_shows(step: int, words: str, cheat: Callable[[Book], object]) -> None:
    """By the step that it breaks, naming the record, though everything else is as it should be."""
    book = founded()
    book.call()
    cheat(book)
    report = check(book.bundle())
    assert not report.verified
    assert words in failures(report).get(step, ""), report.sentences()
    assert all(f"record {found.index}: " in found.says for found in report.failed)


ODD_LEAVES = {
    "no record": b"hello",
    "another version": b'{"g":"g","k":"control","t":1,"v":2}',
    "a message in it": b'{"g":"g","k":"control","note":"hi","t":1,"v":1}',
    "two ways to read it": b'{"g":"g","k":"control","k":"refused","o":"denied","t":1,"v":1}',
    "depth": b'{"c":' + b"[" * 60_000,
}


@pytest.mark.parametrize("leaf", ODD_LEAVES.values(), ids=ODD_LEAVES.keys())
def test_a_leaf_that_is_no_record_shows(leaf: bytes) -> None:
    report = check(founded().with_odd_leaf(leaf))
    assert list(failures(report)) == [5]
    assert report.failed[0].index == 5


ODD_CONTROLS = {
    "an unknown act": b'{"g":"g","k":"control","t":1,"v":1,"what":"terms.waived"}',
    "a document that is not there": b'{"doc":"sha256:00","g":"g","k":"control","t":1,"v":1,"what":"log.opened"}',
    "terms that are none": b'{"g":"g","k":"control","t":1,"v":1,"what":"terms.adopted"}',
}


@pytest.mark.parametrize("leaf", ODD_CONTROLS.values(), ids=ODD_CONTROLS.keys())
def test_a_control_record_that_does_not_fold_shows(leaf: bytes) -> None:
    report = check(founded().with_odd_leaf(leaf))
    assert failures(report)[6].startswith("record 5: ")


def test_a_control_record_that_the_manifest_hides_shows() -> None:
    book = founded()
    book.control("gateway.stopped", GATEWAY)
    book.call()
    report = check(repacked(book.bundle(), book.keys, {}, controls=(0, 1, 2, 3, 4)))
    assert failures(report) == {6: "the manifest's control records are not those of the range"}


def test_a_record_that_the_manifest_calls_a_control_record_shows() -> None:
    book = founded().day(3)
    bundle = book.bundle(7, 9)
    report = check(repacked(bundle, book.keys, {"entry/6": book.entries[6].leaf}, controls=(0, 1, 2, 3, 4, 6)))
    assert failures(report) == {6: "record 6: the manifest calls it a control record, and it is none"}


def test_a_control_record_of_another_place_shows() -> None:
    book = founded().day(3)
    report = check(repacked(book.bundle(7, 9), book.keys, {"entry/4": book.entries[3].leaf}))
    assert failures(report) == {4: "record 4: its bytes are not those that the tree holds"}


def test_terms_that_the_manifest_misnames_show(book: Book) -> None:
    for terms in ((), (InForce("office", "sha256:00", 4),), (InForce("office", book.policy.terms.digest, 3),)):
        report = check(repacked(book.bundle(), book.keys, {}, terms=terms))
        assert failures(report) == {6: "the terms in force are not those that the manifest names"}


def test_a_document_changed_missing_or_too_many_shows(book: Book) -> None:
    names = [name for name in members(book.bundle()) if name.startswith("control/")]
    for content in (b"{}", None):
        for name in names:
            report = check(repacked(book.bundle(), book.keys, {name: content}))
            assert 6 in failures(report)
    report = check(repacked(book.bundle(), book.keys, {"control/" + "0" * 64: b"{}"}))
    assert "is named by no control record" in failures(report)[6]


# --- disclosures ---


def lines_of(bundle: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in members(bundle)["disclosures.jsonl"].splitlines()]


def with_lines(book: Book, bundle: bytes, lines: list[dict[str, Any]], **manifest: Any) -> bytes:
    data = b"".join(msgspec.json.encode(line, order="sorted") + b"\n" for line in lines)
    return repacked(bundle, book.keys, {"disclosures.jsonl": data}, **manifest)


def test_a_false_value_shows(book: Book) -> None:
    """The same salt and name, another verdict."""
    bundle = book.bundle(profile="counts")
    lines = lines_of(bundle)
    salt, name, decision = msgspec.json.decode(unb64url(lines[2]["d"][0]))
    false = {**decision, "verdict": "allow"}
    lines[2]["d"] = [b64url(msgspec.json.encode([salt, name, false], order="sorted"))]
    found = failures(check(with_lines(book, bundle, lines)))
    assert found[9] == f"record {lines[2]['i']}: what is disclosed as `decision` is not what the record committed to"


def test_the_disclosure_of_another_record_shows(book: Book) -> None:
    bundle = book.bundle(profile="counts")
    lines = lines_of(bundle)
    lines[0]["d"], lines[1]["d"] = lines[1]["d"], lines[0]["d"]
    assert "not what the record committed to" in failures(check(with_lines(book, bundle, lines)))[9]


def test_a_disclosure_left_out_shows(book: Book) -> None:
    """By the carrier: the file is another.  By the log itself: its own counts say so."""
    bundle = book.bundle(profile="counts")
    lines = lines_of(bundle)[1:]
    manifest = read_manifest(members(bundle)["manifest.json"])
    assert 9 in failures(check(with_lines(book, bundle, lines, disclosures=manifest.disclosures)))
    assert "not as many as the manifest says" in failures(check(with_lines(book, bundle, lines)))[12]


def test_more_than_the_profile_opens_shows(book: Book) -> None:
    report = check(repacked(book.bundle(profile="counts"), book.keys, {}, profile="none"))
    assert "which the profile keeps closed" in failures(report)[9]


def test_disclosures_for_nothing_show(book: Book) -> None:
    bundle = book.bundle(5, 9, profile="counts")
    lines = [*lines_of(bundle), {"d": ["AAAA"], "i": 8}]
    assert 9 in failures(check(with_lines(book, bundle, lines)))
    assert failures(check(with_lines(book, book.bundle(profile="none"), [{"d": ["AAAA"], "i": 0}])))[9]


# --- sums ---


def test_sums_are_counted_again(book: Book) -> None:
    manifest = read_manifest(members(book.bundle())["manifest.json"])
    counts = manifest.counts
    for change in ({"opened": 9}, {"endings": {"completed": 10}}, {"tokens_in": 1}, {"tokens_out": 10**9}):
        other = msgspec.structs.replace(counts, **change)
        report = check(repacked(book.bundle(), book.keys, {}, counts=other))
        assert failures(report) == {12: "records, endings or tokens add up to other sums than the manifest's"}
    for name, of in (("who", Opened(12, 11, 1)), ("who", Opened(12, 12, 1)), ("shoe", Opened(1, 0, 1))):
        report = check(repacked(book.bundle(), book.keys, {}, opened={**manifest.opened, name: of}))
        assert "not as many as the manifest says" in failures(report)[12]
