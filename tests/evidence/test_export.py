"""Writing bundles: deterministic, checked against the checkpoint, no more open than the profile says."""

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import (
    GATEWAY,
    NOW_MS,
    ORIGIN,
    VENDOR,
    Book,
    check,
    log_keys,
    members,
    terms_of,
    with_facts,
)
from tlog_scales import tiles
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint, InclusionProofInvalid

from caveat import record
from caveat.canon import b64url, digest, unb64url
from caveat.decide.policy import ENGINE
from caveat.errors import BadInput, NotVerified
from caveat.evidence.export import Order, Source, control_indices, export
from caveat.evidence.manifest import InForce, Manifest, Opened, Previous
from caveat.evidence.profiles import PROFILES
from caveat.ledger.log import Entry


def exported(book: Book, source: Source | None = None, **order: Any) -> Manifest:
    asked = msgspec.structs.replace(Order(0, len(book.entries), "full", ENGINE), **order)
    return export(source or book.source(), asked, book.keys.plain, io.BytesIO())


def test_equal_orders_give_equal_bytes(book: Book) -> None:
    assert book.bundle() == book.bundle()
    assert book.bundle(profile="counts") != book.bundle(profile="audit")


def test_what_is_in_it(book: Book) -> None:
    files = members(book.bundle(policy=b"quorum none\n"))
    documents = {f"control/{d.removeprefix('sha256:')}": data for d, data in book.documents.items()}
    assert set(files) == {
        "checkpoint", "disclosures.jsonl", "manifest.json", "manifest.note", "policy",
        "tile/0/000.p/27", "tile/entries/000.p/27", *documents,
    }  # fmt: skip
    assert {name: files[name] for name in documents} == documents


def test_the_manifest_says_what_there_is(book: Book) -> None:
    earlier = Book().found()
    manifest = exported(
        book, profile="counts", number=3, receiver="vendor", previous=earlier.checkpoint(), policy=b"quorum none\n"
    )
    assert (manifest.origin, manifest.start, manifest.to, manifest.size) == (ORIGIN, 0, 27, 27)
    assert manifest.previous == Previous(digest(earlier.checkpoint()), 5)
    assert (manifest.number, manifest.profile, manifest.engine) == (3, "counts", ENGINE)
    assert manifest.controls == (0, 1, 2, 3, 4)
    assert manifest.terms == (InForce("office", book.policy.terms.digest, 4),)
    assert manifest.policy == digest(b"quorum none\n")
    assert manifest.opened["decision"] == Opened(made=16, disclosed=16)
    assert manifest.opened["request"] == Opened(made=12, withheld=12)
    assert manifest.counts.endings == {"completed": 4, "denied": 4, "stopped": 2}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_opens_what_it_names(book: Book, name: str) -> None:
    """Nothing else is in the file, not even its salt."""
    files = members(book.bundle(profile=name))
    lines = [msgspec.json.decode(line) for line in files["disclosures.jsonl"].splitlines()]
    shown = [msgspec.json.decode(unb64url(d)) for line in lines for d in line["d"]]
    assert all(PROFILES[name].shows(field) for _, field, _ in shown)
    assert bool(shown) == (name != "none")
    kept = {d for entry in book.entries if entry.aside for d in record.read_aside(entry.aside).d}
    closed = [d for d in kept if not PROFILES[name].shows(msgspec.json.decode(unb64url(d))[1])]
    everything = b"".join(files.values())
    assert not any(d.encode() in everything for d in closed)
    keys = {record.read_aside(entry.aside).key for entry in book.entries if entry.aside}
    assert not any(key.encode() in everything or bytes.fromhex(key) in everything for key in keys)


def test_control_records_are_found_or_given(book: Book) -> None:
    source = book.source()
    found = control_indices(source, len(book.entries))
    assert found == (0, 1, 2, 3, 4)
    given = msgspec.structs.replace(source, controls=(*found, 999))
    out = io.BytesIO()
    export(given, Order(0, 27, "full", ENGINE), book.keys.plain, out)
    assert out.getvalue() == book.bundle()


def test_a_middle_range_brings_the_control_records_before_and_behind() -> None:
    book = Book().found().day(430)
    book.adopt(terms_of(2)).day(12)
    manifest = exported(book, start=300, to=600)
    files = members(book.bundle(300, 600))
    last = len(book.entries)
    outside = [i for i in manifest.controls if not 300 <= i < 600]
    assert outside[:5] == [0, 1, 2, 3, 4]
    assert {f"entry/{i}" for i in outside} == {name for name in files if name.startswith("entry/")}
    assert all(files[f"entry/{i}"] == book.entries[i].leaf for i in outside)
    assert {name for name in files if "entries" in name} == {"tile/entries/001", "tile/entries/002"}
    assert {name for name in files if name.startswith("tile/0")} == {
        "tile/0/000", "tile/0/001", "tile/0/002", f"tile/0/{last // 256:03d}.p/{last % 256}",
    }  # fmt: skip


def test_what_was_destroyed_is_counted(book: Book) -> None:
    source = msgspec.structs.replace(book.source(), asides=lambda n: ())
    manifest = exported(book, source, profile="audit")
    assert manifest.opened["who"] == Opened(made=12, destroyed=12)
    assert manifest.opened["request"] == Opened(made=12, withheld=12)


def test_what_is_not_opened_is_not_read(book: Book) -> None:
    """Under `none` the vault may be gone."""

    def gone(n: int) -> list[bytes]:
        raise AssertionError(n)

    source = msgspec.structs.replace(book.source(), asides=gone)
    assert exported(book, source, profile="none").opened["who"] == Opened(made=12, withheld=12)


def test_an_empty_range_is_a_bundle(book: Book) -> None:
    manifest = exported(book, start=9, to=9)
    assert manifest.counts.opened == 0
    assert check(book.bundle(9, 9)).verified


def test_an_empty_log_is_a_bundle() -> None:
    report = check(Book().bundle())
    assert report.verified, report.sentences()


def test_without_an_end_it_goes_as_far_as_the_checkpoint(book: Book) -> None:
    assert exported(book, start=3, to=None).to == 27


@pytest.mark.parametrize(("start", "to"), [(-1, 5), (5, 4), (0, 28), (28, 28)])
def test_a_range_beyond_the_log_is_refused(book: Book, start: int, to: int) -> None:
    with pytest.raises(BadInput, match="expected a range within 0 to 27"):
        exported(book, start=start, to=to)


def test_an_unknown_profile_is_refused(book: Book) -> None:
    with pytest.raises(BadInput):
        exported(book, profile="everything")


def test_only_the_log_itself_exports(book: Book) -> None:
    out = io.BytesIO()
    for stranger in (VENDOR, log_keys("other").plain):
        with pytest.raises(NotVerified):
            export(book.source(), Order(0, 5, "full", ENGINE), stranger, out)


def spoilt(book: Book, name: str, old: bytes, new: bytes) -> Source:
    source = book.source()

    def read(path: str) -> bytes | None:
        data = source.read(path)
        return data.replace(old, new, 1) if data and path == name else data

    return msgspec.structs.replace(source, read=read)


def test_a_log_whose_files_do_not_hold_is_not_exported(book: Book) -> None:
    for source in (
        spoilt(book, "tile/entries/000.p/27", b'"k":"opened"', b'"k":"0pened"'),
        spoilt(book, "tile/0/000.p/27", b"", b"x"),
        msgspec.structs.replace(book.source(), read=lambda path: None),
    ):
        with pytest.raises(NotVerified):
            exported(book, source)


def test_a_changed_document_is_not_exported(book: Book) -> None:
    source = msgspec.structs.replace(book.source(), document=lambda name: b"{}")
    with pytest.raises(NotVerified, match="missing or changed"):
        exported(book, source)


def test_what_is_no_control_record_is_not_exported_as_one(book: Book) -> None:
    source = msgspec.structs.replace(book.source(), controls=(0, 1, 2, 3, 4, 5))
    with pytest.raises(NotVerified, match="record 5 is no control record"):
        exported(book, source)


def test_an_earlier_checkpoint_of_another_history_is_refused(book: Book) -> None:
    """The log cannot show a receiver that it grew from what it did not."""
    fork = Book().found()
    fork.call(with_facts(purpose="targeting"))
    with pytest.raises(NotVerified, match="not a beginning of this log"):
        exported(book, previous=fork.checkpoint())
    longer = Book().found().day(20)
    with pytest.raises(NotVerified, match="not a beginning of this log"):
        exported(book, previous=longer.checkpoint())


def test_a_chosen_salt_does_not_leave() -> None:
    """Sixteen bytes a commitment would make a good channel out."""
    disclosure = b64url(b'["bWVzc2FnZSBtZXNzYWdl","who",{"caller":"clerk-7"}]')
    leaf = {
        "v": 1,
        "k": "refused",
        "g": GATEWAY,
        "t": NOW_MS,
        "o": "denied",
        "c": {"who": record.commitment(disclosure)},
    }
    book = Book().found()
    book.append(
        Entry(msgspec.json.encode(leaf, order="sorted"), msgspec.json.encode({"d": [disclosure], "key": "00" * 32}))
    )
    with pytest.raises(NotVerified, match=r"record 5: .* could carry a message"):
        exported(book)
    assert exported(book, profile="none").opened["who"] == Opened(made=1, withheld=1)
    with pytest.raises(NotVerified, match=r"record 5: .* could carry a message"):
        exported(book, profile="none", check=True)


def unzipped(bundle: bytes, directory: Path) -> Path:
    for name, data in members(bundle).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return directory


@pytest.mark.parametrize(("calls", "start", "to"), [(12, 0, 27), (150, 0, 262), (800, 600, 900), (800, 1000, 1300)])
def test_other_tools_read_the_unzipped_bundle(tmp_path: Path, calls: int, start: int, to: int) -> None:
    """tlog-scales opens the checkpoint, and proves each record of the range to its root."""
    book = Book().found().day(calls)
    earlier = Book().found().day(calls // 3)
    directory = unzipped(book.bundle(start, to, previous=earlier.checkpoint()), tmp_path)
    reader = TilesReader(LocalBackend(directory))
    checkpoint = reader.get_checkpoint()
    for key in book.keys.verify_keys:
        checkpoint.verify(Vkey.from_string(key.text))
    assert reader.calculate_root_hash() == checkpoint.root_hash
    for index in (start, (start + to) // 2, to - 1):
        leaf = reader.get_entry(index)
        assert leaf == book.entries[index].leaf
        leaf_hash = tiles.leaf_hash(leaf)
        reader.get_inclusion_proof(index, checkpoint.size).check(leaf_hash, checkpoint.root_hash)
        with pytest.raises(InclusionProofInvalid):
            reader.get_inclusion_proof(index, checkpoint.size).check(leaf_hash, leaf_hash)
    old = Checkpoint.from_text((directory / "checkpoint.prev").read_text())
    reader.get_consistency_proof(old.size, checkpoint.size).check(old.root_hash, checkpoint.root_hash)


def test_a_foreign_proof_of_a_bundle_is_ours(tmp_path: Path) -> None:
    """The command of tlog-scales makes a receipt from the unzipped bundle."""
    directory = unzipped(Book().found().day(150).bundle(), tmp_path)
    tool = Path(sys.executable).parent / "tlog-tiles"
    proof = subprocess.run([tool, "gen-proof", f"{directory}", "260"], check=True, capture_output=True).stdout
    assert re.match(rb"c2sp.org/tlog-proof@v1\nindex 260\n", proof)
    assert proof.endswith((directory / "checkpoint").read_bytes())
