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
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from caveat.errors import BadInput
from caveat.gateway.home.addresses import base_url, host_and_port, is_loopback
from caveat.gateway.home.secret import Secret, checked_secret, read_secret
from caveat.gateway.home.shape import fitted
from caveat.keys import KeyKind, VerifyKey, read_verify_key
from caveat.recognize.opinion import Speaks

MIB = 2**20

NAME = r"[a-z0-9][a-z0-9._-]{0,62}"
Name = Annotated[str, Meta(pattern=f"^{NAME}$")]
Positive = Annotated[int, Meta(ge=1)]
DialectName = Literal["openai_chat", "openai_responses", "openai_embeddings", "anthropic_messages"]

RoleName = Literal["viewer", "approver", "operator", "auditor"]
FailureName = Literal["unreachable", "timeout", "broke", "5xx", "429"]


class GatewaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[gateway]"""

    address: Annotated[str, Meta(description="host:port to listen on; port 0 takes any that is free")] = (
        "127.0.0.1:8484"
    )
    name: Annotated[Name, Meta(description="this gateway's name, in every record")] = "gw1"
    origin: Annotated[
        str, Meta(pattern=r"^[^\s+]{1,200}$", description="the log's name, first line of its checkpoints")
    ] = "localhost/caveat/gw1"
    network: Annotated[
        Literal["air-gapped", "enclave", "connected"], Meta(description="where the gateway stands (fact `network`)")
    ] = "connected"
    posture: Annotated[
        Literal["normal", "degraded", "emergency"], Meta(description="the operator's state (fact `posture`)")
    ] = "normal"
    marking_floor: Annotated[
        str, Meta(description='the lowest marking that any call on this network bears; "" for the profile\'s lowest')
    ] = ""
    workers: Annotated[int, Meta(ge=1, le=64, description="processes that answer calls; the ledger has one writer")] = 1
    max_body_bytes: Annotated[Positive, Meta(description="longest request body that is read")] = 16 * MIB
    body_timeout_s: Annotated[Positive, Meta(description="longest time that a request body may take, in seconds")] = 60
    max_reply_bytes: Annotated[Positive, Meta(description="longest reply that is not streamed")] = 16 * MIB
    language: Annotated[
        str, Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP 47; of messages to the operator")
    ] = "en"

    @property
    def host(self) -> str:
        """Where to listen: an IP address or a name, without brackets."""
        return host_and_port(self.address)[0]

    @property
    def port(self) -> int:
        """0 <= port <= 65535; 0 for any that is free."""
        return host_and_port(self.address)[1]

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the gateway; sample keys are refused otherwise."""
        return is_loopback(self.host)


class SealSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`seal` of an upstream: what stands before its model, takes permits and counts."""

    vkey: Annotated[str, Meta(max_length=400, description="the verify key of the seal that `base_url` leads to")] = ""
    own: Annotated[
        bool, Meta(description="run a seal with a key of this home before the embedded model: for trying out")
    ] = False


class UpstreamSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[upstream.NAME]"""

    base_url: Annotated[str, Meta(description="what stands before /v1/...; a trailing /v1 may be left on")] = ""
    dialects: Annotated[tuple[DialectName, ...], Meta(description="wire formats that it serves")] = ()
    models: Annotated[dict[str, str], Meta(description="alias for callers = the model's name at the upstream")] = {}
    key_file: Annotated[str, Meta(description="file that holds the gateway's key there")] = ""
    key_env: Annotated[str, Meta(description="environment variable that holds it instead")] = ""
    ca_bundle: Annotated[str, Meta(description="PEM file of the CAs to trust, instead of the system's")] = ""
    timeout_s: Annotated[Positive, Meta(description="longest silence, in seconds")] = 600
    connect_timeout_s: Annotated[Positive, Meta(description="longest wait for a connection, in seconds")] = 10
    identity: Annotated[
        str,
        Meta(
            pattern=r"^$|^weights:sha256:[0-9a-f]{64}$|^endpoint:sha256:[0-9a-f]{64}$",
            description="weights:sha256:... where you know the weights, or endpoint:sha256:... to pin its TLS key",
        ),
    ] = ""
    priority: Annotated[
        int, Meta(ge=0, le=1000, description="among upstreams that serve one alias, the lowest is tried first")
    ] = 0
    fall_back_on: Annotated[
        tuple[FailureName, ...],
        Meta(description="failures after which another attempt is made, while nothing of a reply has left"),
    ] = ("unreachable", "timeout", "broke", "5xx")
    retries: Annotated[int, Meta(ge=0, le=5, description="attempts here after such a failure, before the next")] = 0
    seal: Annotated[
        SealSettings | None, Meta(description="the seal before the model, where there is one; terms may demand it")
    ] = None
    embedded: Annotated[bool, Meta(description="the model that comes with Caveat, in a process of its own")] = False

    @property
    def pin(self) -> str:
        """The TLS key's digest that `identity` fixes, "" where it does not."""
        return self.identity.removeprefix("endpoint:") if self.identity.startswith("endpoint:") else ""


class LedgerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[ledger]"""

    checkpoint_interval_ms: Annotated[
        int, Meta(ge=50, le=60_000, description="a checkpoint follows an append within this time")
    ] = 1000
    min_free_mb: Annotated[int, Meta(ge=1, description="with less free disk than this, calls are refused")] = 64


class GuardSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[recognizer.guard]"""

    base_url: Annotated[str, Meta(description="what stands before /v1/...; a trailing /v1 may be left on")]
    model: Annotated[str, Meta(min_length=1, description="the guard model's name there")]
    speaks: Annotated[Speaks, Meta(description="the form of its answers")]
    timeout_ms: Annotated[
        int, Meta(ge=1, le=60_000, description="an opinion that takes longer counts as not given (fact `guard`)")
    ] = 2000
    key_file: Annotated[str, Meta(description="file that holds the gateway's key there")] = ""
    key_env: Annotated[str, Meta(description="environment variable that holds it instead")] = ""
    ca_bundle: Annotated[str, Meta(description="PEM file of the CAs to trust, instead of the system's")] = ""


class RecognizerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[recognizer]"""

    learned: Annotated[
        bool, Meta(description="read every text with the learned recognizer too; costs milliseconds of CPU a call")
    ] = False
    guard: Annotated[
        GuardSettings | None, Meta(description="a guard model that gives a second opinion where a clause looks at it")
    ] = None


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[store]"""

    kind: Annotated[Literal["files"], Meta(description="where ledger and vault are kept")] = "files"


class WitnessSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[witness.NAME]"""

    url: Annotated[
        str, Meta(description='prefix of its c2sp.org/tlog-witness API; "" for one that cosigns files by hand')
    ] = ""
    key: Annotated[str, Meta(description="its verify key, as it prints it; asked of its keeper by another way")] = ""
    ca_bundle: Annotated[str, Meta(description="PEM file of the CAs to trust, instead of the system's")] = ""

    @property
    def verify_key(self) -> VerifyKey:
        """The key as a value.  Raises BadInput."""
        return read_verify_key(self.key)


class OidcSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[console.oidc]"""

    issuer: Annotated[str, Meta(description='the OpenID provider\'s address; "" for none')] = ""
    client_id: Annotated[str, Meta(description="the console's name there")] = ""
    client_secret_file: Annotated[str, Meta(description="file that holds the console's secret there")] = ""
    role_claim: Annotated[str, Meta(description="claim of the identity token that says what a person may")] = "groups"
    roles: Annotated[
        dict[str, RoleName], Meta(description="a word of that claim = viewer, approver, operator or auditor")
    ] = {}
    ca_bundle: Annotated[str, Meta(description="PEM file of the CAs to trust, instead of the system's")] = ""


class ConsoleSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[console]"""

    url: Annotated[
        str, Meta(description="https address under which browsers reach the gateway; beyond loopback it is needed")
    ] = ""
    session_hours: Annotated[int, Meta(ge=1, le=24, description="a person logs in again after this time")] = 8
    oidc: Annotated[OidcSettings, Meta(description="an OpenID provider by which persons log in")] = OidcSettings()


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file.  `upstream` is by name."""

    gateway: GatewaySettings = GatewaySettings()
    upstream: dict[Name, UpstreamSettings] = {}
    witness: dict[Name, WitnessSettings] = {}
    ledger: LedgerSettings = LedgerSettings()
    recognizer: RecognizerSettings = RecognizerSettings()
    store: StoreSettings = StoreSettings()
    console: ConsoleSettings = ConsoleSettings()


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
