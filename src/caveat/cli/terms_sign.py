"""`caveat terms sign | adopt | verify | revoke | end`: what two parties sign, what is put in force and what ends."""

from pathlib import Path
from typing import Annotated

import typer

from caveat.cli.at_table import Party, party_dir
from caveat.cli.files import read_bytes, signing_key, write_new
from caveat.cli.output import Json, emit, say
from caveat.cli.remote import Where, at_home
from caveat.cli.terms_file import File, is_signed, signed_terms, written
from caveat.errors import BadInput
from caveat.gateway.parties.session import Session
from caveat.keys import read_verify_key
from caveat.terms.document import SignedTerms
from caveat.terms.ending import sign_ending
from caveat.terms.moment import moment_ms, moment_text
from caveat.terms.sign import add_signature, claimed_draft, claimed_keys, open_terms, sign_terms


def sign(
    file: File,
    key: Annotated[Path, typer.Option(help="Your signing key (`caveat party init` makes one).")],
    output: Annotated[
        Path | None, typer.Option("--out", help="Where to write; FILE.signed.json where not given.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Sign terms: the YAML for the first party, the signed file for the second.  Read them first: `caveat terms show`."""
    signer = signing_key(key)
    raw = read_bytes(file)
    if is_signed(raw):
        signed, target = add_signature(SignedTerms(raw), signer), output or file
    else:
        signed, target = sign_terms(written(file, raw), signer), output or file.with_suffix(".signed.json")
    write_new(target, signed.raw, replacing=target == file)
    keys = claimed_keys(signed)
    if as_json:
        emit({"terms": claimed_draft(signed).name, "file": str(target), "signatures": keys})
        return
    say(f"signed {claimed_draft(signed).name} as `{signer.name}`; {target} bears {len(keys)} signature(s)")
    first = "" if len(keys) > 1 else "the other party signs this file, then "
    say(f"next: {first}the operator runs `caveat terms adopt {target}`")


def adopt(
    file: Annotated[
        Path | None, typer.Argument(help="Signed terms, where no party keeps a repository; left out with --party.")
    ] = None,
    home: Where = None,
    *,
    party: Party = None,
    theirs: Annotated[
        Path | None, typer.Option("--theirs", help="The other party's repository; looked at first.")
    ] = None,
    talk: Annotated[str, typer.Option("--talk", help="With --party: the terms' id, where there are several.")] = "",
    as_json: Json = False,
) -> None:
    """Put terms in force that both parties signed and, where they keep repositories, list.  Calls from the next one on
    are decided under them; those that run finish under the terms they began with."""
    if (file is None) == (party is None):
        raise BadInput("expected either a file of signed terms or `--party DIRECTORY`")
    document = read_bytes(file) if file else Session(party_dir(party), theirs).adoption(talk)
    done = at_home(home).adopt(document)
    if as_json:
        emit(done)
    else:
        say(f"{done['adopted']} is in force; the pair's digest is {done['digest']}")
        say("next: `caveat terms show` shows its clauses, `caveat coverage` tries each enforced one on this build")


def verify(
    file: File,
    vendor: Annotated[list[str], typer.Option(help="A verify key of the vendor.")],
    operator: Annotated[list[str], typer.Option(help="A verify key of the operator.")],
    *,
    as_json: Json = False,
) -> None:
    """Check both parties' signatures over the exact bytes."""
    trust = {"vendor": [read_verify_key(k) for k in vendor], "operator": [read_verify_key(k) for k in operator]}
    terms = open_terms(SignedTerms(read_bytes(file)), trust)
    signers = {signature.role: signature.key for signature in terms.signatures}
    if as_json:
        emit({"terms": terms.draft.name, "digest": terms.digest, "signatures": signers})
        return
    for role, name in signers.items():
        say(f"signed by the {role}: {name}")
    say(f"{terms.draft.name} holds; the pair's digest is {terms.digest}")


def revoke(
    file: Annotated[Path, typer.Argument(help="The signed terms that end, or with --party their id.")],
    reason: Annotated[str, typer.Option(help="Why, in one line.")],
    output: Annotated[Path, typer.Option("--out", help="Where to write the signed ending.")],
    *,
    key: Annotated[Path | None, typer.Option(help="Your signing key, a party's.")] = None,
    party: Annotated[
        Path | None, typer.Option("--party", help="Your party's directory: sign with a key that lies in it.")
    ] = None,
    on: Annotated[str, typer.Option(help="The last day, or a time in UTC: notice.  At once where not given.")] = "",
    as_json: Json = False,
) -> None:
    """Sign, as either party, that terms end.  The operator's gateway stops once it has `caveat terms end --notice`."""
    ends_ms = moment_ms(on, whole_day=True) if on else 0
    if key is None and party is None:
        raise BadInput("whose word is it?", hint="`--key KEY`, or `--party DIRECTORY` where a repository is kept")
    terms, (signer, *_) = signed_terms(file, party, [key] if key else [])
    write_new(output, sign_ending(terms, signer, reason, ends_ms))
    if as_json:
        emit({"terms": terms.draft.name, "digest": terms.digest, "file": str(output)})
    else:
        say(
            f"{output} says, signed by `{signer.name}`, that {terms.draft.name} ends"
            + (f" at {moment_text(ends_ms)}" if on else "")
        )
        say(f"next: the operator runs `caveat terms end {terms.draft.id} --notice {output}`")


def end(
    name: Annotated[str, typer.Argument(help="The terms' id, without version.")],
    home: Where = None,
    *,
    notice: Annotated[Path | None, typer.Option(help="A party's signed ending (`caveat terms revoke`).")] = None,
    party: Party = None,
    theirs: Annotated[
        Path | None, typer.Option("--theirs", help="With --party: the other's repository, where it terminated.")
    ] = None,
    statement: Annotated[
        Path | None, typer.Option(help="Also write the signed statement of end: last call, counts, checkpoint.")
    ] = None,
    as_json: Json = False,
) -> None:
    """End terms in force: every call under them is refused from the next one on."""
    word = read_bytes(notice) if notice else b""
    if party is not None:
        word = Session(party_dir(party), theirs).ending(name)
    operations = at_home(home)
    operations.end_terms(name, word)
    left = next(
        (row for row in operations.ask("GET", "/leases")["leases"] if row["terms"].startswith(f"{name}@")), None
    )
    if statement is not None:
        write_new(statement, operations.ask("POST", f"/terms/{name}/statement")["statement"].encode())
    if as_json:
        emit({"ended": name, "left": left, "statement": str(statement or "")})
        return
    if left is None:
        say(f"`{name}` is no longer in force")
    elif left["phase"] == "running":
        say(f"`{left['terms']}` ends at {left['until']}; until then its calls go on")
    else:
        say(f"`{left['terms']}` has ended; only its continuity is left, and `caveat terms end {name}` stops that too")
    if statement is not None:
        say(f"the statement of end is in {statement}; `caveat terms check-statement {statement} --log VKEY` checks it")
        say("the log's key, VKEY, is in the trust file that `caveat evidence trust` gives")
    if left is None:
        say("next: what was decided before stays on record; `caveat evidence export` gives it to others")
