"""Numbered bundles: a receiver sees loss, reordering, rollback, and a second bundle under one number."""

import itertools

import msgspec
from tests.evidence.conftest import Book, check, failures, members, outcomes, repacked

from caveat.canon import digest
from caveat.evidence.manifest import read_manifest


def sequence(count: int = 3) -> tuple[Book, list[bytes]]:
    book = Book().found()
    bundles = []
    for _ in range(count):
        book.day(6)
        bundles.append(book.sent())
    return book, bundles


def followed(report):
    """The step about the bundle before."""
    return next(step for step in report.steps if step.number == 16)


def test_a_sequence_is_followed_from_its_first() -> None:
    _, bundles = sequence()
    assert "the first bundle for `vendor`" in followed(check(bundles[0])).says
    for before, bundle in itertools.pairwise(bundles):
        report = check(bundle, after=before)
        assert report.verified, report.sentences()
        assert (outcomes(report)[3], outcomes(report)[16]) == ("proved", "proved")
        assert not any("left out" in limit for step in report.steps for limit in step.limits)


def test_without_the_one_before_the_sequence_is_not_proved() -> None:
    _, bundles = sequence(2)
    report = check(bundles[1])
    assert report.verified
    assert outcomes(report)[16] == "not proved"
    assert any("left out" in limit for limit in report.steps[5].limits)


def test_loss_reordering_and_repetition_show() -> None:
    _, bundles = sequence(4)
    assert "numbers 2 to 3 are missing" in failures(check(bundles[3], after=bundles[0]))[16]
    assert "number 2 is missing" in failures(check(bundles[2], after=bundles[0]))[16]
    assert "in another order" in failures(check(bundles[0], after=bundles[2]))[16]
    assert "once more" in failures(check(bundles[1], after=bundles[1]))[16]


def test_two_bundles_under_one_number_are_proof() -> None:
    """The operator exports twice with different content; the next bundle shows which of them the log has on record."""
    book, bundles = sequence(2)
    book.day(6)
    other = book.bundle(12, None, "audit", number=3, receiver="vendor",
                        previous=book.exports["vendor"].checkpoint.encode(), before=book.exports["vendor"].manifest)  # fmt: skip
    third = book.sent(profile="none")
    assert check(other, after=bundles[1]).verified
    assert "two different bundles bear number 3" in failures(check(other, after=third))[16]
    book.day(6)
    fourth = book.sent()
    assert check(fourth, after=third).verified
    assert "another bundle 3" in failures(check(fourth, after=other))[16]


def test_a_number_that_the_log_has_not_on_record_shows() -> None:
    """A bundle left in between that nobody put on record, or one was put on record that never came."""
    book, bundles = sequence(1)
    unrecorded = book.bundle(0, None, "audit", number=1, receiver="vendor")
    assert "the log has 1 on record" in failures(check(unrecorded))[16]
    skipped = book.bundle(0, None, "audit", number=3, receiver="vendor")
    assert "number 2 is missing" in failures(check(skipped, after=bundles[0]))[16]
    assert check(book.bundle(0, None, "audit", number=2, receiver="vendor",
                             before=book.exports["vendor"].manifest, previous=book.exports["vendor"].checkpoint.encode()),
                 after=bundles[0]).verified  # fmt: skip


def test_a_rollback_shows_in_the_sequence() -> None:
    _, bundles = sequence(2)
    again = Book().found()
    again.day(3)
    again.sent()
    again.day(1)
    second = again.sent()
    assert set(failures(check(second, after=bundles[1]))) >= {3, 16}


def test_another_receivers_bundle_is_not_ones_own() -> None:
    book, bundles = sequence(1)
    book.day(6)
    auditor = book.sent("auditor")
    assert "another sequence" in failures(check(auditor, after=bundles[0]))[16]


def test_a_gap_between_ranges_is_told() -> None:
    """The next number may begin later than the one before ended: it verifies, and says what was not seen."""
    book, bundles = sequence(1)
    book.day(12)
    last = book.exports["vendor"]
    data = book.bundle(last.to + 4, None, "audit", number=2, receiver="vendor", before=last.manifest,
                       previous=last.checkpoint.encode())  # fmt: skip
    report = check(data, after=bundles[0])
    assert report.verified, report.sentences()
    assert followed(report).limits == ("what lies between the records of both bundles: their ranges do not meet",)
    assert any("left out" in limit for limit in report.steps[5].limits)


def test_a_control_record_that_was_left_out_before_the_range_shows_once_it_was_seen() -> None:
    """The log's owner takes a caller's key out of the later bundle: what the earlier one held is missed."""
    book, bundles = sequence(2)
    files = members(bundles[1])
    manifest = read_manifest(files["manifest.json"])
    fewer = tuple(i for i in manifest.controls if i != 3)
    keys = [doc for doc, data in book.documents.items() if b"clerk-7" in data and b"secret_digest" in data]
    changed = repacked(bundles[1], book.keys, {"entry/3": None, f"control/{keys[0][7:]}": None}, controls=fewer)
    alone = check(changed)
    assert alone.verified, alone.sentences()
    assert any("left out" in limit for limit in alone.steps[5].limits)
    report = check(changed, after=bundles[0])
    assert any("left out" in limit for limit in report.steps[5].limits)
    assert followed(report).limits


def test_a_bundle_before_that_does_not_hold_ends_it() -> None:
    book, bundles = sequence(2)
    assert list(failures(check(bundles[1], after=b"x" * 100))) == [16]
    other = Book(book.keys).found()
    forged = repacked(other.sent(), book.keys, {"checkpoint": book.checkpoint()}, checkpoint="sha256:00")
    assert list(failures(check(bundles[1], after=forged))) == [16]


def test_what_left_is_the_same_in_every_form() -> None:
    """Made once more from what is on record, a bundle has the same bytes."""
    book, bundles = sequence(2)
    book.day(300)
    first, second = members(bundles[0]), members(bundles[1])
    source = msgspec.structs.replace(book.source(), checkpoint=second["checkpoint"])
    manifest = read_manifest(second["manifest.json"])
    order = {
        "number": 2,
        "receiver": "vendor",
        "previous": first["checkpoint"],
        "before": digest(first["manifest.json"]),
    }
    assert book.exported(source, manifest.start, manifest.to, "audit", **order) == bundles[1]
    assert msgspec.json.decode(check(bundles[0]).json())["verified"]
