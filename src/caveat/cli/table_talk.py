"""Talks as a person reads them: every step with its note, what is finalized, who can do what next."""

from datetime import UTC, datetime
from pathlib import Path

from caveat.cli.files import write_new
from caveat.cli.output import say, table
from caveat.errors import BadInput, NotVerified
from caveat.gateway.parties.directory import Folder
from caveat.talks.signed_impact import open_impact
from caveat.talks.state import PROPOSALS, Talk, may_both
from caveat.talks.steps import Attached, attached_path
from caveat.terms.listing import Repository, terms_path

Side = tuple[Folder, Repository]


def print_talk(talk: Talk, now: int) -> None:
    """One talk, step by step."""
    lapsed = ", and its deadline has passed" if talk.lapsed(now) else ""
    say(f"\n{talk.talk}: {talk.state}{lapsed}")
    rows = [(_time(one.step.at_ms), one.step.by, one.step.verb, one.step.terms, one.step.note) for one in talk.steps]
    table(("when (UTC)", "who", "step", "terms", "note"), rows)
    for one in talk.steps:
        if one.step.attached:
            say(f"with the {one.step.verb} of {one.step.terms}: {', '.join(a.name for a in one.step.attached)}")
    if talk.finalized:
        say(f"finalized: {talk.finalized[0]}, whose signed pair has the digest {talk.finalized[1]}")
    for one in (talk.steps[-1:] + talk.crossed) if talk.crossed else ():
        say(f"crossed: the {one.step.by}'s {one.step.verb} `{one.step.terms}`, {one.id.removeprefix('sha256:')[:12]}")
    until = talk.steps[-1].step.until_ms if talk.steps else 0
    if until and not lapsed and talk.steps[-1].step.verb in PROPOSALS:
        say(f"an answer is wanted until {_time(until)} UTC")
    say(f"next: {may_both(talk)}")


def write_out(talk: Talk, sides: list[Side], output: Path, *, quiet: bool) -> None:
    """The text on the table and what went with it, as files; a signed impact statement is checked on the way."""
    if talk.proposed is None:
        return
    step = talk.proposed.step
    output.mkdir(parents=True, exist_ok=True)
    files = {f"{step.terms.replace('@', '-')}.yaml": step.document.encode()}
    folder, repository = next(side for side in sides if side[1].role == step.by)
    newest = talk.steps[-1].step
    if newest.verb == "agree":
        files[f"{step.terms.replace('@', '-')}.signed.json"] = newest.document.encode()
    if talk.finalized and newest.verb == "finalize":
        path = terms_path(talk.finalized[0])
        files[f"{talk.finalized[0].replace('@', '-')}.signed.json"] = next(
            folder.read(path, repository.targets[path]) for folder, repository in sides if path in repository.targets
        )
    for attached in step.attached:
        files[attached.name] = _attached(folder, repository, attached)
    for name, data in files.items():
        write_new(output / name, data)
        if not quiet:
            say(f"wrote {output / name}{_about(data, repository)}")


def _attached(folder: Folder, repository: Repository, attached: Attached) -> bytes:
    path = attached_path(attached)
    return folder.read(path, repository.targets[path])


def _about(data: bytes, repository: Repository) -> str:
    try:
        impact = open_impact(data, repository.ever)
    except (NotVerified, BadInput):
        return ""
    changed = sum(impact.changed.values())
    return f": an impact statement signed by {repository.party}, {changed:,} of {impact.calls:,} calls change"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
