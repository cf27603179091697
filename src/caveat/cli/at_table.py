"""What every verb at the negotiating table takes: the party's directory, the other's repository, the step's note, deadline
and attachments, where to hand it, and where to put it on record."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec import Struct

from caveat.cli.files import read_bytes
from caveat.cli.output import emit, say
from caveat.cli.remote import at_home
from caveat.cli.terms_replay import moment
from caveat.errors import BadInput
from caveat.gateway.parties.directory import PartyDir
from caveat.gateway.parties.pending import read_pending
from caveat.gateway.parties.session import Offered, Session
from caveat.talks.signed_impact import sign_if_impact
from caveat.talks.state import OTHER, may
from caveat.talks.steps import Taken
from caveat.terms.moment import moment_text

PARTY = "CAVEAT_PARTY"
THEN = {"finalize": "the operator puts them in force with `caveat terms adopt`"}
"""What comes after a step, where that is no step in talks."""
Party = Annotated[
    Path | None, typer.Option("--party", help="Your party's directory (default: CAVEAT_PARTY, or `party` here).")
]


class AtTable(Struct, frozen=True):
    """The options, as they were given."""

    party: Party = None
    theirs: Annotated[
        Path | None,
        typer.Option("--theirs", help="The other party's repository as it was handed to you; looked at first."),
    ] = None
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Hand your repository over to this directory afterwards, such as a stick."),
    ] = None
    note: Annotated[str, typer.Option("--note", help="Why, for the other party to read.")] = ""
    until: Annotated[str, typer.Option("--until", help="Day or time (UTC) until which the other party may answer.")] = (
        ""
    )
    attach: Annotated[
        list[Path] | None,
        typer.Option("--attach", help="A file that goes with it; an impact statement is signed.  May be given again."),
    ] = None
    key: Annotated[
        list[Path] | None, typer.Option("--key", help="A terms key that does not lie in the party's directory.")
    ] = None
    pending: Annotated[
        Path | None,
        typer.Option("--pending", help="Where too few keys are at hand: write a file for their holders to sign."),
    ] = None
    from_step: Annotated[
        str, typer.Option("--from", help="Where answers crossed: the step to go on from, by its first digits.")
    ] = ""
    home: Annotated[Path | None, typer.Option("--home", help="Put the step on record in this home as well.")] = None
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object instead of text.")] = False

    def session(self) -> Session:
        """The party at the table, after a look at what the other has handed over."""
        session = Session(party_dir(self.party), self.theirs, self.key or ())
        session.pending = self.pending
        return session

    def offered(self, session: Session, patch: str = "") -> Offered:
        """What goes with the step."""
        attached: dict[str, bytes] = {}
        for path in self.attach or ():
            if path.name in attached:
                raise BadInput(f"two attached files are called `{path.name}`")
            attached[path.name] = sign_if_impact(read_bytes(path, 1 << 24), session.terms_keys())
        until = moment(self.until, "--until", whole_day=True) if self.until else 0
        return Offered(self.note, until, attached, patch, self.from_step)

    def done(self, session: Session, taken: Taken, more: str = "") -> None:
        """Hand over, put on record, and say what was done and what comes next."""
        if session.waits and self.pending:
            _waits(self.pending, as_json=self.as_json)
            return
        if self.to:
            session.hand(self.to)
        if self.home:
            at_home(self.home).ask("POST", "/talks", session.step_file(taken))
        talk = session.talk(taken.step.talk)
        if self.as_json:
            emit(
                {
                    "talk": talk.talk,
                    "state": talk.state,
                    "step": taken.step.verb,
                    "id": taken.id,
                    "terms": taken.step.terms,
                }
            )
            return
        until = f"; an answer is wanted until {moment_text(taken.step.until_ms)}" if taken.step.until_ms else ""
        say(f"{taken.step.verb}: `{taken.step.terms}` is now {talk.state}" + until + (f"; {more}" if more else ""))
        other = OTHER[session.role]
        then = THEN.get(taken.step.verb, "") or may(talk, other)
        if self.to:
            say(f"next: take {self.to} to the {other}; {then}, with `--theirs` and that directory")
        else:
            say(f"next: `caveat party hand --party {session.party.path} DIRECTORY` copies it for the {other}; {then}")


def _waits(file: Path, *, as_json: bool) -> None:
    signed, unsigned, threshold = read_pending(read_bytes(file)).signers()
    if as_json:
        emit({"pending": str(file), "signed": signed, "unsigned": unsigned, "threshold": threshold})
        return
    say(f"nothing is published yet: {file} bears {len(signed)} of {threshold} signatures")
    say(
        f"next: one of {', '.join(unsigned)} runs `caveat party cosign {file} --key KEY`, then `caveat party publish {file}`"
    )


def party_dir(path: Path | None) -> PartyDir:
    """The party's directory that is meant."""
    return PartyDir(path or Path(os.environ.get(PARTY) or "party"))


def at_table(work: Callable[..., None]) -> Callable[..., None]:
    """A verb whose first parameter is an AtTable, with that one's fields as options of its own."""
    own = list(inspect.signature(work).parameters.values())[1:]
    fields = msgspec.structs.fields(AtTable)
    hints = {name: AtTable.__annotations__[name] for name in (field.name for field in fields)}

    def verb(**given: Any) -> None:
        options = AtTable(**{name: given.pop(name) for name in hints})
        work(options, **given)

    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields
    ]
    verb.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    verb.__annotations__ = {**{p.name: p.annotation for p in own}, **hints}
    verb.__doc__ = work.__doc__
    verb.__name__ = work.__name__
    return verb
