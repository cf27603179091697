"""`caveat terms replay`: what other terms would have made of the calls on record, before anyone signs them."""

import itertools
import multiprocessing
import os
import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from caveat.cli.files import write_new
from caveat.cli.output import Json, emit, progress, say, table
from caveat.cli.remote import Where
from caveat.cli.terms_file import File, draft_of
from caveat.decide.policy import ENGINE
from caveat.errors import BadInput
from caveat.gateway.home.directory import Home, home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.past import all_keys, all_terms, control_indices
from caveat.ledger.reader import LedgerReader
from caveat.talks.certificate import pair_digest
from caveat.talks.impact import Counts, Impact, Tally
from caveat.talks.impact_page import impact_page
from caveat.talks.replay import Span
from caveat.talks.replay import replay as decide_again
from caveat.terms.document import Draft, Terms

MANY = 50_000
"""Records from which on it pays to share them among processes."""
SHOWN = 12


def replay(
    file: File,
    since: Annotated[str, typer.Option("--from", help="First day or time, UTC; all where not given.")] = "",
    until: Annotated[str, typer.Option("--to", help="Last day (whole) or time, UTC; now where not given.")] = "",
    home: Where = None,
    *,
    page: Annotated[Path | None, typer.Option(help="Also write the impact statement as one HTML page.")] = None,
    as_json: Json = False,
) -> None:
    """Decide the recorded calls of a period again under these terms: which would have gone another way.

    Changes are counted by clause, purpose and caller, by kind of caller (human, service, agent), and by the groups that
    callers' keys bear (`caveat keys new --group`).
    """
    draft = draft_of(file)
    made = open_home(home or home_path(os.environ))
    from_ms = moment(since, "--from") if since else 0
    until_ms = moment(until, "--to", whole_day=True) if until else time.time_ns() // 1_000_000 + 1
    if from_ms >= until_ms:
        raise BadInput("`--from` is not before `--to`")
    terms = Terms(draft, pair_digest(draft), ())
    tally = _shared(made, terms, Span(0, LedgerReader(made.ledger).size(), from_ms, until_ms))
    impact = tally.impact(terms=draft.name, digest=terms.digest, from_ms=from_ms, until_ms=until_ms, engine=ENGINE)
    if page:
        write_new(page, impact_page(impact).encode())
    if as_json:
        emit(impact)
        return
    _print(impact)
    if page:
        say(f"\nthe impact statement is in {page}; `--json` gives it to programs")


def _shared(made: Home, terms: Terms, span: Span) -> Tally:
    """One process for few records, one a core for many."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if span.last < MANY or cores == 1:
        few = control_indices(LedgerReader(made.ledger))
        tally = _part(made, terms, _known(made, few), span)
        tally.groups = _groups(made, few)
        return tally
    progress(f"deciding the calls of {span.last:,} records again, on {cores} cores")
    edges = [span.last * place // cores for place in range(cores + 1)]
    spans = [msgspec.structs.replace(span, first=edges[i], last=edges[i + 1]) for i in range(cores)]
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        controls = tuple(itertools.chain.from_iterable(pool.map(partial(_controls, made), spans)))
        first, *others = pool.map(partial(_part, made, terms, _known(made, controls)), spans)
    for tally in others:
        first.add(tally)
    first.groups = _groups(made, controls)
    return first


def _known(made: Home, controls: tuple[int, ...]) -> dict[str, Draft]:
    """Every terms that were ever in force here, by their pair's digest."""
    adopted = all_terms(LedgerReader(made.ledger), Documents(made.control), controls)
    return {terms.digest: terms.draft for terms in adopted}


def _groups(made: Home, controls: tuple[int, ...]) -> dict[str, str]:
    """Callers' groups, as their keys on record bear them."""
    keys = all_keys(LedgerReader(made.ledger), Documents(made.control), controls)
    return {name: key.caller.group for name, key in keys.items() if key.caller.group}


def _controls(made: Home, span: Span) -> tuple[int, ...]:
    return control_indices(LedgerReader(made.ledger), span.first, span.last)


def _part(made: Home, terms: Terms, known: dict[str, Draft], span: Span) -> Tally:
    return decide_again(LedgerReader(made.ledger, made.vault).entries(span.first), terms, known, span)


def moment(text: str, flag: str, *, whole_day: bool = False) -> int:
    """POSIX milliseconds; a day's end where the whole of it is meant."""
    try:
        if len(text) == len("2026-11-01"):
            day = date.fromisoformat(text) + timedelta(days=1 if whole_day else 0)
            at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        else:
            at = datetime.fromisoformat(text)
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return int(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise BadInput(
            f"`{flag}`: `{text}` is no day and no time", hint="such as 2026-11-01 or 2026-11-01T08:00:00Z"
        ) from None


def _print(impact: Impact) -> None:
    changed = sum(impact.changed.values())
    say(
        f"of {impact.calls:,} recorded calls, {changed:,} would have gone another way under {impact.terms}, "
        f"{impact.same:,} would not, {sum(impact.cannot.values()):,} cannot be told"
    )
    if impact.changed:
        table(("", "calls"), [(kind, f"{count:,}") for kind, count in impact.changed.items()])
    for title, counts in (
        ("clause", impact.by_clause),
        ("purpose", impact.by_purpose),
        ("group of callers", impact.by_group),
        ("kind of caller", impact.by_kind),
        ("caller", impact.by_caller),
    ):
        _counts(title, counts)
    for why, count in impact.cannot.items():
        say(f"cannot be told: {count:,}, for {why}")
    for one in impact.examples[:SHOWN]:
        say(f"  {one.call.id}  {one.before}  →  {one.after}")
    if impact.changed:
        say(f"{impact.confirmed:,} distinct changed decisions were confirmed by {impact.engine}")


def _counts(title: str, counts: Counts) -> None:
    if counts:
        rows = [
            (name, ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()))
            for name, kinds in list(counts.items())[:SHOWN]
        ]
        table((f"by {title}", ""), rows)
