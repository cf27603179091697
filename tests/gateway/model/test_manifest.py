"""A manifest says which weights they are and what they cannot do."""

import hashlib
from typing import Any

import msgspec
import pytest

from caveat.errors import BadInput, NotVerified
from caveat.gateway.model.manifest import Manifest, check_weights, read_manifest, write_manifest
from caveat.wire.call import Call, Part, Tool

MANIFEST = Manifest(
    alias="tiny",
    file="tiny.gguf",
    sha256=hashlib.sha256(b"weights").hexdigest(),
    bytes=7,
    name="Tiny",
    licence="apache-2.0",
    source="file",
    known=False,
    context_tokens=512,
    control_tokens=("<|end|>",),
)
CALL = Call(
    dialect="openai_chat",
    operation="chat",
    model="tiny",
    parts=(Part("/messages/0/content", "user", "Hello"),),
    tools=(),
    streams=False,
    choices=1,
    max_output_tokens=None,
    unlisted=(),
    unread=(),
    structured=False,
    body=b"{}",
)

CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "plain text": ({}, ""),
    "streamed, with a schema": ({"streams": True, "structured": True}, ""),
    "anthropic": ({"dialect": "anthropic_messages"}, ""),
    "counting": ({"dialect": "anthropic_messages", "operation": "count_tokens"}, ""),
    "tools": ({"tools": (Tool("search", "/tools/0"),)}, "the model `tiny` cannot use tools"),
    "a tool's result": ({"parts": (Part("/messages/1/content", "tool", "42"),)}, "the model `tiny` cannot use tools"),
    "image": ({"parts": (*CALL.parts, Part("/a", "user", "", "image"))}, "the model `tiny` cannot read image parts"),
    "embeddings": ({"operation": "embeddings"}, "the model `tiny` does no embeddings"),
    "another dialect": ({"dialect": "openai_embeddings"}, "the model `tiny` does not speak openai_embeddings"),
}


@pytest.mark.parametrize("case", CALLS)
def test_call_that_asks_for_more_is_refused(case):
    changes, wanted = CALLS[case]
    assert MANIFEST.refuses(msgspec.structs.replace(CALL, **changes)) == wanted


def test_model_that_can_use_tools_gets_them():
    able = msgspec.structs.replace(MANIFEST, tools="yes")
    assert able.refuses(msgspec.structs.replace(CALL, tools=(Tool("search", "/tools/0"),))) == ""


def test_identity_is_the_weights():
    assert MANIFEST.identity == "weights:sha256:" + hashlib.sha256(b"weights").hexdigest()


def test_manifest_is_read_as_it_was_written(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path / "tiny.json") == MANIFEST


@pytest.mark.parametrize("text", ["", "{}", '{"alias": 3}', '{"unknown": 1}'])
def test_manifest_that_does_not_fit_is_refused(tmp_path, text):
    path = tmp_path / "tiny.json"
    path.write_text(text)
    with pytest.raises(BadInput, match="does not fit") as refused:
        read_manifest(path)
    assert "models pull" in refused.value.hint


def test_missing_manifest_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"nowhere\.json") as refused:
        read_manifest(tmp_path / "nowhere.json")
    assert "models pull" in refused.value.hint


@pytest.mark.parametrize("found", [b"weightz", b"weights and more", b""])
def test_weights_of_another_checksum_are_refused(tmp_path, found):
    (tmp_path / "tiny.gguf").write_bytes(found)
    with pytest.raises(NotVerified) as refused:
        check_weights(tmp_path, MANIFEST)
    assert refused.value.step == "weights"


def test_right_weights_are_found_and_missing_ones_named(tmp_path):
    with pytest.raises(BadInput, match="missing"):
        check_weights(tmp_path, MANIFEST)
    (tmp_path / "tiny.gguf").write_bytes(b"weights")
    assert check_weights(tmp_path, MANIFEST) == tmp_path / "tiny.gguf"
