"""Challenges: who could steer the sample, what counts as bad, and what is found."""

import hashlib
import io
from collections import Counter
from itertools import islice

import msgspec
import pytest
from tests.evidence.conftest import GATEWAY, NOW_MS, OPERATOR, TRUST, VENDOR, Book, with_facts

from caveat import record
from caveat.canon import digest
from caveat.decide.decide import decide
from caveat.errors import BadInput, NotVerified
from caveat.evidence.answer import Opening, opens, read_answer, write_answer
from caveat.evidence.bundle import open_bundle
from caveat.evidence.challenge import (
    Challenge,
    check_shares,
    dice_share,
    drawn,
    open_challenge,
    operators_share,
    read_challenge,
    sample,
    write_challenge,
)
from caveat.evidence.judge import Verdict, judge
from caveat.evidence.manifest import Manifest, write_manifest
from caveat.evidence.profiles import profile

KEY = b"k" * 32
SHARE = hashlib.sha256(b"vendor").digest()


def asked(bundle: bytes, openings: int = 12, *strata: str, share: bytes = SHARE) -> Challenge:
    manifest = open_bundle(io.BytesIO(bundle)).manifest
    return Challenge(manifest.origin, digest(write_manifest(manifest)), share, openings, 2_000_000_000, strata)


def share_of(manifest: Manifest) -> bytes:
    return operators_share(KEY, write_manifest(msgspec.structs.replace(manifest, share="")))


def seed_of(bundle: bytes, challenge: Challenge) -> bytes:
    opened = open_bundle(io.BytesIO(bundle))
    return check_shares(challenge, opened.manifest, opened.manifest_bytes, share_of(opened.manifest))


def chosen_in(book: Book, bundle: bytes, challenge: Challenge) -> dict[str, list[int]]:
    manifest = open_bundle(io.BytesIO(bundle)).manifest
    leaves = [(i, record.read_leaf(e.leaf)) for i, e in enumerate(book.entries)][manifest.start : manifest.to]
    return sample(challenge, seed_of(bundle, challenge), manifest, leaves)


def answered(
    book: Book, bundle: bytes, challenge: Challenge, *, without: tuple[int, ...] = (), name: str = "audit"
) -> bytes:
    """What an honest operator answers, but for records that they leave out."""
    indices = {i for part in chosen_in(book, bundle, challenge).values() for i in part}
    openings = []
    for index in sorted(indices - set(without)):
        leaf = record.read_leaf(book.entries[index].leaf)
        d = opens(leaf, book.entries[index].aside, profile(name))
        place = leaf.at if leaf.at >= 0 else index - 1
        first: tuple[str, ...] = ()
        if leaf.k == "settled":
            before = book.entries[place]
            first = opens(record.read_leaf(before.leaf), before.aside, profile(name))
        if d:
            openings.append(Opening(index, d, first))
    out = io.BytesIO()
    share = share_of(open_bundle(io.BytesIO(bundle)).manifest)
    write_answer(out, write_challenge(challenge, VENDOR), share, openings, book.keys.plain)
    return out.getvalue()


def judged(bundle: bytes, challenge: Challenge, answer: bytes) -> Verdict:
    return judge(io.BytesIO(bundle), write_challenge(challenge, VENDOR), io.BytesIO(answer), TRUST)


@pytest.fixture(scope="module")
def book() -> Book:
    return Book().found().day(120)


@pytest.fixture(scope="module")
def bundle(book: Book) -> bytes:
    return book.bundle(profile="none", share_key=KEY)


def test_an_honest_answer_excludes_a_rate(book: Book, bundle: bytes) -> None:
    challenge = asked(bundle, 60)
    verdict = judged(bundle, challenge, answered(book, bundle, challenge))
    assert verdict.sound, verdict.bad
    assert verdict.sentence.startswith(
        "of 225 records 60 were drawn and opened, none was bad: with 95 % confidence fewer"
    )
    assert verdict.strata[0].bad == 0
    assert [row.confidence for row in verdict.strata[0].excludes] == [95.0, 99.0, 99.9]


def test_a_refusal_counts_as_a_violation(book: Book, bundle: bytes) -> None:
    challenge = asked(bundle, 60)
    hidden = [i for i in chosen_in(book, bundle, challenge)["all"] if record.read_leaf(book.entries[i].leaf).c][:3]
    verdict = judged(bundle, challenge, answered(book, bundle, challenge, without=tuple(hidden)))
    assert not verdict.sound
    assert {bad.index for bad in verdict.bad} == set(hidden)
    assert {bad.why for bad in verdict.bad} == {"it was not opened"}
    assert "3 were refused or did not hold" in verdict.sentence
    counts = judged(bundle, challenge, answered(book, bundle, challenge, name="counts"))
    assert any("was not opened" in bad.why for bad in counts.bad)


def test_what_comes_after_it_was_due_is_refused(book: Book, bundle: bytes) -> None:
    challenge = asked(bundle, 20)
    answer, note = io.BytesIO(answered(book, bundle, challenge)), write_challenge(challenge, VENDOR)
    assert judge(io.BytesIO(bundle), note, answer, TRUST, received_s=challenge.due_s).sound
    late = judge(io.BytesIO(bundle), note, answer, TRUST, received_s=challenge.due_s + 1)
    assert not late.sound
    assert "20 were refused" in late.sentence


def test_a_wrong_decision_is_found_when_it_is_drawn(book: Book) -> None:
    """A bundle that opens nothing verifies; only the challenge shows that a denial was turned into an allowance."""
    turned = Book().found().day(6)
    facts = with_facts(purpose="targeting")
    fine = decide(turned.policy, with_facts())
    turned.settle(turned.open(facts, fine))
    bundle = turned.bundle(profile="none", share_key=KEY)
    challenge = asked(bundle, 1_000)
    verdict = judged(bundle, challenge, answered(turned, bundle, challenge))
    assert not verdict.sound
    assert any("does not follow" in bad.why for bad in verdict.bad)
    assert "all there are" in verdict.sentence


def test_false_values_and_missing_names_are_bad(book: Book, bundle: bytes) -> None:
    challenge = asked(bundle, 30)
    honest = read_answer(io.BytesIO(answered(book, bundle, challenge)), TRUST.logs)
    index, opening = next((i, o) for i, o in honest.openings.items() if len(o.d) > 3)
    other = next(o for i, o in honest.openings.items() if i != index and len(o.d) > 3)
    for spoilt in (Opening(index, other.d, opening.first), Opening(index, opening.d[1:], opening.first)):
        openings = sorted({**honest.openings, index: spoilt}.items())
        out = io.BytesIO()
        share = share_of(open_bundle(io.BytesIO(bundle)).manifest)
        write_answer(out, write_challenge(challenge, VENDOR), share, [o for _, o in openings], book.keys.plain)
        assert [bad.index for bad in judged(bundle, challenge, out.getvalue()).bad] == [index]


def test_strata_open_what_chance_might_miss(book: Book, bundle: bytes) -> None:
    challenge = asked(bundle, 5, "flagged", "day")
    verdict = judged(bundle, challenge, answered(book, bundle, challenge))
    assert verdict.sound
    by_name = {stratum.name: stratum for stratum in verdict.strata}
    stopped = sum(record.read_leaf(entry.leaf).o == "stopped" for entry in book.entries)
    assert by_name["flagged"].opened == stopped > 0
    assert any(name.startswith("day ") and stratum.opened == 30 for name, stratum in by_name.items())


def test_strata_by_seal_and_boot_and_by_terms_and_seal(bundle: bytes) -> None:
    """What stands in the clear groups the records: a ticket's seal and boot, the pair of terms."""
    manifest = open_bundle(io.BytesIO(bundle)).manifest
    leaves: list[tuple[int, record.Leaf]] = []
    for index in range(200):
        seal, boot, pair = ("one", "two")[index % 2], 1 + index // 100, "ab"[index // 150] * 64
        ticket = f"caveat-meter/v1 {seal} {boot} {index} ..." if index % 4 else ""
        leaves.append((index, record.Leaf(1, "settled", "gw1", 1, terms=f"sha256:{pair}", o="completed", m=ticket)))
    chosen = sample(asked(bundle, 5, "meter", "model"), bytes(32), manifest, leaves)
    assert {name: len(indices) for name, indices in chosen.items() if name != "all"} == {
        **{f"meter {seal} {boot}": 25 if seal == "one" else 30 for seal in ("one", "two") for boot in (1, 2)},
        **{f"model {'a' * 12} {seal}": 30 for seal in ("-", "one", "two")},
        **{f"model {'b' * 12} {seal}": count for seal, count in (("-", 12), ("one", 13), ("two", 25))},
    }
    assert chosen == sample(asked(bundle, 5, "model", "meter"), bytes(32), manifest, leaves)


# --- who could steer ---


def test_the_operator_cannot_grind_its_share(book: Book, bundle: bytes) -> None:
    """R is fixed by the manifest, before V exists: another R is refused, and another manifest is another bundle."""
    opened = open_bundle(io.BytesIO(bundle))
    challenge = asked(bundle)
    with pytest.raises(NotVerified, match="not the one that the bundle committed to"):
        check_shares(challenge, opened.manifest, opened.manifest_bytes, bytes(32))
    again = book.bundle(profile="counts", share_key=KEY)
    with pytest.raises(NotVerified, match="another bundle"):
        judged(again, challenge, answered(book, bundle, challenge))


def test_a_bundle_without_a_share_cannot_be_challenged(book: Book) -> None:
    bundle = book.bundle(profile="none")
    opened = open_bundle(io.BytesIO(bundle))
    with pytest.raises(NotVerified, match="commits to no share"):
        check_shares(asked(bundle), opened.manifest, opened.manifest_bytes, bytes(32))


def test_the_outsider_cannot_aim(bundle: bytes) -> None:
    """Whoever chooses V without knowing R gets samples that are spread alike, whatever V is."""
    counts: Counter[int] = Counter()
    for number in range(400):
        challenge = asked(bundle, share=hashlib.sha256(b"%d" % number).digest())
        counts.update(islice(drawn(seed_of(bundle, challenge), 0, 225), 20))
    expected = 400 * 20 / 225
    chi_square = sum((counts[i] - expected) ** 2 / expected for i in range(225))
    assert chi_square < 310  # 224 degrees of freedom, p = 0.0001


def test_a_larger_sample_begins_with_the_smaller() -> None:
    for start, to in ((0, 10), (5, 1_000), (7, 8), (3, 3)):
        whole = list(drawn(SHARE, start, to))
        assert sorted(whole) == list(range(start, to))
        assert list(islice(drawn(SHARE, start, to), 4)) == whole[:4]


def test_an_answer_to_another_challenge_is_none(book: Book, bundle: bytes) -> None:
    mine, other = asked(bundle), asked(bundle, share=bytes(32))
    with pytest.raises(NotVerified, match="another challenge than yours"):
        judged(bundle, mine, answered(book, bundle, other))


def test_an_answer_that_the_log_did_not_sign_is_none(book: Book, bundle: bytes) -> None:
    challenge = asked(bundle)
    answer = answered(book, bundle, challenge)
    out = io.BytesIO()
    read = read_answer(io.BytesIO(answer), TRUST.logs)
    write_answer(out, read.challenge, read.share, list(read.openings.values()), VENDOR)
    for spoilt in (out.getvalue(), answer[:-1], bundle, answer.replace(b'"i":', b'"i" :', 1)):
        with pytest.raises(NotVerified):
            judged(bundle, challenge, spoilt)


def test_a_bundle_that_does_not_verify_has_no_verdict(book: Book, bundle: bytes) -> None:
    challenge = asked(bundle)
    with pytest.raises(NotVerified, match="the bundle itself does not verify"):
        judge(io.BytesIO(bundle[:-1]), b"", io.BytesIO(answered(book, bundle, challenge)), TRUST)


# --- the note ---


def test_a_challenge_is_a_signed_note(bundle: bytes) -> None:
    challenge = asked(bundle, 300, "flagged", "day")
    raw = write_challenge(challenge, VENDOR)
    assert read_challenge(raw) == challenge
    assert open_challenge(raw, [VENDOR.verify_key]) == (challenge, VENDOR.verify_key)
    with pytest.raises(NotVerified):
        open_challenge(raw, [OPERATOR.verify_key])
    for old, new in (
        (b"\n300\n", b"\n0\n"),
        (b"flagged day", b"flagged week"),
        (b"caveat-challenge/v1", b"caveat-end/v1"),
    ):
        with pytest.raises(NotVerified):
            read_challenge(raw.replace(old, new))


@pytest.mark.parametrize("changes", [{"openings": 0}, {"openings": 10**7}, {"strata": ("week",)}])
def test_what_cannot_be_asked_is_refused(bundle: bytes, changes: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        write_challenge(msgspec.structs.replace(asked(bundle), **changes), VENDOR)


def test_dice_make_a_share() -> None:
    assert dice_share("3" * 20) != dice_share("4" * 20)
    for rolls in ("3" * 19, "abc", "", "3" * 401):
        with pytest.raises(BadInput):
            dice_share(rolls)


def test_what_opens_a_record_must_derive_from_its_key() -> None:
    head = record.Head("0" * 32, GATEWAY, NOW_MS, b"1" * 32)
    entry = record.refused(head, "clerk-7", {"len": 3})
    leaf = record.read_leaf(entry.leaf)
    assert opens(leaf, entry.aside, profile("audit"))
    with pytest.raises(NotVerified, match="does not derive from its key"):
        opens(leaf, entry.aside.replace(b"31" * 32, b"32" * 32), profile("audit"))
    assert opens(leaf, b"", profile("audit")) == ()
