"""All dialects, by name and by the request path that speaks them.  Every other path is refused."""

from collections.abc import Iterable

from caveat.wire.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from caveat.wire.anthropic_messages import ANTHROPIC_MESSAGES
from caveat.wire.dialect import Dialect
from caveat.wire.openai_chat import OPENAI_CHAT
from caveat.wire.openai_embeddings import OPENAI_EMBEDDINGS
from caveat.wire.openai_responses import OPENAI_RESPONSES

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (OPENAI_CHAT, OPENAI_RESPONSES, OPENAI_EMBEDDINGS, ANTHROPIC_MESSAGES, ANTHROPIC_COUNT_TOKENS)
}

BY_PATH: dict[str, Dialect] = {path: dialect for dialect in DIALECTS.values() for path in dialect.paths}

COUNTED_BY = {"anthropic_messages": ("anthropic_count_tokens",)}
"""Dialects that whoever serves another serves as well: settings and manifests do not name them."""


def spoken(dialects: Iterable[str]) -> tuple[str, ...]:
    """These dialects and those that go with them."""
    return tuple(name for one in dialects for name in (one, *COUNTED_BY.get(one, ())))
