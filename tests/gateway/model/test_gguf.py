"""A model file says what it is; anything else is refused, however it is broken."""

import struct
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caveat.errors import BadInput
from caveat.gateway.model.gguf import Weights, read_weights


def test_file_says_what_it_is(tiny_gguf):
    assert read_weights(tiny_gguf) == Weights(
        "llama", "Tiny", "apache-2.0", 512, ("<|start|>", "<|end|>"), "{{ messages }}"
    )


def test_what_is_not_said_is_empty(tmp_path, make_gguf):
    path = tmp_path / "mute.gguf"
    path.write_bytes(make_gguf({}))
    assert read_weights(path) == Weights("", "", "", 0, (), "")


def test_real_model_tells_its_turn_marks(model_folder):
    said = read_weights(model_folder / "SmolLM2-135M-Instruct.Q4_1.gguf")
    assert (said.architecture, said.licence, said.context_tokens) == ("llama", "apache-2.0", 8192)
    assert {"<|im_start|>", "<|im_end|>", "<|endoftext|>"} <= set(said.control_tokens)
    assert len(said.control_tokens) == 17


HEAD = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
BROKEN = {
    "empty": b"",
    "something else": b"PK\x03\x04 a zip file",
    "a later version": b"GGUF" + struct.pack("<IQQ", 99, 0, 0),
    "more pairs than there are": HEAD,
    "absurdly many pairs": b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63),
    "a string longer than the file": HEAD + struct.pack("<Q", 2**62) + b"x",
    "a list longer than the file": HEAD + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 8, 2**62),
    "a list of numbers longer than the file": HEAD + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 4, 2**62),
    "an unknown kind": HEAD + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 77),
    "lists in lists in lists": HEAD
    + struct.pack("<Q", 1)
    + b"a"
    + struct.pack("<I", 9)
    + struct.pack("<IQ", 9, 1) * 5000,
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_refused(tmp_path, case):
    path = tmp_path / "broken.gguf"
    path.write_bytes(BROKEN[case])
    with pytest.raises(BadInput, match=r"broken\.gguf"):
        read_weights(path)


def test_every_cut_of_a_good_file_is_refused(tmp_path, tiny_gguf):
    whole = tiny_gguf.read_bytes()
    path = tmp_path / "cut.gguf"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInput):
            read_weights(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=0), st.binary(min_size=1, max_size=8))
def test_changed_bytes_give_values_or_a_refusal(tmp_path, tiny_gguf, place, change):
    whole = bytearray(tiny_gguf.read_bytes())
    place %= len(whole)
    whole[place : place + len(change)] = change
    path = tmp_path / "changed.gguf"
    path.write_bytes(whole)
    with suppress(BadInput):
        read_weights(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match="nowhere"):
        read_weights(tmp_path / "nowhere.gguf")
