"""`caveat waiver approver`: who may approve exceptions.  Each party names persons of its own side, with a file."""

from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from caveat.canon import digest
from caveat.cli.files import read_bytes, signing_key, write_new
from caveat.cli.output import Json, emit, say, table
from caveat.cli.party import fingerprint
from caveat.cli.remote import Where, at_home
from caveat.cli.sections import Sections
from caveat.errors import BadInput, Refused
from caveat.gateway.parties.directory import PartyDir
from caveat.keys import SigningKey
from caveat.waivers.approvers import Approver, Side, check_person, name_approver
from caveat.waivers.passkeys import Passkey, read_approver_key

app = typer.Typer(
    cls=Sections, help="Who may approve waivers and held calls: name, add, list, remove.", no_args_is_help=True
)


def check_not_own(requester: str, signer: str) -> None:
    """Raises Refused where the key bears the name of the person who asked; under another name it counts as whose the parties
    have said that it is, once it is granted."""
    if signer == requester:
        raise Refused(
            f"`{requester}` asked for this waiver, and nobody approves what they asked for themselves",
            hint="take the file to the approvers: `caveat waiver approver list` says who they are",
        )


@app.command("name")
def name(
    person: Annotated[str, typer.Argument(help="The word by which the person is known: `anna`, `b.miller`.")],
    *,
    vkey: Annotated[str, typer.Option(help="The person's verify key, of `caveat party init` or a passkey's.")],
    output: Annotated[Path, typer.Option("--out", help="Where to write the signed file.")],
    side: Annotated[
        str, typer.Option(help="operator or vendor: which party they approve for; a directory knows it.")
    ] = "",
    key: Annotated[Path | None, typer.Option(help="That party's signing key, where it keeps no repository.")] = None,
    party: Annotated[
        Path | None, typer.Option("--party", help="The party's directory: the person is then bound to its root.")
    ] = None,
    title: Annotated[str, typer.Option("--name", help="The person's name in full.")] = "",
    as_json: Json = False,
) -> None:
    """Name, as a party, a person who may approve for your side.  The file travels to the operator's gateway."""
    signer, role, root = _named_by(key, party)
    side = side or role
    if side not in get_args(Side) or role not in ("", side):
        raise BadInput(f"expected a side of operator or vendor, the party's own, got `{side}`")
    approver = Approver(1, check_person(person), title or person, vkey, cast("Side", side), root)
    write_new(output, name_approver(approver, signer))
    if as_json:
        emit({"person": person, "side": side, "file": str(output)})
        return
    say(f"{output} names `{person}` as one who approves for the {side}")
    say(f"compare the key's fingerprint with them by voice: {fingerprint(read_approver_key(vkey))}")
    say(f"next: the operator runs `caveat waiver approver add {output}`")


def _named_by(key: Path | None, party: Path | None) -> tuple[SigningKey, str, str]:
    """The key that signs, the party's role, and its root's digest; "" for both where it keeps no repository."""
    if (key is None) == (party is None):
        raise BadInput("expected either `--party DIRECTORY`, or `--key KEY` where no repository is kept")
    if key is not None:
        return signing_key(key), "", ""
    assert party is not None
    own = PartyDir(party)
    keys = own.signing_keys()
    if not keys:
        raise BadInput(f"no terms key lies in `{party}/keys`")
    charter = own.charter()
    return keys[0], charter.role, digest(charter.root.encode())


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="The signed file.")], home: Where = None, *, as_json: Json = False
) -> None:
    """Let a person approve whom their party has named."""
    done = at_home(home).ask("POST", "/approvers", read_bytes(file))
    if as_json:
        emit(done)
    else:
        say(f"`{done['approver']}` may approve from here on")


@app.command("list")
def list_approvers(home: Where = None, *, as_json: Json = False) -> None:
    """Who may approve, a row for each of their keys."""
    found = at_home(home).ask("GET", "/approvers")["approvers"]
    if as_json:
        emit({"approvers": found})
        return
    table(("person", "name", "side", "key"), [(a["person"], a["name"], _side(a), _key(a["vkey"])) for a in found])
    if not found:
        say("nobody may approve yet; a party names a person with `caveat waiver approver name`")


@app.command("remove")
def remove(
    person: Annotated[str, typer.Argument(help="The person's word.")], home: Where = None, *, as_json: Json = False
) -> None:
    """Let a person approve no more.  What they approved before stays in force."""
    done = at_home(home).ask("DELETE", f"/approvers/{check_person(person)}")
    if as_json:
        emit(done)
    else:
        say(f"`{person}` approves no more; to end a waiver that stands: `caveat waiver end ID`")


def _side(approver: dict[str, Any]) -> str:
    """The side; of a vendor's, the vendor too, under whose terms alone they count."""
    named = approver["by"][0].split("+")[0]
    return f"vendor: {named}" if approver["side"] == "vendor" else approver["side"]


def _key(vkey: str) -> str:
    """A key for a table: a passkey's line is long, and its domain tells more."""
    key = read_approver_key(vkey)
    return f"passkey {key.name}+{key.id.hex()} of {key.rp_id}" if isinstance(key, Passkey) else vkey
