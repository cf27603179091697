"""`caveat hold`: calls and replies that wait for a person: list, show, approve, refuse, grant, deny."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec import Struct

from caveat.canon import unb64
from caveat.cli.files import read_bytes, signing_key, write_new
from caveat.cli.output import Json, emit, say, table
from caveat.cli.remote import Where, at_home
from caveat.cli.sections import Sections, examples
from caveat.cli.waiver import day
from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey
from caveat.waivers.hold import Ask, body_name, read_ask, reply_name
from caveat.waivers.hold import approve as add_approval
from caveat.waivers.hold import refuse as add_refusal
from caveat.wire.words import reply_words, request_words

app = typer.Typer(
    cls=Sections,
    help="Calls and replies that wait for a person: list, show, approve, refuse, grant, deny.",
    epilog=examples(
        "caveat hold list",
        "caveat hold show ID --out hold.json                 the words, and what approvers sign",
        "caveat hold approve hold.json --key anna.key        on Anna's machine",
        "caveat hold grant hold.json                         then the caller sends the same bytes with `Caveat-Hold: ID`",
    ),
    no_args_is_help=True,
)

Id = Annotated[str, typer.Argument(help="The hold's id, as the refusal named it.")]
File = Annotated[Path, typer.Argument(help="The file that `caveat hold show ID --out FILE` wrote.")]


class HoldFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What approvers carry: what they sign, and beside it the salt, and the body and the reply (base64) that it names."""

    sign: str
    salt: str
    body: str
    terms: str
    approvers: int = 1
    reply: str = ""
    reply_type: str = ""


class Words(Struct, frozen=True):
    """What a checked file is about: the call's words, and the reply's where that is what waits."""

    ask: Ask
    body: bytes
    reply: bytes
    streamed: bool

    def told(self) -> tuple[str, str]:
        """The call's words and the reply's, as a person reads them."""
        call = request_words(self.ask.dialect, self.body)
        reply = reply_words(self.ask.dialect, self.reply, streamed=self.streamed, asked=self.body)
        return _joined(call), _joined(reply) if self.ask.reply else ""


@app.command("list")
def list_holds(home: Where = None, *, as_json: Json = False) -> None:
    """Held calls and replies that wait for an answer, oldest first."""
    found = at_home(home).ask("GET", "/holds")["holds"]
    if as_json:
        emit({"holds": found})
        return
    columns = ("hold", "of", "caller", "purpose", "model", "clauses", "approvers", "held", "lapses")
    table(
        columns,
        [
            (
                h["hold"],
                h["of"],
                h["caller"],
                h["purpose"],
                h["model"],
                ", ".join(h["clauses"]),
                str(h["approvers"]),
                day(h["from_ms"]),
                day(h["until_ms"]),
            )
            for h in found
        ],
        whole="hold",
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
    """Show what waits with its words, and write the file that approvers sign.  The file holds the words too."""
    raw = msgspec.json.encode(at_home(home).ask("GET", f"/holds/{hold}"))
    held = _read(raw)
    words = _checked(held)
    if output:
        write_new(output, raw, mode=0o600)
    if as_json:
        call, reply = words.told()
        emit({"ask": words.ask, "call": call, "reply": reply, "approvers": held.approvers, "file": str(output or "")})
        return
    _tell(words, held.terms)
    say(f"it takes {held.approvers} approver(s) who are not `{words.ask.caller}`")
    say(f"next: `caveat hold approve {output or 'FILE'} --key KEY`, or `refuse` in its place")


@app.command("approve")
def approve(
    file: File, key: Annotated[Path, typer.Option(help="Your own signing key.")], *, as_json: Json = False
) -> None:
    """Sign, as an approver, that this very call may go through, or this very reply leave, once."""
    _sign(file, key, add_approval, "once as many have signed as the clause wants", as_json=as_json)


@app.command("refuse")
def refuse(
    file: File, key: Annotated[Path, typer.Option(help="Your own signing key.")], *, as_json: Json = False
) -> None:
    """Sign, as an approver, that it may not: one person is enough.  Approvals in the file go."""
    _sign(file, key, add_refusal, "which puts the refusal on record", as_json=as_json)


@app.command("grant")
def grant(file: File, home: Where = None, *, as_json: Json = False) -> None:
    """Put approvals on record; the caller then sends the same bytes again with the header `Caveat-Hold`.  Or a refusal."""
    held = _read(read_bytes(file))
    done = at_home(home).ask("POST", "/holds", held.sign.encode())
    if as_json:
        emit(done)
    elif "denied" in done:
        say(f"{done['denied']} is denied, by the person who signed; its words have left the vault")
    else:
        once = ", once: what is lost on its way to them is lost" if held.reply else ", for one call"
        say(f"released{once}; its caller sends it again with the header `Caveat-Hold: {done['released']}`")


@app.command("deny")
def deny(hold: Id, home: Where = None, *, as_json: Json = False) -> None:
    """Deny what waits, on record, without anybody's signature; its words leave the vault."""
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


def _sign(file: Path, key: Path, sign: Callable[[bytes, SigningKey], bytes], then: str, *, as_json: bool) -> None:
    """Check the words in the file, show them, and put a signature in."""
    signer = signing_key(key)
    held = _read(read_bytes(file))
    words = _checked(held)
    signed = msgspec.structs.replace(held, sign=sign(held.sign.encode(), signer).decode())
    write_new(file, msgspec.json.encode(signed), replacing=True, mode=0o600)
    if as_json:
        emit({"hold": words.ask.hold, "file": str(file), "signed_as": signer.name})
        return
    _tell(words, held.terms)
    say(f"signed as `{signer.name}`; next: `caveat hold grant {file}`, {then}")


def _checked(held: HoldFile) -> Words:
    """What is asked, and the words that it names.  Raises NotVerified where it names others."""
    ask, _ = read_ask(held.sign.encode())
    try:
        body, reply, salt = unb64(held.body), unb64(held.reply), bytes.fromhex(held.salt)
    except ValueError:
        raise BadInput("this file holds no held call") from None
    named = body_name(ask.dialect, body, salt), reply_name(held.reply_type, reply, salt) if held.reply else ""
    if named != (ask.body, ask.reply):
        raise NotVerified("the words in this file are not those that would be approved", step="hold")
    return Words(ask, body, reply, held.reply_type.startswith("text/event-stream"))


def _joined(words: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"{at}: {text}" if at else text for at, text in words)


def _tell(words: Words, terms: str) -> None:
    ask = words.ask
    say(f"{ask.hold}: `{ask.caller}` asks `{ask.model}` for `{ask.purpose}`, marking rank {ask.rank}")
    say(f"held by {', '.join(f'`{id_}`' for id_ in ask.clauses)} of {terms}, lapses {day(ask.until_ms)}")
    say(f"what is signed names this very body, {ask.body}, and the pair of signatures on these terms, {ask.terms}")
    call, reply = words.told()
    say(f"the call:\n{call}")
    if ask.reply:
        say(f"the model's reply, which nobody has seen yet:\n{reply}")
