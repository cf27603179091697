"""A secret does not show itself."""

import pickle

import msgspec
import pytest

from caveat.errors import BadInput
from caveat.gateway.home.secret import Secret, checked_secret, read_secret


def test_secret_is_told_only_by_reveal():
    secret = Secret("sk-very-secret")
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}", "%s" % secret):  # noqa: UP031
        assert "very" not in shown
    assert secret.reveal() == "sk-very-secret"


def test_secret_is_not_written_out():
    with pytest.raises(TypeError):
        pickle.dumps(Secret("sk-very-secret"))
    with pytest.raises(TypeError):
        msgspec.json.encode({"key": Secret("sk-very-secret")})


def test_secrets_are_compared_by_text():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1


def test_file_holds_one_key(tmp_path):
    file = tmp_path / "key"
    file.write_text("sk-1\n")
    assert read_secret(file) == Secret("sk-1")


BAD = {"empty": b"", "two lines": b"sk-1\nsk-2", "spaces": b"sk 1", "accents": "clé".encode(), "bytes": b"\xff\xfe"}


@pytest.mark.parametrize("case", BAD)
def test_file_that_holds_no_key_is_refused_and_not_quoted(tmp_path, case):
    file = tmp_path / "file"
    file.write_bytes(BAD[case])
    with pytest.raises(BadInput) as refused:
        read_secret(file)
    assert "sk" not in refused.value.message
    with pytest.raises(BadInput):
        checked_secret("sk\x00", "the variable `KEY`")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match="nowhere"):
        read_secret(tmp_path / "nowhere")
