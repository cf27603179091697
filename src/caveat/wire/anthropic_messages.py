"""Anthropic messages, the dialect: see anthropic_messages_request, anthropic_messages_reply, anthropic_messages_write."""

from caveat.wire import anthropic_errors
from caveat.wire.anthropic_messages_reply import read_reply, reader
from caveat.wire.anthropic_messages_request import LIMITS, read_call
from caveat.wire.anthropic_messages_write import Writer, with_notice
from caveat.wire.dialect import Dialect
from caveat.wire.span import at_most, with_member


def with_model(body: bytes, model: str) -> bytes:
    """See dialect.Dialect.with_model."""
    return with_member(body, "model", model)


def with_limit(body: bytes, limit: int) -> bytes:
    """See dialect.Dialect.with_limit."""
    return at_most(body, LIMITS, "max_tokens", limit)


ANTHROPIC_MESSAGES = Dialect(
    name="anthropic_messages",
    operation="chat",
    paths=("/v1/messages", "/anthropic/v1/messages"),
    read_call=read_call,
    read_reply=read_reply,
    reader=reader,
    writer=Writer,
    with_model=with_model,
    with_limit=with_limit,
    with_notice=with_notice,
    refuse=anthropic_errors.refuse,
)
