"""A path at which nothing is: what its caller most likely meant.

The commonest reason is a base URL with a part too much or too little: OpenAI's SDKs put `/chat/completions` behind it,
Anthropic's `/v1/messages`.
"""

from caveat.errors import Refused
from caveat.wire.dialects import BY_PATH

LISTED = "/v1/models"
BASES = {"/v1/messages": "Anthropic's SDKs take it without a path"}
OPENAI_BASE = "OpenAI's SDKs take it with `/v1` at its end"
ELSEWHERE = (
    "model calls go to "
    + ", ".join(f"`{path}`" for path in BY_PATH if not path.startswith("/anthropic"))
    + f" or `{LISTED}`; "
    "persons look at `/console`, programs at `/caveat/v1/openapi.json`"
)


def nowhere(path: str) -> Refused:
    """The refusal, with where to go instead.  Never quotes the path."""
    return Refused("there is nothing at this path", code="not_found", status=404, hint=_hint(path.rstrip("/")))


def _hint(path: str) -> str:
    for known in sorted((*BY_PATH, LISTED), key=len, reverse=True):
        if path.endswith(known.removeprefix("/v1")) and not known.startswith("/anthropic"):
            base = next((says for begins, says in BASES.items() if known.startswith(begins)), OPENAI_BASE)
            return f"`{known}` may be meant: look at the base URL that the program was given; {base}"
    return ELSEWHERE
