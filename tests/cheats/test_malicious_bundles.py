"""Somebody sends a bundle that is made to harm its reader.

What detects it: one way to write the zip, and limits on everything before anything is read; no path leaves the bundle, nothing
unpacks, no index of 64 bits gets through; the report escapes every text, and a policy in it lets nothing run.
"""

import io
import tracemalloc
import zipfile

import pytest
from tests.cheats.owner import check, failures, history
from tests.evidence.conftest import TRUST, packed, repacked
from tests.evidence.second import second_opinion

from caveat.evidence.report_page import verify_with_page


def zipped(name: str, data: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr(name, data)
    return out.getvalue()


BOOK = history(2)
GOOD = BOOK.bundle()
NOTE = b"x\n\n" + b"\xe2\x80\x94 a AAAA\n" * 100_000
EVIL = {
    "a zip bomb": zipped("manifest.json", bytes(80_000_000)),
    "a path that escapes": zipped("../../etc/passwd", b"x", zipfile.ZIP_STORED),
    "a giant note": packed({"manifest.json": b"{}", "manifest.note": NOTE}),
    "a manifest of depth": packed({"manifest.json": b"[" * 200_000, "manifest.note": b"x"}),
    "indices of 64 bits": packed({"manifest.json": b'{"size":' + b"9" * 30 + b"}", "manifest.note": b"x"}),
    "more files than are there": GOOD[:-12] + b"\xff\xff\xff\xff" + GOOD[-8:],
    "a giant checkpoint": repacked(GOOD, BOOK.keys, {"checkpoint": NOTE}),
    "a disclosure without end": repacked(GOOD, BOOK.keys, {"disclosures.jsonl": b"x" * 3_000_000}),
    "a control document that is huge": repacked(GOOD, BOOK.keys, {"control/" + "0" * 64: bytes(20_000_000)}),
}


@pytest.mark.parametrize("name", EVIL)
def test_it_is_refused_in_little_memory(name: str) -> None:
    tracemalloc.start()
    try:
        report = check(EVIL[name])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not report.verified
    assert peak < 64_000_000 + len(EVIL[name])
    assert second_opinion(EVIL[name], TRUST)


def test_a_range_of_2_to_the_63_is_refused_before_it_is_walked() -> None:
    for changes in ({"to": 2**53 - 1, "size": 2**53 - 1}, {"controls": (2**53 - 2,), "size": 2**53 - 1}):
        assert 1 in failures(check(repacked(GOOD, BOOK.keys, {}, **changes)))


def test_markup_in_it_does_not_run_in_the_report() -> None:
    evil = "<script>alert(1)</script>"
    _, html = verify_with_page(io.BytesIO(repacked(GOOD, BOOK.keys, {}, engine=evil, profile=evil)), TRUST)
    assert evil not in html
    assert "&lt;script&gt;alert(1)" in html
