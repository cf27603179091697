"""A call in the normal form: what every dialect's request becomes before anyone decides about it.

Rule of this file: a `Call` exists only once its whole body was read.  Every string in the body is a `Part`,
or belongs to a field that the dialect's table calls a bounded non-text value; what is neither stands in
`unlisted` or `unread`, and it is then for a clause to let it pass.
"""

from typing import Literal

from msgspec import Struct

Voice = Literal["system", "user", "model", "tool", "definition", "field"]
"""Who speaks in a part.  `definition`: a tool's name, description or schema.  `field`: any other text-bearing
field (a stop sequence, a response schema, metadata, a field that no table knows)."""

Media = Literal["text", "image", "audio", "file"]


class Part(Struct, frozen=True, gc=False):
    """One piece of a call's content.

    `at` is the RFC 6901 pointer into the body.  `text` is the decoded string, or "" where `media` is not text
    (its pointer then stands in `Call.unread`).
    """

    at: str
    voice: Voice
    text: str
    media: Media = "text"


class Tool(Struct, frozen=True, gc=False):
    """A tool that the request offers to the model; `at` points at its definition."""

    name: str
    at: str


class Call(Struct, frozen=True):
    """One request, wholly read.

    dialect            key of wire.DIALECTS: "openai_chat", "anthropic_messages", ...
    operation          OTel gen_ai.operation.name: "chat", "embeddings", ...
    model              the model's name as the caller wrote it
    parts              in body order
    tools              tool definitions offered
    streams            whether the caller asked for server-sent events
    choices            how many answers were asked for, >= 1
    max_output_tokens  the caller's limit, None where the dialect has none or none was given
    unlisted           pointers of fields that only a clause's `fields:` can let pass (their strings are Parts too)
    unread             pointers of parts that no recognizer reads (an image, a file by reference)
    structured         whether the reply's shape was dictated (a schema, a grammar, a forced tool)
    body               the caller's bytes, exactly
    """

    dialect: str
    operation: str
    model: str
    parts: tuple[Part, ...]
    tools: tuple[Tool, ...]
    streams: bool
    choices: int
    max_output_tokens: int | None
    unlisted: tuple[str, ...]
    unread: tuple[str, ...]
    structured: bool
    body: bytes
