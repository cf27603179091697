"""A seal's settings: `seal.toml` in a folder that holds everything of it.

    seal.toml     these settings                 journal       what it counted (journal.py)
    seal.key      its signing key, mode 0600     checkpoint    the newest of the gateway's log (newest.py)

    model = "weights:sha256:9f2c..."              # as the terms identify it
    permits = ["gw1.permits+1a2b3c4d+AbC..."]     # whose permits it takes
    log = ["log.example.org+33d7b496+AeHT..."]    # the keys of that gateway's log

Rules of this file: unknown keys are refused; the key is given by the vendor, and is not made here.
"""

import ssl
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from caveat.errors import BadInput
from caveat.keys import KeyKind, SigningKey, VerifyKey, read_signing_key, read_verify_key

FILE = "seal.toml"
KEY = "seal.key"
JOURNAL = "journal"
CHECKPOINT = "checkpoint"


class Engine(Struct, frozen=True, forbid_unknown_fields=True):
    """The model's server.

    address   `http://host:port`, or the path of its unix socket; "" where `command` starts it
    key_file  holds the key that it wants, "" for none
    command   starts it: a key that nobody else has goes to its standard input, and it answers with a line of JSON,
              {"address": "http://127.0.0.1:41234"}
    ca_bundle PEM file in the seal's folder, of the authorities that count for its `https` address; "" for the system's
    counters  how its Prometheus page is read: llama.cpp, vllm, or "" where it has none
    """

    address: str = ""
    key_file: str = ""
    ca_bundle: str = ""
    command: tuple[str, ...] = ()
    counters: Literal["llama.cpp", "vllm", ""] = ""
    keeps: bool = True


class SealSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file.

    weights      the file that the engine loads, "" where it cannot be named: its digest is compared with `model` at start
    access_file  holds a key that every request must bear beside its permit, "" for none
    tls_certificate, tls_key   PEM files; without them it should listen on this machine only
    beat_s       longest time between two beats
    open_paths   what may be read without a permit, and never reaches the model
    """

    model: Annotated[str, Meta(pattern=r"^[!-~]{1,300}$")]
    permits: Annotated[tuple[str, ...], Meta(min_length=1)]
    log: Annotated[tuple[str, ...], Meta(min_length=1)]
    engine: Engine = Engine()
    address: str = "127.0.0.1:8585"
    weights: str = ""
    access_file: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    beat_s: Annotated[int, Meta(ge=1, le=60)] = 60
    open_paths: tuple[str, ...] = ("/health",)

    def permit_keys(self) -> tuple[VerifyKey, ...]:
        """Whose permits it takes.  Raises BadInput."""
        return tuple(read_verify_key(text) for text in self.permits)

    def log_keys(self) -> tuple[VerifyKey, ...]:
        """The log's keys.  Raises BadInput where they are not one log's."""
        keys = tuple(read_verify_key(text) for text in self.log)
        if len({key.name for key in keys}) != 1:
            raise BadInput("`log` names keys of several logs", hint="a seal stands behind one gateway's log")
        return keys


def load(folder: Path) -> SealSettings:
    """The settings in a folder.  Raises BadInput."""
    path = folder / FILE
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(raw, SealSettings)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"cannot read `{path}`: {reason}", hint="docs/seal.md shows one") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        said = str(error)
        raise BadInput(f"in `{path}`: {said[:1].lower()}{said[1:]}", hint="docs/seal.md shows one") from None


def signing_key(folder: Path) -> SigningKey:
    """The seal's own key.  Raises BadInput where there is none, others could have read it, or it is of another kind."""
    path = folder / KEY
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadInput(f"the key `{path}` can be read by others", hint=f"chmod 600 {path}, or ask for a new key")
        key = read_signing_key(path.read_text("ascii").strip())
    except OSError as error:
        raise BadInput(f"cannot read the seal's key `{path}`: {error.strerror}", hint="the vendor gives it") from None
    if key.kind is not KeyKind.NOTE:
        raise BadInput(f"the key `{path}` is not a plain Ed25519 key")
    return key


def engine_tls(folder: Path, engine: Engine) -> ssl.SSLContext | None:
    """How the engine's certificate is checked, None for the system's way.  Raises BadInput."""
    if not engine.ca_bundle:
        return None
    try:
        return ssl.create_default_context(cafile=folder / engine.ca_bundle)
    except (OSError, ssl.SSLError):
        raise BadInput(
            f"cannot read the CA bundle `{folder / engine.ca_bundle}`",
            hint="`engine.ca_bundle` names a file of PEM certificates",
        ) from None


def secret_in(folder: Path, name: str) -> str:
    """The secret in a file named by the settings, "" where they name none.  Raises BadInput that never quotes it."""
    if not name:
        return ""
    try:
        return (folder / name).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"cannot read the secret in `{folder / name}`") from None
