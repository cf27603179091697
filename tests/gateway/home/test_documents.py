"""Control documents and bodies: kept whole, found unchanged, or not at all."""

import pytest

from caveat.canon import digest
from caveat.errors import NotVerified, Unavailable
from caveat.gateway.home.bodies import Bodies
from caveat.gateway.home.documents import Documents

CALL = "0123456789abcdef" * 2


def test_a_document_is_read_back_by_its_digest(tmp_path):
    documents = Documents(tmp_path)
    name = documents.keep(b"the terms")
    assert name == digest(b"the terms")
    assert documents.read(name) == b"the terms"
    assert documents.keep(b"the terms") == name


def test_a_changed_document_is_noticed(tmp_path):
    documents = Documents(tmp_path)
    name = documents.keep(b"the terms")
    next(tmp_path.iterdir()).write_bytes(b"other terms")
    with pytest.raises(NotVerified, match="changed"):
        documents.read(name)


def test_a_missing_document_is_noticed(tmp_path):
    with pytest.raises(NotVerified, match="missing"):
        Documents(tmp_path).read(digest(b"never kept"))


def test_a_directory_that_does_not_take_it_is_said(tmp_path):
    with pytest.raises(Unavailable):
        Documents(tmp_path / "absent").keep(b"x")


def test_a_body_is_sealed_and_opened(tmp_path):
    bodies = Bodies(tmp_path / "bodies", bytes(32))
    bodies.keep(CALL, "request", b"a prompt of some length")
    assert bodies.read(CALL, "request") == b"a prompt of some length"
    (stored,) = (tmp_path / "bodies").iterdir()
    assert b"prompt" not in stored.read_bytes()


@pytest.mark.parametrize("swap", ["call", "which"])
def test_a_body_cannot_stand_in_for_another(tmp_path, swap):
    bodies = Bodies(tmp_path, bytes(32))
    bodies.keep(CALL, "request", b"a prompt")
    other = ("f" * 32, "request") if swap == "call" else (CALL, "reply")
    (tmp_path / f"{CALL}.request").rename(tmp_path / ".".join(other))
    with pytest.raises(NotVerified, match="changed"):
        bodies.read(*other)
