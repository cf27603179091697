"""OpenAI Responses, the dialect: see openai_responses_request, openai_responses_reply and openai_responses_write."""

from caveat.wire import openai_errors
from caveat.wire.dialect import Dialect
from caveat.wire.openai_responses_reply import read_reply, reader
from caveat.wire.openai_responses_request import LIMITS, read_call
from caveat.wire.openai_responses_write import Writer, with_notice
from caveat.wire.span import at_most, with_member


def with_model(body: bytes, model: str) -> bytes:
    """See dialect.Dialect.with_model."""
    return with_member(body, "model", model)


def with_limit(body: bytes, limit: int) -> bytes:
    """See dialect.Dialect.with_limit."""
    return at_most(body, LIMITS, LIMITS[0], limit)


OPENAI_RESPONSES = Dialect(
    name="openai_responses",
    operation="chat",
    paths=("/v1/responses",),
    read_call=read_call,
    read_reply=read_reply,
    reader=reader,
    writer=Writer,
    with_model=with_model,
    with_limit=with_limit,
    with_notice=with_notice,
    refuse=openai_errors.refuse,
)
