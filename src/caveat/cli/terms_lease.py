"""`caveat terms renew | statement | check-statement`: the vendor's word that a lease goes on, made at the vendor's and
imported at the operator's; and what the log says of terms that are over."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from caveat.cli.files import read_bytes, write_new
from caveat.cli.output import Json, emit, say
from caveat.cli.remote import Where, at_home
from caveat.cli.terms_file import is_signed, signed_terms
from caveat.errors import BadInput
from caveat.evidence.statement import Statement, open_statement
from caveat.keys import SigningKey, read_verify_key
from caveat.note import parse_note
from caveat.terms.lease import FOREVER
from caveat.terms.moment import moment_ms, moment_text
from caveat.terms.renewal import read_renewal, sign_renewal

MOST_BYTES = 64 * 2**10


def renew(
    file: Annotated[
        Path,
        typer.Argument(help="To make one: the signed terms, or with --party their id.  Else the renewal to import."),
    ],
    home: Where = None,
    *,
    key: Annotated[
        list[Path] | None,
        typer.Option(help="The vendor's signing key: make a renewal.  Once for each, where it takes several."),
    ] = None,
    party: Annotated[
        Path | None,
        typer.Option("--party", help="The vendor's directory: make a renewal with the keys that lie in it."),
    ] = None,
    until: Annotated[str, typer.Option(help="To make one: the last day of the lease, or a time in UTC.")] = "",
    calls: Annotated[int, typer.Option(help="To make one: calls in all since the terms began; 0 for no count.")] = 0,
    output: Annotated[Path | None, typer.Option("--out", help="To make one: where to write the renewal.")] = None,
    as_json: Json = False,
) -> None:
    """Renew the lease of terms: the vendor makes a signed file of a few hundred bytes, the operator imports it."""
    if not key and party is None:
        _import(file, home, as_json=as_json)
        return
    if output is None:
        raise BadInput("say where to write the renewal", hint="give `--out FILE`")
    terms, signers = signed_terms(file, party, key or ())
    now = time.time_ns() // 1_000_000
    until_ms = moment_ms(until, whole_day=True) if until else FOREVER
    note = sign_renewal(terms, *signers, issued_ms=now, until_ms=until_ms, calls=calls if calls > 0 else FOREVER)
    write_new(output, note)
    if as_json:
        emit({"terms": terms.draft.name, "digest": terms.digest, "file": str(output), "bytes": len(note)})
        return
    bounds = [f"until {moment_text(until_ms)}"] * bool(until) + [f"for {calls:,} calls in all"] * (calls > 0)
    say(f"{output} says, signed by {_named(signers)}, that {terms.draft.name} goes on {_either(bounds)}")
    if until_ms < FOREVER and until_ms > terms.draft.valid_until_ms:
        say(f"note: the terms themselves are valid only until {moment_text(terms.draft.valid_until_ms)}")
    say(f"next: the operator runs `caveat terms renew {output}`")


def _either(bounds: Sequence[str]) -> str:
    return " or ".join(bounds) + (", whichever comes first" if len(bounds) > 1 else "")


def _named(signers: Sequence[SigningKey]) -> str:
    return ", ".join(f"`{signer.name}`" for signer in signers)


def _import(file: Path, home: Path | None, *, as_json: bool) -> None:
    note = read_bytes(file, MOST_BYTES)
    if is_signed(note):
        raise BadInput(
            f"`{file}` is signed terms, not a renewal", hint="to make one, give `--key` or `--party`, and `--out`"
        )
    name = read_renewal(parse_note(note).text).name
    done = at_home(home).ask("POST", f"/terms/{name.partition('@')[0]}/renewal", note)
    if as_json:
        emit(done)
        return
    bounds = [f"until {done['until']}"] * bool(done["until"])
    bounds += [f"for {done['calls']:,} calls in all, of which {done['used']:,} were made"] * bool(done["calls"])
    say(f"{done['renewed']} goes on {_either(bounds)}")
    if done["warning"]:
        say(f"note: {done['warning']}")


def statement(
    name: Annotated[str, typer.Argument(help="The id of terms that have ended, without version.")],
    output: Annotated[Path, typer.Option("--out", help="Where to write it.")],
    home: Where = None,
    *,
    as_json: Json = False,
) -> None:
    """Write a signed statement of the end of terms: the last call, how many went to the model, how they ended."""
    note = at_home(home).ask("POST", f"/terms/{name}/statement")["statement"].encode()
    write_new(output, note)
    if as_json:
        emit({"terms": name, "file": str(output)})
    else:
        say(
            f"wrote {output}; next: give it to the other party, who runs `caveat terms check-statement {output} --log VKEY`"
        )
        say("the log's key, VKEY, is in the trust file that `caveat evidence trust` gives")


def check_statement(
    file: Annotated[Path, typer.Argument(help="A statement of end.")],
    log: Annotated[list[str], typer.Option(help="A verify key of the log (`caveat evidence trust` shows it).")],
    *,
    as_json: Json = False,
) -> None:
    """Check a statement of end by the log's key, and say what it says.  A bundle shows whether its counts are true."""
    said = open_statement(read_bytes(file, MOST_BYTES), [read_verify_key(key) for key in log])
    if as_json:
        emit({"holds": True, "says": said})
        return
    for line in _told(said):
        say(line)


def _told(said: Statement) -> list[str]:
    counted = said.counted
    endings = ", ".join(f"{count} {ending}" for ending, count in counted.endings.items()) or "none"
    return [
        f"{said.name} was ended by the {said.by} at record {said.index} of `{said.head.origin}`: {said.reason}",
        f"its last call stands at record {counted.last}" if counted.last >= 0 else "no call was ever made under it",
        f"{counted.sent:,} calls went to the model; {counted.running:,} still ran; outcomes: {endings}",
        f"counted from the first {said.head.size:,} records; `caveat verify` on a bundle of them counts again",
    ]
