"""`caveat hold`: calls that wait for a person: list, show, approve, grant, deny."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec import Struct

from caveat.canon import unb64
from caveat.cli.approver import signing_key
from caveat.cli.files import read_bytes, write_new
from caveat.cli.output import Json, emit, say, table
from caveat.cli.remote import Where, at_home
from caveat.cli.waiver import day
from caveat.errors import BadInput, NotVerified
from caveat.waivers.hold import Ask, body_name, read_ask
from caveat.waivers.hold import approve as add_approval

app = typer.Typer(help="Calls that wait for a person: list, show, approve, grant, deny.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="The hold's id, as the refusal named it.")]
File = Annotated[Path, typer.Argument(help="The file that `caveat hold show ID --out FILE` wrote.")]


class HoldFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What approvers carry: what they sign, and beside it the salt and the body (base64) that it names."""

    sign: str
    salt: str
    body: str
    terms: str


@app.command("list")
def list_holds(home: Where = None, *, as_json: Json = False) -> None:
    """Held calls that wait for an answer, oldest first."""
    found = at_home(home).ask("GET", "/holds")["holds"]
    if as_json:
        emit({"holds": found})
        return
    columns = ("hold", "caller", "purpose", "model", "clauses", "held", "lapses")
    table(
        columns,
        [
            (
                h["hold"],
                h["caller"],
                h["purpose"],
                h["model"],
                ", ".join(h["clauses"]),
                day(h["from_ms"]),
                day(h["until_ms"]),
            )
            for h in found
        ],
    )
    say("next: `caveat hold show ID --out FILE` shows one" if found else "no call waits for an answer")


@app.command("show")
def show(
    hold: Id,
    home: Where = None,
    *,
    output: Annotated[Path | None, typer.Option("--out", help="Where to write the file that approvers sign.")] = None,
    as_json: Json = False,
) -> None:
    """Show a held call with its words, and write the file that approvers sign.  The file holds the words too."""
    raw = msgspec.json.encode(at_home(home).ask("GET", f"/holds/{hold}"))
    ask, body = _checked(_read(raw))
    if output:
        write_new(output, raw, mode=0o600)
    if as_json:
        emit({"ask": ask, "body": body.decode(errors="replace"), "file": str(output or "")})
        return
    _tell(ask, body)
    say(f"next: `caveat hold approve {output or 'FILE'} --key KEY`, or `caveat hold deny {hold}`")


@app.command("approve")
def approve(
    file: File, key: Annotated[Path, typer.Option(help="Your own signing key.")], *, as_json: Json = False
) -> None:
    """Sign, as an approver, that this very call may go through, once."""
    signer = signing_key(key)
    held = _read(read_bytes(file))
    ask, body = _checked(held)
    signed = msgspec.structs.replace(held, sign=add_approval(held.sign.encode(), signer).decode())
    write_new(file, msgspec.json.encode(signed), replacing=True, mode=0o600)
    if as_json:
        emit({"hold": ask.hold, "file": str(file), "signed_as": signer.name})
        return
    _tell(ask, body)
    say(f"signed as `{signer.name}`; next: `caveat hold grant {file}`, once as many have signed as the clause wants")


@app.command("grant")
def grant(file: File, home: Where = None, *, as_json: Json = False) -> None:
    """Put approvals on record; the caller then sends the same bytes again with the header `Caveat-Hold`."""
    done = at_home(home).ask("POST", "/holds", _read(read_bytes(file)).sign.encode())
    if as_json:
        emit(done)
    else:
        say(f"released, for one call; its caller sends it again with the header `Caveat-Hold: {done['released']}`")


@app.command("deny")
def deny(hold: Id, home: Where = None, *, as_json: Json = False) -> None:
    """Deny a held call, on record; its words leave the vault."""
    done = at_home(home).ask("DELETE", f"/holds/{hold}")
    if as_json:
        emit(done)
    else:
        say(f"{hold} is denied")


def _read(raw: bytes) -> HoldFile:
    try:
        return msgspec.json.decode(raw, type=HoldFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput("this file holds no held call", hint="`caveat hold show ID --out FILE` writes one") from None


def _checked(held: HoldFile) -> tuple[Ask, bytes]:
    """What is asked, and the body that it names.  Raises NotVerified where it names another."""
    ask, _ = read_ask(held.sign.encode())
    try:
        body, salt = unb64(held.body), bytes.fromhex(held.salt)
    except ValueError:
        raise BadInput("this file holds no held call") from None
    if body_name(ask.dialect, body, salt) != ask.body:
        raise NotVerified("the words in this file are not those that would be approved", step="hold")
    return ask, body


def _tell(ask: Ask, body: bytes) -> None:
    say(f"{ask.hold}: `{ask.caller}` asks `{ask.model}` for `{ask.purpose}`, marking rank {ask.rank}")
    say(f"held by {', '.join(f'`{id_}`' for id_ in ask.clauses)}, lapses {day(ask.until_ms)}")
    say(body.decode(errors="replace"))
