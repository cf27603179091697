"""The tables of the settings file, `caveat.toml`, as values: each key with its type, its bounds and what it is for.

Rules of this file: what a key may be is said here, once; settings.py reads the file and checks how keys go together.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from caveat.gateway.home.addresses import host_and_port, is_loopback
from caveat.keys import VerifyKey, read_verify_key
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
