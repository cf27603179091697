"""`caveat evidence challenge`, `receive`, `answer`, `audit` and `open`: a random sample, opened, that neither side could steer."""

import os
import secrets
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from caveat.canon import digest
from caveat.cli.evidence_verdict import signer, write_for_sample
from caveat.cli.files import existing, read_bytes, signing_key, write_new
from caveat.cli.ledger import reader_of
from caveat.cli.output import Json, emit, out, say, table
from caveat.cli.remote import Where, at_home
from caveat.errors import BadInput
from caveat.evidence.bundle import open_bundle
from caveat.evidence.challenge import DEFAULT_OPENINGS, Challenge, dice_share, write_challenge
from caveat.evidence.judge import Verdict, judge
from caveat.evidence.sampling import excluded
from caveat.evidence.trust import read_trust
from caveat.evidence.verdict import is_verdict
from caveat.gateway.home.directory import home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.past import read_past
from caveat.gateway.proof.answering import Answering, Reopened, signer_of
from caveat.gateway.proof.challenges import write_answered
from caveat.keys import VerifyKey, read_verify_key
from caveat.note import sign_note

Bundle = Annotated[Path, typer.Argument(help="The bundle that is challenged.")]


def challenge(
    bundle: Bundle,
    output: Annotated[Path, typer.Argument(help="The challenge to write: a signed note, to be carried in.")],
    key: Annotated[Path, typer.Option(help="Your signing key, as `caveat party init` makes it.")],
    *,
    openings: Annotated[
        int, typer.Option(help="How many records; 300 exclude a rate of 1 % at 95 %, 460 at 99 %.", min=1)
    ] = DEFAULT_OPENINGS,
    stratum: Annotated[
        list[str] | None,
        typer.Option(
            help="flagged: all that ended oddly or by exception; day, meter, model: thirty of each day, of each boot of a seal, of each pair of terms and seal. May come more than once."
        ),
    ] = None,
    dice: Annotated[str, typer.Option(help="Your share from dice rolled before witnesses: 20 digits or more.")] = "",
    days: Annotated[int, typer.Option(help="Days until an answer is due; a later one counts as refused.", min=1)] = 30,
    as_json: Json = False,
) -> None:
    """Ask for a random sample of a bundle's records to be opened; needs no home."""
    with existing(bundle).open("rb") as file:
        opened = open_bundle(file)
    if not opened.manifest.share:
        raise BadInput(
            "this bundle commits to no share of the operator's, so no fair sample can be drawn from it",
            hint="bundles commit to one unless they are exported with `--no-challenge`",
        )
    asked = Challenge(
        origin=opened.manifest.origin,
        manifest=digest(opened.manifest_bytes),
        share=dice_share(dice) if dice else secrets.token_bytes(32),
        openings=openings,
        due_s=int(time.time()) + days * 86_400,
        strata=tuple(stratum or ()),
    )
    signer = signing_key(key)
    write_new(output, write_challenge(asked, signer))
    width = opened.manifest.to - opened.manifest.start
    rows = excluded(width, min(openings, width), 0)
    if as_json:
        told = {"challenge": str(output), "population": width, "openings": min(openings, width), "excludes": rows}
        emit({**told, "key": signer.verify_key.text})
        return
    say(f"{output}: {min(openings, width)} of {width} records are asked for")
    if openings >= width:
        say("  these are all that there are: if none is bad, none is")
        rows = ()
    for row in rows:
        say(f"  if none is bad, fewer than {row.bad:,} ({row.rate:.3g} %) are, with {row.confidence:g} % confidence")
    say("the operator answers whom it knows; give it your verify key by another way than the challenge:")
    say(signer.verify_key.text)


def receive(
    challenge_file: Annotated[Path, typer.Argument(metavar="FILE", help="The challenge or verdict that came in.")],
    home: Where = None,
    *,
    as_json: Json = False,
) -> None:
    """Put on record what came in: a challenge, so that the day by which it is due is known to all; or a verdict that was made
    elsewhere."""
    note = read_bytes(challenge_file)
    if is_verdict(note):
        told = at_home(home).ask("POST", "/verdicts", note)
        holds = "holds" if told["holds"] else "does not hold"
        emit(told) if as_json else say(f"{challenge_file}: by this verdict the bundle {holds}; it is on record")
        return
    told = at_home(home).ask("POST", "/challenges", note)
    due = datetime.fromtimestamp(told["due_s"], UTC).strftime("%Y-%m-%d")
    emit(told) if as_json else say(f"{challenge_file}: {told['openings']} records are asked for, by {due}")


def answer(
    challenge_file: Annotated[Path, typer.Argument(metavar="CHALLENGE", help="The challenge that came in.")],
    bundle: Bundle,
    output: Annotated[Path, typer.Argument(help="The answer to write.")],
    home: Where = None,
    *,
    profile: Annotated[str, typer.Option(help="What may leave of each record: full, audit or counts.")] = "audit",
    signed_by: Annotated[
        list[Path] | None,
        typer.Option(help="An auditor's verify key: their challenges are answered beside those of the parties."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer a challenge of someone known: reveal this side's share, and open the records that were drawn.  Both go on
    record."""
    if output.exists():
        raise BadInput(f"`{output}` exists and is not written over")
    made, note = open_home(home or home_path(os.environ)), read_bytes(challenge_file)
    register = read_past(reader_of(made), Documents(made.control)).register
    signer = signer_of(note, register, [_verify_key(path) for path in signed_by or ()])
    with existing(bundle).open("rb") as file:
        answering = Answering(made, file, note)
    written = BytesIO()
    count = answering.answer(written, profile)
    operations = at_home(home)
    operations.ask("POST", "/challenges", note)
    document = write_answered(note, written.getvalue(), profile, len(answering.indices), count)
    operations.ask("POST", "/answers", document)
    write_new(output, written.getvalue())
    told = {
        "answer": str(output),
        "drawn": len(answering.indices),
        "opened": count,
        "bare": answering.bare,
        "signed_by": signer.text,
    }
    if as_json:
        emit(told)
    else:
        say(f"{output}: {count} of {len(answering.indices)} records drawn are opened for `{signer.name}`")
        if answering.bare:
            say(f"  {answering.bare} hold nothing to open: they stand in the clear")
        if refused := len(answering.indices) - answering.bare - count:
            say(
                f"  {refused} could not be opened, which counts as refused: the profile closes them, or their keys were destroyed"
            )


def _verify_key(path: Path) -> VerifyKey:
    """Raises BadInput for a file that holds none."""
    return read_verify_key(read_bytes(path).decode("ascii", "replace").strip())


def audit(
    bundle: Bundle,
    challenge_file: Annotated[Path, typer.Argument(metavar="CHALLENGE", help="The challenge that you issued.")],
    answer_file: Annotated[Path, typer.Argument(metavar="ANSWER", help="The answer that came.")],
    trust_file: Annotated[Path, typer.Option("--trust", help="Whose keys count: a tlog-policy file with party lines.")],
    *,
    profile: Annotated[str, typer.Option(help="What each record had to show.")] = "audit",
    rate: Annotated[
        float, typer.Option(help="For stopping early: the rate to exclude at 95 %.", min=1e-6, max=0.5)
    ] = 0.01,
    received: Annotated[
        str, typer.Option(help="The day on which the answer came, such as 2026-12-24; today where not given.")
    ] = "",
    verdict_file: Annotated[
        Path | None, typer.Option("--verdict", help="Write what was found here, signed, for the other side's record.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Your signing key, for the verdict.")] = None,
    as_json: Json = False,
) -> None:
    """Judge the answer to a challenge; exit code 1 if a record was refused or does not hold.  Needs no home."""
    trust, signs = read_trust(read_bytes(trust_file)), signer(verdict_file, key)
    with ExitStack() as files:
        held = files.enter_context(existing(bundle).open("rb"))
        answered = files.enter_context(existing(answer_file).open("rb"))
        verdict = judge(
            held,
            read_bytes(challenge_file),
            answered,
            trust,
            asked=profile,
            rate=rate,
            received_s=_moment(received),
            processes=None,
        )
    if verdict_file and signs:
        write_for_sample(verdict_file, read_bytes(challenge_file), verdict, signs)
    emit(verdict) if as_json else _print(verdict, rate)
    if not verdict.sound:
        raise typer.Exit(1)


def _moment(day: str) -> int:
    """The day's beginning, POSIX seconds; now for "".  Raises BadInput."""
    try:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) if day else int(time.time())
    except ValueError:
        raise BadInput(f"expected a day such as `2026-12-24`, got `{day}`") from None


def _print(verdict: Verdict, rate: float) -> None:
    say(f"{verdict.sentence[:1].upper()}{verdict.sentence[1:]}.")
    table(
        ("stratum", "records", "opened", "bad"),
        [(s.name, str(s.population), str(s.opened), str(s.bad)) for s in verdict.strata],
    )
    rows = [(f"{e.confidence:g} %", f"{e.bad:,}", f"{e.rate:.3g} %") for e in verdict.strata[0].excludes]
    table(("confidence", "excluded: bad records or more", "rate"), rows)
    if verdict.stops:
        say(f"read one by one, {verdict.stops} openings would have done to exclude {rate:.3g} at 95 %")
    for bad in verdict.bad:
        out.print(f"[red]record {bad.index}[/red]: {bad.why}", markup=True)


def open_on_site(
    challenge_file: Annotated[Path, typer.Argument(metavar="CHALLENGE", help="The challenge whose sample is opened.")],
    bundle: Bundle,
    home: Where = None,
    *,
    key: Annotated[Path | None, typer.Option(help="The cleared auditor's signing key, for a note with counts.")] = None,
    note: Annotated[Path | None, typer.Option(help="Write that note to this file.")] = None,
    as_json: Json = False,
) -> None:
    """On site: read the kept requests and replies of the sampled calls again, and compare facts, decisions and notices; only
    counts are shown.  Exit code 1 if a record does not hold, a body that was to be kept is not there, or nothing could be read."""
    made = open_home(home or home_path(os.environ))
    with existing(bundle).open("rb") as file:
        answering = Answering(made, file, read_bytes(challenge_file))
    found = answering.reopen()
    if key and note:
        lines = (
            "caveat-opening/v1",
            digest(read_bytes(challenge_file)),
            f"asked {found.asked}",
            f"opened {found.opened}",
            f"without body {found.without_body}",
            f"replies {found.replies}",
            f"replies opened {found.replies_opened}",
            f"replies without body {found.replies_without_body}",
            f"never to be kept {found.never_kept}",
            f"kept their time {found.kept_their_time}",
            f"not made again {len({index for index, _ in found.left})}",
            f"wrong {len({index for index, _ in found.wrong})}",
        )
        signer = signing_key(key)
        write_new(note, sign_note(("\n".join(lines) + "\n").encode(), [signer]))
    if as_json:
        emit({**msgspec.to_builtins(found), "sound": found.sound, "sentence": found.sentence()})
    else:
        _print_opened(found)
    if not found.sound:
        raise typer.Exit(1)


def _print_opened(found: Reopened) -> None:
    said = found.sentence()
    say(f"{said[:1].upper()}{said[1:]}.")
    say(f"{found.asked} requests drawn, {found.opened} read again, {found.without_body} not there")
    say(f"{found.replies} replies drawn, {found.replies_opened} read again, {found.replies_without_body} not there")
    if found.never_kept or found.kept_their_time:
        say(
            f"of those not there, the terms did not ask to keep {found.never_kept}; {found.kept_their_time} were destroyed, on "
            "record, when their time was over"
        )
    if found.left:
        say(f"not made again, of {len({index for index, _ in found.left})} records:")
    for why, count in found.left_out:
        say(f"  {count}: {why}")
    for index, why in found.wrong:
        say(f"record {index}: {why}")
