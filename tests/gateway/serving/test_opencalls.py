"""Which calls a worker has left open."""

from caveat import record
from caveat.gateway.serving.opencalls import OpenCalls
from caveat.ledger.log import Entry, Placed
from caveat.record.leaf import encode

CALL, OTHER = "a" * 32, "b" * 32


def head(call):
    return record.Head(call, "gw1", 1, bytes(32))


def opened(call):
    leaf = {"k": "opened", "call": call, "terms": "sha256:pair", "v": 1, "g": "gw1", "t": 1}
    return Entry(encode(leaf))


def settled(call):
    return record.settled(head(call), record.Opening(-1, "sha256:pair"), "completed", None, {})


def places(*indices):
    return tuple(Placed(index, b"", 1) for index in indices)


def test_a_call_is_open_until_it_is_settled():
    calls = OpenCalls()
    calls.note((opened(CALL),), places(7))
    calls.note((opened(OTHER),), places(8))
    assert calls.calls == {CALL: record.Opening(7, "sha256:pair"), OTHER: record.Opening(8, "sha256:pair")}
    calls.note((settled(CALL),), places(9))
    assert list(calls.calls) == [OTHER]


def test_a_denied_call_is_never_open():
    calls = OpenCalls()
    calls.note((opened(CALL), settled(CALL)), places(1, 2))
    assert calls.calls == {}


def test_what_is_no_call_is_passed_over():
    calls = OpenCalls()
    control = record.control(what="key.revoked", of="x", doc="", gateway="gw1", at_ms=1)
    calls.note((control, Entry(b"foreign"), Entry(b"[1]")), places(0, 1, 2))
    assert calls.calls == {}
