"""The seal that a home runs itself, before its embedded model: its folder, its key, its settings.

A seal whose key lies in the operator's home shows mistakes and other programs on the machine, not a determined operator:
docs/trust.md says what the vendor's own seal shows.  Everything else about it is the same.

Rules of this file: the key is made once; the settings are written anew at each start, for they name where things lie.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from caveat.errors import BadInput
from caveat.gateway.home.directory import Home
from caveat.gateway.home.files import write_once, write_whole
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.home.tables import Settings, UpstreamSettings
from caveat.gateway.model.manifest import Manifest
from caveat.gateway.model.store import SMOLLM2
from caveat.keys import SigningKey, new_signing_key, read_signing_key
from caveat.seal.settings import FILE, KEY, signing_key

PERMITS = "permits"
"""The file in keys/ of the key that signs this gateway's permits."""


def permit_key(home: Home, settings: Settings) -> SigningKey:
    """The key that signs this gateway's permits, made where it is not there yet."""
    if not (home.keys / PERMITS).exists():
        made = new_signing_key(f"{settings.gateway.origin}/{settings.gateway.name}.permits")
        home.write_key(PERMITS, made.text.encode() + b"\n")
    return read_signing_key(home.read_key(PERMITS).decode("ascii").strip())


def own_seal_key(home: Home, settings: Settings, upstream: str) -> SigningKey:
    """The key of the seal before that upstream, made where it is not there yet."""
    folder = home.seals / upstream
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / KEY).exists():
        made = new_signing_key(f"{settings.gateway.origin}/{upstream}.seal")
        write_once(folder / KEY, made.text.encode() + b"\n")
    return signing_key(folder)


def prepare(home: Home, settings: Settings, upstream: str, manifest: Manifest, engine: Sequence[str]) -> Path:
    """The seal's folder, ready for its start; `engine` is the command that starts the model."""
    own_seal_key(home, settings, upstream)
    log, _ = house_keys(home, settings.gateway.origin)
    lines = {
        "model": manifest.identity,
        "permits": [permit_key(home, settings).verify_key.text],
        "log": [key.text for key in log.verify_keys],
        "address": "127.0.0.1:0",
    }
    text = "# written at each start by the gateway whose home this is\n"
    text += "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
    text += f'[engine]\ncommand = {json.dumps(list(engine))}\ncounters = "llama.cpp"\nkeeps = false\n'
    folder = home.seals / upstream
    write_whole(folder / FILE, text.encode())
    return folder


def engine_command(manifest: Manifest, weights: Path) -> list[str]:
    """What a seal starts the embedded model with."""
    command = [sys.executable, "-m", "caveat.gateway.model.process", "--metrics", "--model", str(weights)]
    return [*command, "--alias", manifest.alias, "--context", str(manifest.context_tokens)]


def seals_block(home: Home, settings: Settings, aliases: Sequence[str]) -> bytes:
    """The block `seals:` of terms that enrol the seals of this home before those models; b"" where it runs none."""
    rows = []
    for name, chosen in settings.upstream.items():
        models = [alias for alias in _aliases(chosen) if alias in aliases]
        if chosen.seal is not None and chosen.seal.own and models:
            vkey = own_seal_key(home, settings, name).verify_key.text
            row = {"vkey": vkey, "models": models, "permits": [permit_key(home, settings).verify_key.text]}
            rows.append(f"  - {json.dumps(row)}\n")
    return b"".join([b"\nseals:\n", *(row.encode() for row in rows)]) if rows else b""


def _aliases(chosen: UpstreamSettings) -> list[str]:
    return list(chosen.models) or [SMOLLM2.alias]


def check_alone(chosen: UpstreamSettings) -> None:
    """Raises BadInput for a seal of its own before something that is no embedded model."""
    if chosen.seal is not None and chosen.seal.own and not chosen.embedded:
        raise BadInput("a home runs a seal of its own before an embedded model alone")
