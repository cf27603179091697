"""Making a seal's folder: its key, which is the vendor's to make, and its settings.  Nothing is written over."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from caveat.errors import BadInput, Unavailable
from caveat.keys import VerifyKey, new_signing_key, read_verify_key
from caveat.seal.settings import FILE, KEY


class Wanted(Struct, frozen=True):
    """What a new seal stands before, and whom it knows.

    name     the seal's name: without spaces and `+`, best `vendor.example/seal-1`
    model    `weights:sha256:<hex>` or what the terms call it
    engine   address of the model's server
    permits, log   verify keys of the gateway's permits and of its log, as `caveat seal keys` prints them
    """

    name: str
    model: str
    engine: str
    permits: Sequence[str]
    log: Sequence[str]


def make_seal(folder: Path, wanted: Wanted) -> VerifyKey:
    """Make the folder, with a fresh key.  Raises BadInput for a key that is none, or where a seal is there already."""
    for text in (*wanted.permits, *wanted.log):
        read_verify_key(text)
    key = new_signing_key(wanted.name)
    lines = {"model": wanted.model, "permits": list(wanted.permits), "log": list(wanted.log)}
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
    text += f'address = "127.0.0.1:8585"\n\n[engine]\naddress = {json.dumps(wanted.engine)}\n'
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_new(folder / KEY, key.text + "\n")
    _write_new(folder / FILE, text)
    return key.verify_key


def terms_line(key: VerifyKey, model: str, permits: Sequence[str]) -> str:
    """How terms enrol that seal, as YAML."""
    row = {"vkey": key.text, "models": [model], "permits": list(permits)}
    return f"seals:\n  - {json.dumps(row)}\n"


def _write_new(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadInput(f"`{path}` exists and is not written over") from None
    except OSError as error:
        raise Unavailable(f"cannot write `{path}`: {error.strerror}") from None
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
