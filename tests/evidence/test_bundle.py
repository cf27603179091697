"""Reading bundles: the set of files follows from the manifest, and everything has a limit."""

import io
from typing import Any

import pytest
from tests.evidence.conftest import Book, log_keys, members, packed, repacked

from caveat.errors import NotVerified
from caveat.evidence.bundle import MAX_LINE_BYTES, Bundle, Disclosure, open_bundle
from caveat.evidence.manifest import Previous

BOOK = Book().found().day(430)
BUNDLE = BOOK.bundle(300, 600, policy=b"quorum none\n", previous=Book().found().checkpoint())


def opened(bundle: bytes) -> Bundle:
    return open_bundle(io.BytesIO(bundle))


def changed(changes: dict[str, bytes | None], **manifest: Any) -> Bundle:
    return opened(repacked(BUNDLE, log_keys(), changes, **manifest))


def test_what_was_exported_is_read() -> None:
    bundle = opened(BUNDLE)
    bundle.check_members()
    bundle.check_documents(frozenset(BOOK.documents))
    assert (bundle.manifest.start, bundle.manifest.to) == (300, 600)
    assert bundle.entry(4) == BOOK.entries[4].leaf
    assert bundle.bundle(1) == [entry.leaf for entry in BOOK.entries[256:512]]
    assert len(bundle.tile(0, 1)) == 8192
    assert bundle.previous_checkpoint == Book().found().checkpoint()[:0] + members(BUNDLE)["checkpoint.prev"]
    assert all(bundle.document(name) == data for name, data in BOOK.documents.items())
    lines = list(bundle.disclosures())
    assert [line.i for line in lines] == sorted({line.i for line in lines})
    assert bundle.disclosures_digest == bundle.manifest.disclosures


def test_without_an_earlier_checkpoint_there_is_none() -> None:
    assert opened(BOOK.bundle()).previous_checkpoint == b""


NAMES = sorted(members(BUNDLE))


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_shows(name: str) -> None:
    files = members(BUNDLE)
    del files[name]
    with pytest.raises(NotVerified):
        bundle = opened(packed(files))
        bundle.check_members()
        bundle.check_documents(frozenset(BOOK.documents))


SURPLUS = [
    "aaa", "checkpoint.old", "control/00", "entry/5", "entry/300", "manifest.sig", "meters/m1.note", "tsr/1.tsr",
    "challenge/1", "tile/0/000.p/9", "tile/1/001", "tile/entries/000", "tile/entries/003", "zzz",
]  # fmt: skip


@pytest.mark.parametrize("name", SURPLUS)
def test_a_file_too_many_shows(name: str) -> None:
    """Those of later formats too: this version knows no check for them."""
    bundle = opened(packed({**members(BUNDLE), name: b"x"}))
    with pytest.raises(NotVerified, match=name):
        bundle.check_members()
        bundle.check_documents(frozenset(BOOK.documents))


def test_files_named_by_digest_are_the_ones() -> None:
    for name in ("policy", "checkpoint", "checkpoint.prev"):
        files = members(BUNDLE)
        files[name] += b"x"
        with pytest.raises(NotVerified, match=f"`{name}` is not the file"):
            opened(packed(files)).check_members()


def test_a_range_too_large_for_the_files_is_refused_at_once() -> None:
    with pytest.raises(NotVerified, match="fewer files"):
        changed({}, to=2**52, size=2**53 - 1).check_members()


def test_an_earlier_checkpoint_that_is_only_claimed_shows() -> None:
    bundle = opened(repacked(BOOK.bundle(), log_keys(), {}, previous=Previous("sha256:00", 5)))
    with pytest.raises(NotVerified, match=r"`checkpoint.prev` is missing"):
        bundle.check_members()


LINES = members(BUNDLE)["disclosures.jsonl"]
FIRST = LINES[: LINES.index(b"\n") + 1]
ODD_LINES = {
    "a line before the range": b'{"d":[],"i":299}\n',
    "a line behind the range": b'{"d":[],"i":600}\n',
    "a line twice": FIRST + FIRST,
    "lines backwards": b'{"d":[],"i":301}\n{"d":[],"i":300}\n',
    "an index of more than 64 bits": b'{"d":[],"i":' + b"9" * 30 + b"}\n",
    "no index": b'{"d":[]}\n',
    "a field more": b'{"d":[],"i":300,"x":1}\n',
    "no disclosures": b'{"d":"x","i":300}\n',
    "an empty line": b"\n",
    "no JSON": b"{\n",
    "not UTF-8": b'{"d":["\xff"],"i":300}\n',
    "depth": b'{"d":' + b"[" * 100_000 + b"\n",
    "no end": b'{"d":[],"i":300}',
    "a line too long": b'{"d":["' + b"a" * MAX_LINE_BYTES + b'"],"i":300}\n',
}


@pytest.mark.parametrize("data", ODD_LINES.values(), ids=ODD_LINES.keys())
def test_odd_disclosures_are_refused(data: bytes) -> None:
    with pytest.raises(NotVerified):
        list(changed({"disclosures.jsonl": data}).disclosures())


def test_disclosures_may_be_none() -> None:
    bundle = changed({"disclosures.jsonl": b""})
    assert list(bundle.disclosures()) == []
    assert bundle.disclosures_digest == bundle.manifest.disclosures
    assert list(changed({"disclosures.jsonl": b'{"d":[],"i":300}\n'}).disclosures()) == [Disclosure((), 300)]


def test_tiles_and_entries_have_one_length() -> None:
    files = members(BUNDLE)
    for name in ("tile/0/001", "tile/entries/001"):
        with pytest.raises(NotVerified):
            bundle = changed({name: files[name] + files[name][:32]})
            assert bundle.tile(0, 1)
            assert bundle.bundle(1)
    with pytest.raises(NotVerified):
        changed({"tile/0/001": files["tile/0/001"][:-32]}).tile(0, 1)
    with pytest.raises(NotVerified):
        changed({"entry/4": bytes(65_536)}).entry(4)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.note", "checkpoint"])
def test_giant_notes_and_manifests_are_refused(name: str) -> None:
    with pytest.raises(NotVerified, match="more than"):
        opened(packed({**members(BUNDLE), name: b"x" * (17 << 20)}))
