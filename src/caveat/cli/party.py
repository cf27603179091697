"""`caveat party`: a party's signing key, and its fingerprint to compare by voice."""

from pathlib import Path
from typing import Annotated

import typer

from caveat.canon import sha256
from caveat.cli.files import read_bytes, write_new
from caveat.cli.output import Json, emit, say
from caveat.keys import VerifyKey, new_signing_key, read_signing_key
from caveat.waivers.passkeys import ApproverKey

app = typer.Typer(help="A party's keys: init, show.", no_args_is_help=True)

KeyFile = Annotated[Path, typer.Argument(help="The key file.")]


@app.command("init")
def init(
    name: Annotated[str, typer.Argument(help="The key's name, such as example-labs.example/terms.")],
    file: KeyFile,
    *,
    as_json: Json = False,
) -> None:
    """Make a signing key for a party.  The file is for its owner alone; give others the verify key."""
    key = new_signing_key(name)
    write_new(file, key.text.encode() + b"\n", mode=0o600)
    _tell(key.verify_key, as_json=as_json)


@app.command("show")
def show(file: KeyFile, *, as_json: Json = False) -> None:
    """The verify key that belongs to a signing key, and its fingerprint."""
    _tell(read_signing_key(read_bytes(file, 4096).decode("ascii", "replace").strip()).verify_key, as_json=as_json)


def fingerprint(key: ApproverKey) -> str:
    """Eight groups of four hex digits of the SHA-256 of the verify key's text: short enough to read over a telephone."""
    digits = sha256(key.text.encode()).hex()[:32]
    return " ".join(digits[i : i + 4] for i in range(0, 32, 4))


def _tell(key: VerifyKey, *, as_json: bool) -> None:
    if as_json:
        emit({"name": key.name, "vkey": key.text, "fingerprint": fingerprint(key)})
        return
    say(f"verify key:   {key.text}")
    say(f"fingerprint:  {fingerprint(key)}")
    say("the other party enters the verify key; compare the fingerprint with them by voice")
