"""`caveat terms request | offer | counter | accept | agree | finalize | terminate | state`: talks between two parties who
share no network, by directories that each hands to the other."""

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from caveat.cli.at_table import AtTable, at_table
from caveat.cli.changes import directions, print_diff
from caveat.cli.files import read_bytes
from caveat.cli.output import Json, emit, say
from caveat.cli.table_talk import Side, print_talk, write_out
from caveat.cli.terms_file import written
from caveat.errors import BadInput
from caveat.gateway.parties.directory import Folder, PartyDir, steps_in
from caveat.gateway.parties.session import NO_EXPIRY, Session
from caveat.talks.diff import diff
from caveat.talks.patch import patched, read_patch
from caveat.talks.state import OTHER, Talk, derive
from caveat.talks.steps import Taken
from caveat.terms.listing import Repository
from caveat.terms.repository import look, spoken

Talking = Annotated[str, typer.Argument(help="The terms' id; left out where there is only one.")]


@at_table
def request(at: AtTable, file: Annotated[Path, typer.Argument(help="The terms asked for, as YAML.")]) -> None:
    """As the operator, ask for terms (REQUESTED); the vendor offers others, counters or agrees."""
    _propose("request", file, at)


@at_table
def offer(at: AtTable, file: Annotated[Path, typer.Argument(help="The terms offered, as YAML.")]) -> None:
    """As the vendor, offer terms (OFFERED); the operator accepts or counters."""
    _propose("offer", file, at)


def _propose(verb: Any, file: Path, at: AtTable) -> None:
    session = at.session()
    at.done(session, session.propose(verb, written(file, read_bytes(file)), at.offered(session)))


@at_table
def counter(
    at: AtTable, change: Annotated[Path, typer.Argument(help="A patch of clauses with its why (`caveat terms patch`).")]
) -> None:
    """Answer a proposal with a patch of clauses and a note why."""
    session = at.session()
    text = read_bytes(change)
    patch = read_patch(text)
    before = session.on_table(_proposed(session, patch.of.partition("@")[0]))
    after = patched(before, patch)
    at = at if at.note else msgspec.structs.replace(at, note=patch.why)
    taken = session.propose("counter", after, at.offered(session, text.decode()))
    if not at.as_json:
        print_diff(diff(before, after), directions(before, after))
    at.done(session, taken)


@at_table
def accept(at: AtTable, talk: Talking = "") -> None:
    """As the operator, accept the vendor's offer (ACCEPTED); the vendor signs next."""
    session = at.session()
    at.done(session, session.accept(talk, at.offered(session)))


@at_table
def agree(
    at: AtTable,
    talk: Talking = "",
    signed: Annotated[
        Path | None,
        typer.Option("--signed", help="The terms as other holders of your keys have signed them elsewhere."),
    ] = None,
) -> None:
    """Sign the text on the table: the vendor first (AGREED), then the operator (VERIFIED)."""
    session = at.session()
    elsewhere = read_bytes(signed) if signed else b""
    at.done(
        session,
        session.agree(talk, at.offered(session), elsewhere),
        "signed by " + ", ".join(k.name for k in session.terms_keys()),
    )


@at_table
def finalize(at: AtTable, talk: Talking = "") -> None:
    """As the vendor, list the terms that both have signed (FINALIZED); the operator can then put them in force."""
    session = at.session()
    at.done(session, session.finalize(talk, at.offered(session)))


@at_table
def terminate(at: AtTable, talk: Talking = "") -> None:
    """End the talks, or the terms where they are finalized (TERMINATED); needs no consent.  Say why with --note."""
    if not at.note:
        raise BadInput("say why, in one line", hint="`--note TEXT`")
    session = at.session()
    was = session.talk(talk)
    ended = was.finalized[0] if was.finalized and was.state == "FINALIZED" else ""
    more = f"`{ended}` ends once that is imported: `caveat terms end {was.talk}`" if ended else ""
    at.done(session, session.terminate(talk, at.offered(session)), more)


def state(
    first: Annotated[Path, typer.Argument(help="A party's directory, or a repository that was handed over.")],
    second: Annotated[Path | None, typer.Argument(help="The other party's.")] = None,
    *,
    theirs: Annotated[
        Path | None, typer.Option("--theirs", help="Take up what the other party has handed over, then show.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--out", help="Write the text on the table, and what went with it, to a new directory."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Where talks stand, found again from both parties' directories and nothing else."""
    now = time.time_ns() // 1_000_000
    sides = _sides(first, second, theirs)
    steps = [step for folder, one in sides for step in steps_in(folder, one)]
    talks = [derive(name, steps, now) for name in sorted({step.step.talk for step in steps})]
    if as_json:
        emit({"parties": [_party(one, now) for _, one in sides], "talks": [_value(talk, now) for talk in talks]})
    else:
        for _, one in sides:
            late = "; its list has expired, ask for a newer one" if one.until_ms <= now else ""
            say(f"{one.role}: {one.party}, root {one.version}, fingerprint {spoken(one.root)}{late}")
        for talk in talks:
            print_talk(talk, now)
        if not talks:
            say(
                "no talks have begun; the vendor begins with `caveat terms offer`, the operator with `caveat terms request`"
            )
    if output:
        for talk in talks:
            write_out(talk, sides, output, quiet=as_json)


def _sides(first: Path, second: Path | None, theirs: Path | None) -> list[Side]:
    """Each party's folder and verified repository; a party's own directory knows both."""
    if second is None and (first / "repository").is_dir():
        session = Session(PartyDir(first), theirs)
        own = [(session.party.folder, session.own)]
        return own if session.other is None else [*own, (session.party.mirror(OTHER[session.role]), session.other)]
    if theirs is not None:
        raise BadInput("`--theirs` goes with a party's own directory")
    sides = [_looked(path) for path in (first, second) if path]
    if len(sides) == 2 and sides[0][1].role == sides[1][1].role:
        raise BadInput(f"both directories are the {sides[0][1].role}'s", hint="name one of each party")
    return sides


def _looked(path: Path) -> Side:
    folder = Folder(path / "repository" if (path / "repository").is_dir() else path)
    listing = folder.listing()
    return folder, look(listing.roots[0], listing, NO_EXPIRY)


def _value(talk: Talk, now: int) -> dict[str, Any]:
    return {
        "talk": talk.talk,
        "state": talk.state,
        "lapsed": talk.lapsed(now),
        "finalized": talk.finalized,
        "steps": [_step(one) for one in talk.steps],
        "crossed": [_step(one) for one in talk.crossed],
        "may": {role: talk.may(role) for role in OTHER},
    }


def _step(one: Taken) -> dict[str, Any]:
    step = one.step
    names = ("verb", "by", "terms", "digest", "at_ms", "until_ms", "note")
    return {"id": one.id, **{name: getattr(step, name) for name in names}, "attached": [a.name for a in step.attached]}


def _party(one: Repository, now: int) -> dict[str, Any]:
    return {
        "role": one.role,
        "party": one.party,
        "root": one.version,
        "fingerprint": spoken(one.root),
        "expired": one.until_ms <= now,
    }


def _proposed(session: Session, name: str) -> Talk:
    talk = session.talk(name)
    if talk.proposed is None:
        raise BadInput("nothing is on the table yet")
    return talk
