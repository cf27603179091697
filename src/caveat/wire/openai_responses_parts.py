"""OpenAI Responses: the parts of an item of an answer, and the fields that items and parts have in common.

Channels are those of openai_responses_items.  Source: the same.
"""

from typing import Any

from caveat.wire.body import strings
from caveat.wire.fields import Field, array, by, integer, known, number, optional, table, wrong
from caveat.wire.heard import identifier, said
from caveat.wire.openai_responses_told import Told

MAX_INDEX = 1023
IDENTIFIER = optional(identifier)
COUNT = optional(number())
KNOWN = {"type": known}


def whole(suffix: str) -> Field:
    """Any JSON that comes whole: every string and member name of it is Said, one a line."""

    def read(value: Any, _at: str, told: Told) -> None:
        words = strings(value)
        if words:
            told.whole(suffix, "\n".join(words) + "\n")

    return read


def echo(name: str) -> Field:
    """A member that the provider repeats from the request; see Told.echo."""

    def read(value: Any, _at: str, told: Told) -> None:
        told.echo(name, value)

    return read


def numbered(inner: Field, field: Field, suffix: str = "") -> Field:
    """An array of parts, each with a channel prefix of its own: the item's, and its number."""

    def read(value: Any, at: str, told: Told) -> None:
        inner(value, at, told)
        prefix = told.prefix
        for index, one in enumerate(value):
            told.prefix = f"{prefix}/{index}{suffix}"
            field(one, f"{at}/{index}", told)
        told.prefix = prefix

    return read


_TOKEN = {"token": known, "logprob": COUNT, "bytes": optional(array(integer(0, 255)))}
_ALTERNATIVES = array(table(_TOKEN))
_CHOSEN = array(table({**_TOKEN, "top_logprobs": optional(_ALTERNATIVES)}, ["token"]))


def logprobs(value: Any, at: str, told: Told) -> None:
    """The tokens, and for each the other tokens that might have come, likeliest first: each rank a text of its own."""
    _CHOSEN(value, at, told)
    texts: dict[str, list[str]] = {}
    for one in value:
        ranks = enumerate(one.get("top_logprobs") or ())
        for suffix, token in (("", one), *((f"/{rank}", other) for rank, other in ranks)):
            texts.setdefault(f"/logprobs{suffix}", []).append(_token(token, at))
    for suffix, tokens in texts.items():
        text = "".join(tokens)
        if not told.repeats:
            told.say(suffix, text)
        elif text != told.told(suffix):
            told.whole(f"{suffix}/again", text)


def _token(value: Any, at: str) -> str:
    token = value.get("token", "")
    if type(token) is not str:
        raise wrong("a string", token, at)
    return token


_ANNOTATIONS = numbered(array(known), whole("/annotation"))
PART = by(
    "type",
    {
        "output_text": table(
            {
                **KNOWN,
                "text": said("/text"),
                "annotations": optional(_ANNOTATIONS),
                "logprobs": optional(logprobs),
            },
            ["text"],
        ),
        "refusal": table({**KNOWN, "refusal": said("/refusal")}, ["refusal"]),
        "reasoning_text": table({**KNOWN, "text": said("/reasoning")}, ["text"]),
        "summary_text": table({**KNOWN, "text": said("/summary")}, ["text"]),
    },
)
PARTS = numbered(array(known), PART)
