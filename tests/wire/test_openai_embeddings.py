"""Embeddings: texts are Parts, token numbers go unread, vectors are no words."""

import base64
import json
import struct

import pytest

from caveat.errors import Unavailable, Unreadable
from caveat.wire.openai_embeddings import OPENAI_EMBEDDINGS, read_call, read_reply
from caveat.wire.reply import Usage

VECTOR = base64.b64encode(struct.pack("<3f", 0.5, -0.25, 1.0)).decode()


def reply(*vectors, **more) -> bytes:
    data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    return json.dumps({"object": "list", "model": "m", "data": data, "usage": usage, **more}).encode()


INPUTS = {
    "a text": ("hello", [("/input", "hello")], ()),
    "texts": (["a", "b"], [("/input/0", "a"), ("/input/1", "b")], ()),
    "token numbers": ([1, 2], [("/input", "")], ("/input",)),
    "lists of token numbers": ([[1], [2, 3]], [("/input/0", ""), ("/input/1", "")], ("/input/0", "/input/1")),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_as_the_sdk_sends_them(vendor, case):
    given, parts, unread = INPUTS[case]
    vendor.answers(reply(VECTOR))
    found = vendor.openai.embeddings.create(model="m", input=given, dimensions=3)
    assert found.data[0].embedding == [0.5, -0.25, 1.0]
    call = read_call(vendor.bodies[-1])
    assert (call.dialect, call.operation, call.model) == ("openai_embeddings", "embeddings", "m")
    assert [(part.at, part.text) for part in call.parts] == parts
    assert {part.voice for part in call.parts} == {"user"}
    assert (call.unread, call.unlisted) == (unread, ())
    assert vendor.paths == ["/v1/embeddings"]


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "a number": ({"input": 1}, "/input"),
    "null": ({"input": None}, "/input"),
    "texts and numbers": ({"input": ["a", 1]}, "/input/1"),
    "fractions": ({"input": [[1.5]]}, "/input/0"),
    "lists too deep": ({"input": [[[1]]]}, "/input/0"),
    "dimensions as a string": ({"dimensions": "3"}, "/dimensions"),
    "dimensions zero": ({"dimensions": 0}, "/dimensions"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_types(case):
    asked, at = WRONG[case]
    with pytest.raises(Unreadable) as refused:
        read_call(json.dumps({"model": "m", "input": "x", **asked}).encode())
    assert refused.value.at == at


def test_unknown_fields_are_named():
    call = read_call(b'{"model":"m","input":"x","user":"u","encoding_format":"int8","stream":true}')
    assert call.unlisted == ("/encoding_format", "/stream")
    assert ("/user", "u") in {(part.at, part.text) for part in call.parts}


@pytest.mark.parametrize("vector", [VECTOR, [0.5, -0.25, 1]])
def test_a_reply_of_vectors_says_nothing(vector):
    body = reply(vector, vector)
    frame = read_reply(body)
    assert (frame.raw, frame.says, frame.ends, frame.usage, frame.last) == (body, (), (), Usage(7, 0), True)


def test_a_reply_may_be_dense():
    assert read_reply(reply([0.5] * 100_000)).last


BAD = {
    "words in a vector": (reply("the plan is"), "/data/0/embedding"),
    "strings in a vector": (reply([0.5, "x"]), "/data/0/embedding/1"),
    "an unknown field": (reply(VECTOR, note="x"), "/note"),
    "another object": (reply(VECTOR, object="story"), "/object"),
    "no data": (b'{"object":"list","model":"m"}', ""),
}


@pytest.mark.parametrize("case", BAD)
def test_what_no_table_knows_is_refused(case):
    body, at = BAD[case]
    with pytest.raises(Unreadable) as refused:
        read_reply(body)
    assert refused.value.at == at


def test_an_error_in_a_reply():
    with pytest.raises(Unavailable):
        read_reply(b'{"error": {"code": 501, "message": "no"}}')


def test_there_is_no_limit_and_no_notice():
    assert OPENAI_EMBEDDINGS.with_limit(b'{"input":"x"}', 1) == b'{"input":"x"}'
    assert OPENAI_EMBEDDINGS.with_notice(b"{}", "made by a machine") == (b"{}", 0)
