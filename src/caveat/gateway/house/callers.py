"""Who calls, and what their headers declare.

A key is accepted as `Authorization: Bearer` or `x-api-key`.  Headers only tighten what the key allows; facts.gather
holds that rule, this file only reads them.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping

from msgspec.structs import replace

from caveat.errors import BadInput, Refused
from caveat.facts import Declared
from caveat.register import ROLES, CallerKey

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

HEADERS = ("caveat-purpose", "caveat-marking", "caveat-case", "caveat-hold")
"""What a caller may declare."""

NO_KEY_HINT = "send it as `Authorization: Bearer KEY` or `x-api-key: KEY`; an operator makes one with `caveat keys new`"


def new_key_text() -> str:
    """A caller's key: `cav-` and 256 random bits."""
    return "cav-" + secrets.token_urlsafe(32)


def secret_digest(text: str) -> str:
    """How a key's text is kept: its SHA-256 (the text holds 256 random bits)."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def authenticate(headers: Mapping[str, str], by_secret: Mapping[str, CallerKey], *, loopback: bool) -> CallerKey:
    """The live key that the request bears.

    Raises Refused `invalid_key` where there is none, `sample_key` for a sample key off the loopback address.
    """
    bearer = headers.get("authorization", "")
    text = bearer[7:].strip() if bearer[:7].lower() == "bearer " else headers.get("x-api-key", "")
    key = by_secret.get(secret_digest(text)) if text else None
    if key is None:
        what = "the key is not known here, or was revoked" if text else "no key came with the request"
        raise Refused(what, code="invalid_key", status=401, hint=NO_KEY_HINT)
    if key.sample and not loopback:
        raise Refused(
            "a sample key is for trying out on this machine, and this gateway listens beyond it",
            code="sample_key",
            hint="make a key with `caveat keys new`",
        )
    return key


def check_live(key: CallerKey, by_secret: Mapping[str, CallerKey]) -> CallerKey:
    """The key as it is now: its budget may be another.  Raises Refused `invalid_key` where it was revoked since the
    request bore it."""
    live = by_secret.get(key.secret_digest)
    if live is key:
        return key
    if live is None or replace(live, budget=key.budget) != key:
        raise Refused("the key was revoked while the call came in", code="invalid_key", status=401)
    return live


def check_key(key: CallerKey) -> None:
    """Raises BadInput for a key that should not be made: a role that is none, a name or a digest of another form.

    A name stands in the clear in the ledger, so it is a word and no text.
    """
    if key.role not in ROLES:
        raise BadInput(f"expected a role of {', '.join(ROLES)}, got `{key.role}`")
    if not NAME.fullmatch(key.caller.id):
        raise BadInput("a key's name is 1 to 100 letters, digits, dots, dashes, underscores or at signs")
    if not DIGEST.fullmatch(key.secret_digest):
        raise BadInput("expected the digest of a key's text, `sha256:` and 64 hex digits")


def require(key: CallerKey, *roles: str) -> None:
    """Raises Refused `role_missing` unless the key has one of the roles."""
    if key.role not in roles:
        raise Refused(
            f"this needs the role {' or '.join(roles)}, and the key has the role {key.role}",
            code="role_missing",
            hint="an operator makes keys with roles: `caveat keys new --role auditor`",
        )


def check_known(headers: Mapping[str, str]) -> None:
    """Raises Refused `header_invalid` for a `Caveat-` header that is none of ours: it was meant to change something."""
    unknown = [name for name in headers if name.startswith("caveat-") and name not in HEADERS]
    if unknown:
        raise Refused(
            f"there is no header `{unknown[0][:80]}`",
            code="header_invalid",
            status=400,
            hint=f"there are {', '.join(f'`{name}`' for name in HEADERS)}",
        )


def declared(headers: Mapping[str, str]) -> Declared:
    """What the caller's headers say of the call; facts.gather checks each against the key.  Raises Refused as
    check_known does."""
    check_known(headers)
    return Declared(
        purpose=headers.get("caveat-purpose", ""),
        marking=headers.get("caveat-marking", ""),
        case=headers.get("caveat-case", ""),
    )
