"""OpenAI embeddings: POST /v1/embeddings.

    {"model": "...", "input": ["a text", "another"], "encoding_format": "base64"}
    {"object": "list", "model": "...", "data": [{"object": "embedding", "index": 0, "embedding": "..."}], "usage": {}}

An input of token numbers is text that no recognizer reads: it is `unread`.

Source: openai-python 3.54 (openai/types/embedding_create_params.py; it asks for base64 by itself), llama.cpp, vLLM.
"""

from typing import Any

from caveat.errors import Unreadable
from caveat.wire import openai_errors
from caveat.wire.asked import Asked, ask, media, routed, text, texts
from caveat.wire.body import read_json
from caveat.wire.call import Call
from caveat.wire.dialect import Dialect
from caveat.wire.fields import array, either, integer, known, number, optional, table, word, wrong
from caveat.wire.heard import Heard, broken, count, identifier, label, opaque, wordless
from caveat.wire.reply import Frame, Usage
from caveat.wire.span import with_member
from caveat.wire.unstreamed import reader, without_limit, without_notice, writer

_TOKENS = media("file", "user", known)
_TEXT = text("user")
_TEXTS = texts("user")


def _input(value: Any, at: str, asked: Asked) -> None:
    """A text, texts, or token numbers: one list of them or several."""
    if type(value) is str:
        _TEXT(value, at, asked)
    elif type(value) is list and value and all(type(one) is int for one in value):
        _TOKENS(value, at, asked)
    elif type(value) is list and set(map(type, value)) == {str}:
        _TEXTS(value, at, asked)
    else:
        _SEVERAL(value, at, asked)


def _one(value: Any, at: str, asked: Asked) -> None:
    if type(value) is not list:
        _TEXT(value, at, asked)
    elif all(type(one) is int for one in value):
        _TOKENS(value, at, asked)
    else:
        raise wrong("a string", value, at)


_SEVERAL = array(_one)
_BODY = table(
    {
        "model": routed,
        "input": _input,
        "dimensions": optional(integer(1, 2**31 - 1)),
        "encoding_format": optional(word("float", "base64")),
        "user": optional(text("field")),
    },
    ["model", "input"],
)


def read_call(body: bytes) -> Call:
    """See dialect.Dialect.read_call."""
    value, asked = ask(body, _BODY)
    return asked.call(value, "openai_embeddings", "embeddings")


def _usage(value: Any, at: str, heard: Heard) -> None:
    wordless(value, at, heard)
    if type(value) is not dict:
        raise wrong("an object", value, at)
    heard.usage = Usage(count(value, "prompt_tokens"), 0)


_REPLY = table(
    {
        "id": optional(identifier),
        "object": word("list"),
        "created": optional(number()),
        "model": label,
        "data": array(
            table(
                {
                    "object": word("embedding"),
                    "index": integer(0, 2**31 - 1),
                    "embedding": either(opaque, array(number())),
                    "encoding_format": word("float", "base64"),
                },
                ["embedding"],
            )
        ),
        "usage": optional(_usage),
        "error": optional(broken),
    }
)


def read_reply(body: bytes, _asked: bytes = b"") -> Frame:
    """See dialect.Dialect.read_reply.  Vectors are no words: nothing is Said."""
    value = read_json(body, dense=True)
    heard = Heard()
    _REPLY(value, "", heard)
    if "data" not in value:
        raise Unreadable("expected a member `data`")
    return heard.frame(body, last=True)


def with_model(body: bytes, model: str) -> bytes:
    """See dialect.Dialect.with_model."""
    return with_member(body, "model", model)


OPENAI_EMBEDDINGS = Dialect(
    name="openai_embeddings",
    operation="embeddings",
    paths=("/v1/embeddings",),
    read_call=read_call,
    read_reply=read_reply,
    reader=reader,
    writer=writer(openai_errors.broke),
    with_model=with_model,
    with_limit=without_limit,
    with_notice=without_notice,
    refuse=openai_errors.refuse,
)
