"""The keys that a house works with: the log's two and the vault's, made at its founding and kept in keys/."""

import secrets

from caveat.errors import BadInput
from caveat.gateway.home.directory import Home
from caveat.keys import read_signing_key
from caveat.ledger.checkpoint import LogKeys, log_keys, new_log_keys

OPERATOR_KEY = "operator.key"
"""The file in keys/ with the key of the home's own operator."""


def house_keys(home: Home, origin: str) -> tuple[LogKeys, bytes]:
    """The log's two keys and the vault's, made where they are not there yet."""
    if not (home.keys / "log").exists():
        made = new_log_keys(origin)
        home.write_key("log", "\n".join(key.text for key in made.signing).encode() + b"\n")
    if not (home.keys / "vault").exists():
        home.write_key("vault", secrets.token_bytes(32))
    lines = home.read_key("log").decode("ascii").split()
    keys = log_keys([read_signing_key(line) for line in lines])
    if keys.origin != origin:
        raise BadInput(
            f"the log key is for `{keys.origin}`, and the settings name the log `{origin}`",
            hint="put the origin in caveat.toml back: a log never changes its name",
        )
    return keys, home.read_key("vault")
