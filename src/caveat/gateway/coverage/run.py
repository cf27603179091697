"""Measuring: every enforced clause against every cell, over HTTP, on the build that runs.

For each cell an ordinary call is made first, under each purpose that the terms have and as each caller that they name:
where none of them passes, the gateway refuses the cell as such.  Then the probe that should trip, then the one that
should pass.  What is reported is what the client saw, what the upstream received and what the ledger says, together.
"""

import time
from collections.abc import Callable
from contextlib import closing

from msgspec import Struct
from msgspec.structs import replace

from caveat.errors import Unavailable
from caveat.gateway.coverage.ask import Client
from caveat.gateway.coverage.cells import PATHS, Cell, Path, cells
from caveat.gateway.coverage.concern import Concern, concern_of
from caveat.gateway.coverage.judge import OK, Asked, Trial, arrived, judge
from caveat.gateway.coverage.matrix import Matrix, Measured, Result, Row
from caveat.gateway.coverage.paths import NotThere, operator_key, walked
from caveat.gateway.coverage.plan import Plan, plan
from caveat.gateway.coverage.recorded import read_recorded
from caveat.gateway.coverage.scratch import Scratch, scratch
from caveat.gateway.coverage.talk import Inexpressible, Unwritten
from caveat.gateway.home.build import this_build
from caveat.gateway.home.tables import Settings
from caveat.gateway.scripted.script import Reply, always
from caveat.terms.document import Clause, Draft
from caveat.wire.dialects import DIALECTS

Progress = Callable[[str], None]
ORDINARY = "Which day comes after Tuesday?"


class Way(Struct, frozen=True):
    """As whom, and for what, a call is made."""

    key: str
    purpose: str


def measure(
    draft: Draft,
    sees: frozenset[str],
    settings: Settings | None = None,
    progress: Progress = lambda _: None,
    *,
    quick: bool = False,
) -> Matrix:
    """The matrix of these terms on this build.  `sees` are the hazards that its recognizers find (terms/lint.py);
    `settings` are the home's, for what sort of network it is and whether its gateway reads with a learned recognizer;
    `quick` leaves out the cells of paths that need a process of their own.

    Raises what scratch() raises, and Unavailable where the gateway stops answering.
    """
    settings = settings or Settings()
    every = tuple(cell for cell in cells(DIALECTS) if cell.path == "direct" or not quick)
    clauses = [Tried(clause, concern_of(clause, sees)) for clause in draft.clauses if clause.kind == "enforced"]
    with scratch(draft, settings) as made:
        digest = made.digest
        found = _walk(draft, made, clauses, every, "direct", progress)
    for path in () if quick else PATHS[1:]:
        found |= _walk_path(draft, settings, clauses, every, path, progress)
    rows = tuple(
        Row(
            one.clause.id,
            one.clause.effect,
            one.clause.title[draft.languages[0]],
            tuple(found[one.clause.id, cell] for cell in every),
        )
        for one in clauses
    )
    at_ms = time.time_ns() // 1_000_000
    detector = "learned" if settings.recognizer.learned or draft.recognizer else "none"
    return Matrix(1, at_ms, Measured(draft.name, digest), this_build(), detector, every, rows)


Found = dict[tuple[str, Cell], Result]


class Tried(Struct, frozen=True):
    """A clause that is tried, and where its probe belongs."""

    clause: Clause
    concern: Concern


def _walk_path(  # noqa: PLR0913, PLR0917 - as _walk
    draft: Draft,
    settings: Settings,
    clauses: list[Tried],
    every: tuple[Cell, ...],
    path: Path,
    progress: Progress,
) -> Found:
    """The cells of a path beside the direct one: measured, or why they cannot be."""
    try:
        with walked(path, draft, settings) as (made, worker):
            return _walk(draft, made, clauses, every, path, progress, worker)
    except NotThere as why:
        result = why.result
    except Unavailable as error:
        result = Result("red", f"this build takes settings for a {path}, and it cannot be walked: {error.message}")
    return {(one.clause.id, cell): result for one in clauses for cell in every if cell.path == path}


def _walk(  # noqa: PLR0913, PLR0917 - what to try, where, and how to tell of it
    draft: Draft,
    made: Scratch,
    clauses: list[Tried],
    every: tuple[Cell, ...],
    path: Path,
    progress: Progress,
    worker: int = 0,
) -> Found:
    """Every clause in every cell of one path, judged once all calls are on record."""
    tried: dict[tuple[str, Cell], Result | Trial] = {}
    with closing(_Run(draft, made, worker)) as run:
        for one in clauses:
            progress(f"trying `{one.clause.id}`" + (f" over a {path}" if path != "direct" else ""))
            for cell in every:
                if cell.path == path:
                    tried[one.clause.id, cell] = run.try_cell(one.clause, one.concern, fitting(cell, one.concern))
    on_record = read_recorded(made.home)
    return {key: one if isinstance(one, Result) else judge(one, on_record) for key, one in tried.items()}


def fitting(cell: Cell, concern: Concern) -> Cell:
    """On a path beside the direct one a clause is tried once a side: by its words where it has such, else by its whole
    call, and in the reply by the tool calls that its probe names."""
    if cell.path == "direct" or concern.has(cell.place):
        return cell
    return replace(cell, place="call" if cell.side == "request" else "tool_call")


class _Run:
    """One measurement under way: a connection, and the way by which each cell's ordinary call passes."""

    def __init__(self, draft: Draft, made: Scratch, worker: int = 0) -> None:
        self._draft = draft
        self._made = made
        self._client = Client(made.url)
        if worker and not self._client.reach(worker, operator_key(made)):
            self._client.close()
            raise Unavailable("no second worker took a connection")
        self._ways = [Way(key, purpose) for key in made.callers.values() for purpose in draft.purposes]
        self._open: dict[Cell, Way | Asked] = {}

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def try_cell(self, clause: Clause, concern: Concern, cell: Cell) -> Result | Trial:
        """What can be said without a call, or the calls to be judged."""
        if not concern.has(cell.place):
            return Result("apart")
        if concern.unprobed:
            return Result("inexpressible", concern.unprobed)
        if concern.probe is None:
            return Result("red", "the clause has no probe, so nothing shows that it holds")
        operation = DIALECTS[cell.dialect].operation
        if concern.operations and operation not in concern.operations:
            return Result("apart", f"the clause is about {', '.join(sorted(concern.operations))}, this is {operation}")
        try:
            trips = plan(cell, concern.probe.trips, self._draft)
            passes = None if concern.always else plan(cell, concern.probe.passes, self._draft)
        except Inexpressible as why:
            return Result("inexpressible", str(why))
        except Unwritten as why:
            return Result("red", str(why))
        if concern.learned:
            return Result("learned")
        return self._trial(clause, concern, cell, trips, passes)

    def _trial(self, clause: Clause, concern: Concern, cell: Cell, trips: Plan, passes: Plan | None) -> Trial:
        if cell.place != "call":
            way = self._way(cell, concern)
            if isinstance(way, Asked):
                return self._judged(clause, cell, self._make(trips, self._ways[0]), None, way)
            return self._judged(clause, cell, self._make(trips, way), self._make(passes, way) if passes else None)
        if passes is None or clause.effect in ("permit", "oblige"):
            return self._judged(clause, cell, self._first(trips), self._first(passes) if passes else None)
        passed = self._first(passes)
        return self._judged(clause, cell, self._make(trips, passed.way), passed)

    def _judged(
        self, clause: Clause, cell: Cell, trips: Asked, passes: Asked | None, shut: Asked | None = None
    ) -> Trial:
        return Trial(clause, cell, trips, passes, shut, self._made.attempts)

    def _way(self, cell: Cell, concern: Concern) -> Way | Asked:
        """The way by which an ordinary call of that cell passes; the call made the first way where none does."""
        if cell.place == "tool_call":
            assert concern.probe is not None
            return self._opened(cell, plan(cell, concern.probe.passes, self._draft))
        if cell not in self._open:
            self._open[cell] = self._opened(cell, plan(cell, ORDINARY, self._draft))
        return self._open[cell]

    def _opened(self, cell: Cell, ordinary: Plan) -> Way | Asked:
        asked = self._first(ordinary)
        return asked.way if arrived(asked, stream=cell.stream) else asked

    def _first(self, one: Plan) -> "_Made":
        """The call made each way until it passes; the first where it never does."""
        made = [self._make(one, self._ways[0])]
        for way in self._ways[1:]:
            if made[-1].seen.status == OK:
                break
            made.append(self._make(one, way))
        return made[-1] if made[-1].seen.status == OK else made[0]

    def _make(self, one: Plan, way: Way) -> "_Made":
        """One call, and what of it reached the upstream."""
        upstream = self._made.upstream
        upstream.play(always(Reply(answer=one.answer)))
        headers = {"Caveat-Purpose": way.purpose, "anthropic-version": "2023-06-01"}
        seen = self._client.call(one.dialect.paths[0], way.key, one.body, **headers)
        received = upstream.received
        return _Made(one, seen, received[-1].body if received else None, way)


class _Made(Asked, frozen=True):
    """A call that was made, and which way."""

    way: Way
