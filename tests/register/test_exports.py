"""Exports on record: numbered for each receiver, without a gap."""

from typing import Any

import pytest

from caveat import record
from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.register import Export, Register, fold
from caveat.register.exports import read_export, write_export

FIRST = {"number": 1, "start": 0, "to": 5, "size": 5, "profile": "audit", "manifest": "sha256:1", "checkpoint": "x"}


def exported(register: Register, receiver: str, of: str = "", **changes: Any) -> Register:
    document = write_export(receiver, Export(**{**FIRST, **changes}))
    entry = record.control(what="evidence.exported", of=of or receiver, doc=digest(document), gateway="gw1", at_ms=1)
    return fold(register, record.read_leaf(entry.leaf), max(5, register.size), document)


def test_numbers_go_up_by_one_for_each_receiver() -> None:
    register = exported(Register(), "vendor")
    register = exported(register, "auditor")
    register = exported(register, "vendor", number=2, start=5, to=6, size=6)
    assert {name: export.number for name, export in register.exports.items()} == {"vendor": 2, "auditor": 1}
    assert register.fence == Register().fence


REFUSED: dict[str, dict[str, Any]] = {
    "the same number": {},
    "a number left out": {"number": 3},
    "another receiver than the record": {"number": 2, "of": "auditor"},
    "a range backwards": {"number": 2, "start": 3, "to": 2},
    "a log not yet there": {"number": 2, "size": 50},
    "a smaller log": {"number": 2, "to": 4, "size": 4},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_go_on_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotVerified):
        exported(exported(Register(), "vendor"), "vendor", **changes)


@pytest.mark.parametrize("document", [b"{}", b"\xff", write_export("a", Export(**FIRST)).replace(b"/v1", b"/v2")])  # type: ignore[arg-type]
def test_a_document_that_is_none_is_refused(document: bytes) -> None:
    with pytest.raises(NotVerified):
        read_export(document)
