"""The one settings file, `caveat.toml`: what an operator chooses, typed, checked and read once at start-up.

Rules of this file:

- a key that is not known is refused with its place and the nearest known key, never ignored;
- no key of an upstream stands in it, only the file or the environment variable that holds one;
- paths in it are relative to the folder that it lies in;
- the environment overrides nothing (CAVEAT_HOME chooses the home, see home.py).

Its JSON Schema is docs/caveat.schema.json (`schema_text` makes it); `caveat init` writes `default_text`.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from caveat.errors import BadInput
from caveat.gateway.home.addresses import base_url, host_and_port
from caveat.gateway.home.secret import Secret, checked_secret, read_secret
from caveat.gateway.home.shape import fitted
from caveat.gateway.home.tables import NAME, GuardSettings, SealSettings, Settings, UpstreamSettings, WitnessSettings
from caveat.keys import KeyKind, read_verify_key


def load(path: Path) -> Settings:
    """The settings in a file.  Raises BadInput that names the file, the key and what was expected."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise BadInput(f"there is no settings file `{path}`", hint="`caveat init` makes a home with one") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"cannot read the settings file `{path}`: {reason}") from None
    try:
        return read(text)
    except BadInput as error:
        raise BadInput(f"in `{path}`: {error.message}", hint=error.hint) from None


def read(text: str) -> Settings:
    """The settings in a TOML text.  Raises BadInput."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"not TOML: {str(error)[:1].lower()}{str(error)[1:]}") from None
    tables = raw.pop("upstream", {})
    if not isinstance(tables, dict):
        raise BadInput("`upstream`: expected tables such as [upstream.local]")
    witnesses = raw.pop("witness", {})
    if not isinstance(witnesses, dict):
        raise BadInput("`witness`: expected tables such as [witness.office]")
    settings = msgspec.structs.replace(
        fitted(raw, Settings),
        upstream={name: _read_upstream(name, table) for name, table in tables.items()},
        witness={name: _read_witness(name, table) for name, table in witnesses.items()},
    )
    host_and_port(settings.gateway.address)
    _check_aliases(settings)
    if settings.recognizer.guard:
        base_url(settings.recognizer.guard.base_url, "recognizer.guard.base_url")
    return settings


def _read_witness(name: str, table: Any) -> WitnessSettings:
    if not re.fullmatch(NAME, name) or not isinstance(table, dict):
        raise BadInput(f"expected a table [witness.NAME] with a lower-case name, got `witness.{name}`")
    witness = fitted(table, WitnessSettings, f"witness.{name}.")
    if witness.url:
        base_url(witness.url, f"witness.{name}.url")
    try:
        kind = witness.verify_key.kind
    except BadInput as error:
        raise BadInput(f"`witness.{name}.key`: {error.message}", hint="the witness prints its key") from None
    if kind is KeyKind.NOTE:
        raise BadInput(f"`witness.{name}.key` is not a key that a witness signs with")
    return witness


def _read_upstream(name: str, table: Any) -> UpstreamSettings:
    if not re.fullmatch(NAME, name) or not isinstance(table, dict):
        raise BadInput(f"expected a table [upstream.NAME] with a lower-case name, got `upstream.{name}`")
    upstream = fitted(table, UpstreamSettings, f"upstream.{name}.")
    _check_upstream(f"upstream.{name}", upstream)
    return upstream


def _check_upstream(place: str, upstream: UpstreamSettings) -> None:
    if upstream.embedded:
        for key in ("base_url", "dialects", "key_file", "key_env", "ca_bundle", "identity"):
            if getattr(upstream, key):
                raise BadInput(f"`{place}.{key}` does not go with `embedded = true`", hint="take one of them out")
        if upstream.seal is not None and not upstream.seal.own:
            raise BadInput(f"the seal of `{place}` is run by this home: write `seal = {{ own = true }}`")
        return
    _check_seal(place, upstream.seal)
    base_url(upstream.base_url, f"{place}.base_url")
    if not upstream.dialects:
        raise BadInput(f"`{place}.dialects` names no wire format", hint='for example ["openai_chat"]')
    if upstream.key_file and upstream.key_env:
        raise BadInput(f"`{place}` has both `key_file` and `key_env`", hint="keep one")
    if upstream.pin and not upstream.base_url.startswith("https:"):
        raise BadInput(f"`{place}.identity` pins a TLS key, and `base_url` has no TLS")


def _check_seal(place: str, seal: SealSettings | None) -> None:
    if seal is None:
        return
    if seal.own:
        raise BadInput(f"`{place}.seal.own` goes with `embedded = true` alone", hint="name the seal's `vkey` instead")
    read_verify_key(seal.vkey)


def _check_aliases(settings: Settings) -> None:
    owners: dict[tuple[str, int], str] = {}
    for name, upstream in settings.upstream.items():
        for alias in upstream.models:
            first = owners.setdefault((alias, upstream.priority), name)
            if first != name:
                raise BadInput(
                    f"the model `{alias}` stands in `upstream.{first}` and in `upstream.{name}`, at one `priority`",
                    hint="give each its `priority` (the lowest is tried first), or one of them another name",
                )


def upstream_key(upstream: UpstreamSettings | GuardSettings, folder: Path, environ: dict[str, str]) -> Secret | None:
    """The gateway's key at an upstream, None where it has none.  Raises BadInput that never quotes it."""
    if upstream.key_file:
        return read_secret(folder / upstream.key_file)
    if upstream.key_env:
        return checked_secret(environ.get(upstream.key_env, ""), f"the environment variable `{upstream.key_env}`")
    return None


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the settings file, as a value."""
    made = msgspec.json.schema(Settings)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "caveat.toml", **made}


def schema_text() -> str:
    """The schema as it is published."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"
