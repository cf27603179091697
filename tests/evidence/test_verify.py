"""Verifying from outside: what is proved to someone who holds a trust file and nothing else of the log."""

import asyncio
import io
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import (
    NOW_MS,
    OPERATOR,
    ORIGIN,
    TERMS,
    TRUST,
    VENDOR,
    Book,
    check,
    failures,
    in_tiles,
    log_keys,
    members,
    outcomes,
    packed,
    repacked,
    seeded,
    terms_of,
    trust_text,
    with_facts,
)

from caveat.canon import digest
from caveat.evidence.container import Archive
from caveat.evidence.export import Source
from caveat.evidence.manifest import Previous
from caveat.evidence.profiles import PROFILES
from caveat.evidence.steps.table import TITLES
from caveat.evidence.trust import Trust, read_trust
from caveat.evidence.verify import verify
from caveat.keys import KeyKind, SigningKey
from caveat.ledger.checkpoint import LogKeys
from caveat.ledger.memory import MemoryLog
from caveat.note import TreeHead, open_note, read_tree_head, sign_note, sign_text
from caveat.register import PartyKey
from caveat.terms.document import SignedTerms
from caveat.terms.parse import parse_terms
from caveat.terms.sign import open_terms, sign_terms

UNPROVED = {
    "full": {3, 13, 16, 21},
    "audit": {3, 13, 16, 21},
    "counts": {3, 10, 13, 16, 21},
    "none": {3, 9, 10, 13, 16, 21},
}


@pytest.mark.parametrize("profile", PROFILES)
def test_an_honest_bundle_is_verified(book: Book, profile: str) -> None:
    """What the profile withholds stays unproved, and is said to."""
    report = check(book.bundle(profile=profile))
    assert report.verified, report.sentences()
    assert {number for number, outcome in outcomes(report).items() if outcome == "not proved"} == UNPROVED[profile]
    assert report.counts == report.manifest.counts if report.manifest else False


def test_what_was_proved_in_words(book: Book) -> None:
    lines = "\n".join(check(book.bundle()).sentences())
    for words in (
        "Verified.",
        "It is a bundle of `log.example.test/caveat`: records 0 to 26.",
        "It stands for 27 records, signed with Ed25519 and ML-DSA-44.",
        "your trust file asks for no witness.",
        "No earlier checkpoint was given.",
        "10 first records of calls, 10 outcomes, 2 refusals, 5 control records.",
        "`office@1` by vendor and operator.",
        "16 decisions were made again, with the same result.",
        "10 calls have one outcome each, 10 compared with a decision.",
        "4 completed, 4 denied, 2 stopped; 180 tokens in, 120 out.",
        "follows from the claimed facts",
        "that no model was used where no seal counts",
    ):
        assert words in lines


def test_what_was_withheld_in_words(book: Book) -> None:
    lines = "\n".join(check(book.bundle(profile="none", number=1, receiver="vendor")).sentences())
    for words in (
        "`log.example.test/caveat`, number 1: records",
        "The profile `none` disclosed none of 122 commitments.",
        "No decision could be replayed: the profile `none` withholds the facts.",
        "Not proved: that 10 outcomes fit their decisions, which are withheld.",
    ):
        assert words in lines


def test_a_range_in_the_middle_says_what_it_cannot_know() -> None:
    book = Book().found().day(430)
    book.adopt(terms_of(2)).day(40)
    opening = book.open()
    report = check(book.bundle(8, len(book.entries)))
    assert report.verified, report.sentences()
    limits = {step.number: step.limits for step in report.steps}
    assert "left out" in limits[6][0]
    assert f"the first at record {opening[0]}" in limits[11][0]
    early = check(book.bundle(8, 500))
    assert early.verified, early.sentences()
    assert "`office@1` by vendor and operator" in early.steps[6].says
    whole = check(book.bundle())
    assert "`office@1`, `office@2` by vendor and operator" in whole.steps[6].says
    assert not any("left out" in limit for step in whole.steps for limit in step.limits)


@pytest.mark.parametrize("cut", [6, 7])
def test_a_range_that_parts_a_call_says_so(cut: int) -> None:
    """Record 6 is the outcome of the call at 5, record 8 of the one at 7 (which was denied, so it names no place)."""
    book = Book().found().day(2)
    behind = check(book.bundle(cut, 9))
    assert behind.verified, behind.sentences()
    assert any("that are settled here" in limit for limit in behind.steps[10].limits) == (cut == 6)


# --- 1, 2: who signed ---


def test_another_log_is_not_trusted(book: Book) -> None:
    other = Book(log_keys("other")).found().day(2).bundle()
    report = check(other)
    assert failures(report) == {1: "no signature on the note is by a trusted key"}
    assert set(outcomes(report).values()) == {"failed", "not proved"}
    elsewhere = read_trust(f"log {seeded('other.test/log', 'x').verify_key.text}\nquorum none\n".encode())
    assert failures(check(book.bundle(), elsewhere)) == {1: f"your trust file names no log called `{ORIGIN}`"}


def test_a_manifest_signed_by_another_is_refused(book: Book) -> None:
    assert 1 in failures(check(repacked(book.bundle(), log_keys("other"), {})))


def test_an_unknown_profile_is_refused(book: Book) -> None:
    assert "expected a profile" in failures(check(repacked(book.bundle(), book.keys, {}, profile="everything")))[1]


def resigned(book: Book, *keys: SigningKey) -> bytes:
    """The bundle with its checkpoint signed by these keys."""
    files = members(book.bundle())
    text = open_note(files["checkpoint"], book.keys.verify_keys).text
    return repacked(book.bundle(), book.keys, {"checkpoint": sign_note(text, keys, NOW_MS // 1000)})


def test_both_of_the_logs_keys_must_have_signed_the_checkpoint(book: Book) -> None:
    assert "lacks the signature" in failures(check(resigned(book, book.keys.plain)))[2]
    assert 2 in failures(check(resigned(book, book.keys.lattice)))
    assert check(resigned(book, *book.keys.signing)).verified
    plain_only = read_trust(trust_text(book.keys).replace(f"log {book.keys.lattice.verify_key.text}\n", "").encode())
    assert check(resigned(book, book.keys.plain), plain_only).verified


def test_a_broken_lattice_signature_spoils_the_checkpoint(book: Book) -> None:
    other = SigningKey(ORIGIN, bytes(32), KeyKind.COSIGN_MLDSA)
    text = open_note(members(book.bundle())["checkpoint"], book.keys.verify_keys).text
    forged = sign_text(other, text, 1)
    line = msgspec.structs.replace(forged, key_id=book.keys.lattice.verify_key.id).line
    note = sign_note(text, [book.keys.plain]) + line.encode()
    assert 2 in failures(check(repacked(book.bundle(), book.keys, {"checkpoint": note})))


WITNESS = seeded("office.test", "witness", KeyKind.COSIGN)
WITNESSED = read_trust(trust_text(log_keys(), f"witness office {WITNESS.verify_key.text}", "quorum office").encode())


def test_the_quorum_of_the_trust_file_counts(book: Book) -> None:
    assert "quorum `office`" in failures(check(book.bundle(), WITNESSED))[2]
    report = check(resigned(book, *book.keys.signing, WITNESS), WITNESSED)
    assert report.verified
    assert report.steps[1].limits == ()


def test_a_checkpoint_of_another_size_or_root_is_refused(book: Book) -> None:
    longer = Book().found().day(20)
    for other in (longer, Book().found().day(11)):
        assert 2 in failures(check(repacked(book.bundle(), book.keys, {"checkpoint": other.checkpoint()})))
    fork = Book().found()
    fork.call(with_facts(purpose="targeting"))
    fork.day(10)
    while len(fork.entries) < len(book.entries):
        fork.control("gateway.started", "gw1")
    assert len(fork.entries) == len(book.entries)
    report = check(repacked(book.bundle(), book.keys, {"checkpoint": fork.checkpoint()}))
    assert failures(report) == {4: "the tiles at the tree's right edge do not make up the checkpoint's root"}


# --- 3: the same log as before ---


def test_a_log_that_grew_is_consistent_with_what_one_had() -> None:
    for calls in (0, 3, 130, 200):
        earlier = Book().found().day(calls)
        book = Book().found().day(200)
        report = check(book.bundle(10, 20, previous=earlier.checkpoint()), last=earlier.checkpoint())
        assert report.verified, report.sentences()
        assert outcomes(report)[3] == "proved"


def test_the_bundles_own_earlier_checkpoint_proves_nothing_new(book: Book) -> None:
    report = check(book.bundle(previous=Book().found().checkpoint()))
    assert outcomes(report)[3] == "not proved"
    assert "of 5 records" in report.steps[2].says


def fork_of(book: Book) -> Book:
    fork = Book().found()
    fork.call(with_facts(purpose="targeting"))
    return fork


def test_a_rewritten_past_shows(book: Book) -> None:
    """The same keys, another history: nothing but the checkpoint that one kept shows it."""
    fork = fork_of(book)
    fork.day(12)
    report = check(fork.bundle(), last=Book().found().day(2).checkpoint())
    assert failures(report) == {
        3: "your checkpoint: its 9 records are not those that this log begins with: it was rewritten"
    }


def test_a_log_that_went_back_shows(book: Book) -> None:
    """A restored backup."""
    report = check(Book().found().day(3).bundle(), last=book.checkpoint())
    assert "the log went back" in failures(report)[3]


def test_a_bundle_without_the_tiles_for_it_is_not_consistent() -> None:
    """An operator who leaves out what would show a fork gains nothing."""
    book = Book().found().day(700)
    report = check(book.bundle(1000, 1010), last=Book().found().day(400).checkpoint())
    assert list(failures(report)) == [3]
    assert "ask for one that was exported against it" in failures(report)[3]


@pytest.mark.parametrize(
    "last", [b"x", sign_note(b"other.test\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", [log_keys().plain])]
)
def test_an_earlier_checkpoint_that_is_none_is_not_passed_over(book: Book, last: bytes) -> None:
    assert 3 in failures(check(book.bundle(), last=last))


def test_an_earlier_checkpoint_of_another_log_is_not_passed_over(book: Book) -> None:
    """One that this log's key signed for another name, and one in the bundle that does not hold."""
    note = sign_note(TreeHead("other.test/log", 0, bytes(32)).text, [log_keys().plain])
    assert "it is one of `other.test/log`" in failures(check(book.bundle(), last=note))[3]
    bundle = repacked(book.bundle(), book.keys, {"checkpoint.prev": note}, previous=Previous(digest(note), 0))
    assert "the earlier checkpoint in the bundle" in failures(check(bundle))[3]


# --- 4: the tree ---


def swapped(data: bytes) -> bytes:
    """The first two entries in the other order."""
    first = 2 + int.from_bytes(data[:2], "big")
    second = first + 2 + int.from_bytes(data[first : first + 2], "big")
    return data[first:second] + data[:first] + data[second:]


ENTRIES = "tile/entries/000.p/27"
TREE: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "an entry edited": (ENTRIES, lambda d: d.replace(b'"o":"stopped"', b'"o":"unknown"', 1)),
    "an entry left out": (ENTRIES, lambda d: d[2 + int.from_bytes(d[:2], "big") :]),
    "an entry more": (ENTRIES, lambda d: d + b"\x00\x01x"),
    "entries in another order": (ENTRIES, swapped),
    "half an entry": (ENTRIES, lambda d: d[:-1]),
    "a hash edited": ("tile/0/000.p/27", lambda d: bytes([d[0] ^ 1]) + d[1:]),
    "hashes in another order": ("tile/0/000.p/27", lambda d: d[32:64] + d[:32] + d[64:]),
    "a hash more": ("tile/0/000.p/27", lambda d: d + bytes(32)),
}


@pytest.mark.parametrize(("name", "change"), TREE.values(), ids=TREE.keys())
def test_records_that_are_not_the_logs_show(book: Book, name: str, change: Callable[[bytes], bytes]) -> None:
    """Even where the log's key signed the manifest over them."""
    bundle = book.bundle()
    report = check(repacked(bundle, book.keys, {name: change(members(bundle)[name])}))
    assert list(failures(report)) == [4]


def test_the_record_that_was_edited_is_named(book: Book) -> None:
    bundle = book.bundle()
    data = members(bundle)[ENTRIES].replace(b'"o":"stopped"', b'"o":"unknown"', 1)
    report = check(repacked(bundle, book.keys, {ENTRIES: data}))
    assert failures(report) == {4: "record 14: its bytes are not those that the tree holds"}


# --- 7: the parties ---


def test_terms_that_the_trusted_vendor_did_not_sign_show() -> None:
    """The ledger trusts another vendor than the outsider does."""
    stranger = seeded("labs.example.test/terms", "stranger")
    book = Book().found()
    book.control("party.trusted", "x", msgspec.json.encode(PartyKey("vendor", stranger.name, stranger.verify_key.text)))
    draft = parse_terms(TERMS.format(version=2, effect="hold").encode())
    signed = sign_terms(draft, stranger, OPERATOR).raw
    trust = {"vendor": [stranger.verify_key], "operator": [OPERATOR.verify_key]}
    book.use(open_terms(SignedTerms(signed), trust))
    book.control("terms.adopted", "office", signed)
    book.call()
    assert failures(check(book.bundle())) == {7: "terms `office`: the vendor has not signed these terms"}


def test_without_the_parties_keys_nothing_is_verified(book: Book) -> None:
    text = trust_text(book.keys).replace(f"party vendor {VENDOR.verify_key.text}\n", "")
    report = check(book.bundle(), read_trust(text.encode()))
    assert not report.verified
    assert report.steps[6].says == "your trust file names no key of the vendor"


# --- every byte ---

SMALL = Book().found().day(6).bundle(profile="audit", policy=b"quorum none\n", previous=Book().found().checkpoint())


def flipped(at: int, bit: int) -> bytes:
    return SMALL[:at] + bytes([SMALL[at] ^ bit]) + SMALL[at + 1 :]


def positions() -> list[int]:
    """Of each file twelve or more, and of what the zip puts around them."""
    rng = random.Random(7)
    found = {rng.randrange(len(SMALL)) for _ in range(60)} | {len(SMALL) - 1 - i for i in range(22)}
    archive = Archive(io.BytesIO(SMALL))
    for name in archive.names:
        member = archive._members[name]
        found |= {member.offset, member.end - 1} | {rng.randrange(member.offset, member.end) for _ in range(12)}
    return sorted(found)


def test_a_changed_byte_anywhere_shows() -> None:
    """No byte of a bundle is without a check: the zip's own, the informative `policy` and unknown signatures too."""
    assert check(SMALL).verified
    rng = random.Random(8)
    for at in positions():
        assert not check(flipped(at, 1 << rng.randrange(8))).verified, at


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_changed_byte_shows(slow_rounds: Callable[[int, int], int]) -> None:
    rng = random.Random(9)
    places = range(len(SMALL))
    for at in rng.sample(places, slow_rounds(2000, len(SMALL))):
        assert not check(flipped(at, 1 << rng.randrange(8))).verified, at


def test_a_changed_byte_that_is_made_to_fit_the_zip_shows(book: Book) -> None:
    """The carrier repacks: checksums and sizes are right, only the content is not."""
    rng = random.Random(10)
    files = members(SMALL)
    for name, data in files.items():
        for _ in range(8):
            at = rng.randrange(len(data))
            changed = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
            assert not check(packed({**files, name: changed})).verified, (name, at)
        for other in (b"", data[:-1], data + b"\n"):
            assert not check(packed({**files, name: other})).verified, name


def test_a_cut_anywhere_shows() -> None:
    for at in range(0, len(SMALL), 997):
        assert failures(check(SMALL[:at])).keys() == {1}


@pytest.mark.parametrize("data", [b"", b"PK", b"x" * 10_000, packed({}), packed({"manifest.json": b"{}"})])
def test_what_is_no_bundle_is_reported_not_raised(data: bytes) -> None:
    report = check(data)
    assert outcomes(report) == {1: "failed"} | {n: "not proved" for n in TITLES if n != 1}
    assert report.manifest is None


# --- a real log, and a large one ---


async def kept(entries: Any, keys: LogKeys) -> Source:
    log = MemoryLog(keys, lambda: NOW_MS)
    for entry in entries.entries:
        await log.append((entry,))
    checkpoint = await log.checkpoint()
    asides = [entry.aside for _, entry in log.entries()]
    return Source(checkpoint, log.file, in_tiles(asides), entries.documents.__getitem__)


def test_the_ledgers_own_log_is_exported_and_verified(book: Book) -> None:
    source = asyncio.run(kept(book, book.keys))
    report = check(book.exported(source, 0, 27))
    assert report.verified, report.sentences()


def test_memory_is_that_of_a_few_tiles() -> None:
    """Three times the records, not three times the memory, once what is remembered of earlier ones is full."""
    peaks = []
    for calls in (1200, 3600):
        bundle = io.BytesIO(Book().found().day(calls).bundle(profile="audit"))
        tracemalloc.start()
        assert verify(bundle, TRUST).verified
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_the_report_is_json() -> None:
    value = msgspec.json.decode(check(SMALL).json())
    assert value["verified"] is True
    assert [step["number"] for step in value["steps"]] == list(TITLES)
    assert value["manifest"]["profile"] == "audit"


def test_trust_is_only_what_the_file_says() -> None:
    """The policy that a bundle carries is never read."""
    book = Book(log_keys("other")).found().day(2)
    report = check(book.bundle(policy=trust_text(book.keys).encode()))
    assert 1 in failures(report)
    assert isinstance(TRUST, Trust)
    assert read_tree_head(open_note(book.checkpoint(), book.keys.verify_keys).text).size == 9
