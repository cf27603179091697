"""The release view: every value that leaves, where a person can read it."""

import io
import json

import msgspec
import pytest
from tests.evidence.conftest import Book, members, with_facts
from tests.evidence.sealed import SealedBook

from caveat.errors import NotVerified
from caveat.evidence.view import release_view, view_text
from caveat.record import read_disclosure


def lines(bundle: bytes) -> list[str]:
    return list(release_view(io.BytesIO(bundle)))


def leaves_of(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves_of(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves_of(item)]
    return [value]


@pytest.mark.parametrize("profile", ["full", "audit", "counts", "none"])
def test_every_value_that_leaves_is_shown(book: Book, profile: str) -> None:
    """Each clear field, each disclosed value and each line of the terms stands in it."""
    bundle = book.bundle(profile=profile)
    shown = "\n".join(lines(bundle))
    for line in members(bundle)["disclosures.jsonl"].splitlines():
        for disclosure in msgspec.json.decode(line)["d"]:
            for value in leaves_of(read_disclosure(disclosure)[2]):
                assert json.dumps(value) in shown
    for entry in book.entries:
        for name, value in msgspec.json.decode(entry.leaf).items():
            if name not in {"c", "v"}:
                assert json.dumps(value) in shown, name
    for value in leaves_of(msgspec.json.decode(members(bundle)["manifest.json"])):
        assert json.dumps(value) in shown
    assert '"Machine-made text bears its notice."' in shown or "Machine-made text bears its notice." in shown


def test_what_stays_closed_is_counted(book: Book) -> None:
    shown = lines(book.bundle(profile="none"))
    assert "opaque: 122 commitments that stay closed, 3904 bytes" in shown
    assert not any("clerk-7" in line and "purposes" in line for line in shown)
    assert any(line.startswith("withheld: 2 control documents") for line in shown)


def test_times_and_seals_tickets_are_shown() -> None:
    """A ticket stands in the clear, with the time of the seal's clock; how fine times are is said in words."""
    sealed = SealedBook()
    index, ticket = sealed.through()
    shown = lines(sealed.bundle(profile="none"))
    assert f"record {index} m = {json.dumps(ticket)}" in shown
    assert (
        sum(line.startswith("times: each record above bears its gateway's clock to the millisecond") for line in shown)
        == 1
    )


def test_records_that_share_a_tile_are_shown_too(book: Book) -> None:
    shown = lines(book.bundle(8, 12))
    assert "outside the range: 23 records that share a tile of 256 with it, shown above" in shown
    assert any(line.startswith("record 26 ") for line in shown)


def test_no_letter_hides_another() -> None:
    """Letters that turn the direction of a line, or look like others, are escaped."""
    book = Book().found()
    book.call(with_facts(caller="clerk\u202e7\u0430\n"))
    shown = "\n".join(lines(book.bundle(profile="full")))
    assert shown.isascii()
    assert "clerk\\u202e7\\u0430\\n" in shown


def test_what_is_no_bundle_has_no_view() -> None:
    with pytest.raises(NotVerified):
        lines(b"x" * 100)


def test_the_view_names_its_bundle(book: Book) -> None:
    text = list(view_text(io.BytesIO(book.bundle()), "sha256:aa"))
    assert text[0] == "release view of the bundle sha256:aa"
    assert text[-1].endswith("sha256:aa")
