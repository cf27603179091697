"""The manifest: one way to write it, signed by the log."""

from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import ORIGIN, VENDOR, log_keys

from caveat.canon import canonical
from caveat.errors import NotVerified
from caveat.evidence.manifest import (
    FORMAT,
    Counts,
    InForce,
    Manifest,
    Opened,
    Previous,
    read_manifest,
    sign_manifest,
    verify_manifest,
    write_manifest,
)
from caveat.note import sign_note

GOOD = Manifest(
    format=FORMAT, origin=ORIGIN, start=3, to=9, size=10, checkpoint="sha256:00", previous=Previous("sha256:11", 4),
    receiver="vendor", number=2, profile="counts", share="", engine="cedarpy/4.12.2", controls=(0, 1, 9), withheld=(), terms=(InForce("office", "sha256:22", 1),),
    counts=Counts(opened=3, settled=3, endings={"completed": 3}, tokens_in=3, tokens_out=4),
    opened={"decision": Opened(6, 6, 0, 0)}, disclosures="sha256:33", policy="",
)  # fmt: skip


def but(**changes: Any) -> Manifest:
    return msgspec.structs.replace(GOOD, **changes)


def test_it_reads_as_it_was_written() -> None:
    data = write_manifest(GOOD)
    assert read_manifest(data) == GOOD
    assert data == canonical(msgspec.json.decode(data)) + b"\n"
    assert b'"from":3' in data


DATA = write_manifest(GOOD)
REFUSED = {
    "not JSON": b"{",
    "not UTF-8": b"\xff",
    "another format": write_manifest(but(format="caveat-bundle/v2")),
    "a field more": DATA.replace(b'"engine"', b'"day":1,"engine"'),
    "a field less": DATA.replace(b'"number":2,', b""),
    "a field twice": DATA.replace(b'"number":2,', b'"number":1,"number":2,'),
    "spaces": DATA.replace(b",", b", "),
    "no newline": DATA[:-1],
    "a range backwards": write_manifest(but(start=9, to=3)),
    "a range beyond the log": write_manifest(but(to=11)),
    "a range from below nothing": write_manifest(but(start=-1)),
    "indices of 64 bits": write_manifest(but(size=2**63, to=2**63)),
    "indices of more bits": DATA.replace(b'"size":10', b'"size":' + b"9" * 40),
    "control records backwards": write_manifest(but(controls=(1, 0))),
    "a control record twice": write_manifest(but(controls=(1, 1))),
    "control records beyond the log": write_manifest(but(controls=(0, 10))),
    "control records below nothing": write_manifest(but(controls=(-1, 0))),
    "an earlier checkpoint of more": write_manifest(but(previous=Previous("sha256:11", 11))),
    "a number for nobody": write_manifest(but(receiver="")),
    "a receiver without a number": write_manifest(but(number=None)),
    "a number below one": write_manifest(but(number=0)),
    "withheld documents backwards": write_manifest(but(withheld=("sha256:2", "sha256:1"))),
    "depth": b'{"counts":' * 50_000,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_another_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(NotVerified):
        read_manifest(data)


def test_the_log_signs_it() -> None:
    key = log_keys().plain
    note = sign_manifest(GOOD, DATA, key)
    assert verify_manifest(GOOD, DATA, note, log_keys().verify_keys) == key.verify_key
    with pytest.raises(NotVerified):
        verify_manifest(GOOD, DATA, note, [VENDOR.verify_key])
    other = but(number=3)
    with pytest.raises(NotVerified):
        verify_manifest(other, write_manifest(other), note, log_keys().verify_keys)


def test_another_note_by_the_log_is_no_signature_on_it() -> None:
    """A ticket, a checkpoint: their texts begin otherwise."""
    note = sign_note(f"{ORIGIN}\n10\n{'A' * 43}=\n".encode(), [log_keys().plain])
    with pytest.raises(NotVerified):
        verify_manifest(GOOD, DATA, note, log_keys().verify_keys)
