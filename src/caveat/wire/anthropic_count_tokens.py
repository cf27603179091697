"""Anthropic's count of a request's tokens: POST /v1/messages/count_tokens.

    {"model": "...", "system": "...", "messages": [...], "tools": [...]}
    {"input_tokens": 14}

The request is read like one for messages: counting sends every word of it to the provider, too.

Source: anthropic-python 2.12 (anthropic/types/message_count_tokens_params.py).
"""

from typing import Any

from caveat.wire import anthropic_errors
from caveat.wire.anthropic_messages_request import ASKED
from caveat.wire.asked import ask
from caveat.wire.body import read_json
from caveat.wire.call import Call
from caveat.wire.dialect import Dialect
from caveat.wire.fields import integer, optional, table
from caveat.wire.heard import Heard, all_said, broken
from caveat.wire.reply import Frame, Usage
from caveat.wire.span import with_member
from caveat.wire.unstreamed import reader, without_limit, without_notice, writer

_BODY = table(ASKED, ["model", "messages"])


def read_call(body: bytes) -> Call:
    """See dialect.Dialect.read_call."""
    value, asked = ask(body, _BODY)
    return asked.call(value, "anthropic_count_tokens", "count_tokens")


def _counted(value: Any, at: str, heard: Heard) -> None:
    integer(0, 2**31 - 1)(value, at, heard)
    heard.usage = Usage(value, 0)


_REPLY = table(
    {"input_tokens": _counted, "context_management": optional(all_said("context_management"))}, ["input_tokens"]
)


def read_reply(body: bytes, _asked: bytes = b"") -> Frame:
    """See dialect.Dialect.read_reply."""
    value = read_json(body)
    heard = Heard()
    if value.get("type") == "error":
        broken(value, "/error", heard)
    _REPLY(value, "", heard)
    heard.end("")
    return heard.frame(body, last=True)


def with_model(body: bytes, model: str) -> bytes:
    """See dialect.Dialect.with_model."""
    return with_member(body, "model", model)


ANTHROPIC_COUNT_TOKENS = Dialect(
    name="anthropic_count_tokens",
    operation="count_tokens",
    paths=("/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens"),
    read_call=read_call,
    read_reply=read_reply,
    reader=reader,
    writer=writer(anthropic_errors.broke),
    with_model=with_model,
    with_limit=without_limit,
    with_notice=without_notice,
    refuse=anthropic_errors.refuse,
)
