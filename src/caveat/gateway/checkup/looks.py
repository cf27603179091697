"""What is well with a home and what is not: one sentence for each thing looked at, and what to do about it.

Rules of this file: it changes nothing; a check that cannot be made says so and is no success; every check ends in exactly
one finding, so that a page of green lines means that everything was looked at.
"""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

import msgspec
from msgspec import Struct

from caveat.errors import CaveatError
from caveat.gateway.checkup.parties import look_at_parties
from caveat.gateway.checkup.witness import look_at_witnesses
from caveat.gateway.coverage.matrix import read_document
from caveat.gateway.home.build import this_build
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import OPERATOR_KEY, house_keys
from caveat.gateway.home.tables import Settings
from caveat.gateway.house.past import read_past
from caveat.gateway.model.manifest import read_manifest
from caveat.gateway.model.store import SMOLLM2
from caveat.ledger.checkpoint import LogKeys
from caveat.ledger.reader import LedgerReader
from caveat.register import Register
from caveat.terms.condition import REPLY, read_condition
from caveat.terms.document import Clause, Terms
from caveat.terms.lint import DAY_MS, SOON_DAYS

Level = Literal["good", "doubt", "bad"]
ROOMY = 10
"""So many times the least free space leaves nothing to say."""
NEWEST = 256
"""Records that are read back, with what opens them."""
SERVES = ("openai_chat", "openai_responses", "anthropic_messages")
"""Formats whose replies hold words."""


class Noted(Struct, frozen=True):
    """What one check found; `hint` is what to do."""

    check: str
    level: Level
    says: str
    hint: str = ""


class Counted(Struct, frozen=True):
    """The running gateway's own counters: metric name -> ((label -> value), count)."""

    samples: tuple[tuple[str, dict[str, str], float], ...]

    def total(self, name: str, **labels: str) -> float:
        """The sum over all samples that bear these labels."""
        return sum(n for metric, found, n in self.samples if metric == name and labels.items() <= found.items())

    def paths(self) -> list[tuple[str, str]]:
        """(dialect, stream) of every path that carried a call that was decided."""
        return sorted({(f["dialect"], f["stream"]) for m, f, n in self.samples if m == "caveat_calls_total" and n})


def at_rest(home: Home) -> list[Noted]:
    """Everything that can be seen on disk.  Raises nothing that a sentence can say."""
    try:
        settings = home.settings()
    except CaveatError as error:
        return [_bad("settings", error)]
    found = [Noted("settings", "good", f"the settings of `{home.path}` can be read")]
    found += [_tried(name, partial(look, home, settings)) for name, look in _LOOKS.items()]
    register, noted = _folded(home)
    return [*found, noted, *((*_terms(register), *_parties(register)) if register else ())]


def _folded(home: Home) -> tuple[Register | None, Noted]:
    try:
        past = read_past(LedgerReader(home.ledger, home.vault), Documents(home.control))
    except CaveatError as error:
        return None, _bad("register", error)
    return past.register, Noted("register", "good", f"what is in force follows from {past.size} records")


def _tried(name: str, look: Callable[[], Noted]) -> Noted:
    try:
        return look()
    except CaveatError as error:
        return _bad(name, error)


def _bad(check: str, error: CaveatError) -> Noted:
    return Noted(check, "bad", error.message, error.hint)


def _log_keys(home: Home, settings: Settings) -> LogKeys:
    """The log's keys as they lie there.  Raises BadInput where one is missing: house_keys() alone would make it anew."""
    for name in ("log", "vault"):
        home.read_key(name)
    return house_keys(home, settings.gateway.origin)[0]


def _keys(home: Home, settings: Settings) -> Noted:
    _log_keys(home, settings)
    home.read_key(OPERATOR_KEY)
    return Noted("keys", "good", "the log's keys, the vault's and the operator's are there and closed to others")


def _ledger(home: Home, settings: Settings) -> Noted:
    """The checkpoint under the log's own keys, and the newest records with what opens them."""
    reader = LedgerReader(home.ledger, home.vault, _log_keys(home, settings).verify_keys)
    published, size = reader.head().size, reader.size()
    read = sum(1 for _ in reader.entries(max(0, size - NEWEST), size))
    says = f"the checkpoint over {published} of {size} records is signed, and the newest {read} lead to it"
    return Noted("ledger", "good", says, "`caveat ledger fsck` recomputes all of it")


def _disk(home: Home, settings: Settings) -> Noted:
    free, least = home.free_mb(), settings.ledger.min_free_mb
    says = f"{free} MB are free, and {least} are wanted"
    if free < least:
        return Noted("disk", "bad", f"{says}: calls are refused", "free some space")
    return Noted("disk", "good" if free >= least * ROOMY else "doubt", says)


def _model(home: Home, settings: Settings) -> Noted:
    embedded = [upstream for upstream in settings.upstream.values() if upstream.embedded]
    if not settings.upstream:
        return Noted("model", "bad", "the settings name no upstream", "add [upstream.NAME] to caveat.toml")
    for upstream in embedded:
        for name in set(upstream.models.values()) or {SMOLLM2.alias}:
            manifest = read_manifest(home.models / f"{name}.json")
            weights = home.models / manifest.file
            if not weights.is_file() or weights.stat().st_size != manifest.bytes:
                return Noted("model", "bad", f"the weights `{weights}` are missing or cut", "`caveat models pull`")
    return Noted("model", "good", f"{len(settings.upstream)} upstream(s), {len(embedded)} of them embedded and there")


def _witnesses(home: Home, settings: Settings) -> Noted:
    level, says, hint = look_at_witnesses(home, settings)
    return Noted("witnesses", level, says, hint)


_LOOKS = {"keys": _keys, "ledger": _ledger, "disk": _disk, "model": _model, "witnesses": _witnesses}


def _terms(register: Register) -> Iterable[Noted]:
    if not register.terms:
        yield Noted("terms", "bad", "no terms are in force, so no call is answered", "`caveat terms adopt FILE`")
    for terms in register.terms.values():
        yield _validity(terms)


def _parties(register: Register) -> Iterable[Noted]:
    for level, says, hint in look_at_parties(register, time.time_ns() // 1_000_000):
        yield Noted("parties", level, says, hint)


def _validity(terms: Terms) -> Noted:
    now = time.time_ns() // 1_000_000
    draft, days = terms.draft, (terms.draft.valid_until_ms - now) // DAY_MS
    if not draft.valid_at(now):
        return Noted(
            "terms",
            "bad",
            f"`{draft.name}` is not valid now: no call is answered under it",
            "sign and adopt terms for now",
        )
    if days < SOON_DAYS:
        return Noted("terms", "doubt", f"`{draft.name}` ends in {days} days", "agree the next terms in time")
    return Noted("terms", "good", f"`{draft.name}` is in force for {days} days more")


def measured(home: Home) -> list[Noted]:
    """For each terms in force: whether they were measured, on this build, without a red."""
    register, _ = _folded(home)
    documents = Documents(home.control)
    return (
        [_tried("coverage", partial(_measurement, register, t, documents)) for t in register.terms.values()]
        if register
        else []
    )


def _measurement(register: Register, terms: Terms, documents: Documents) -> Noted:
    name = terms.draft.name
    if name not in register.coverage:
        return Noted("coverage", "doubt", f"`{name}` was never measured here", "`caveat coverage`")
    matrix = read_document(documents.read(register.coverage[name]))
    if matrix.reds():
        return Noted(
            "coverage",
            "bad",
            f"`{name}` has {len(matrix.reds())} places where a clause does not hold",
            "`caveat coverage`",
        )
    if matrix.terms.digest != terms.digest:
        return Noted("coverage", "doubt", f"another text was measured under the name `{name}`", "`caveat coverage`")
    if matrix.build.digest != this_build().digest:
        return Noted("coverage", "doubt", f"`{name}` was measured on another build than this one", "`caveat coverage`")
    return Noted("coverage", "good", f"`{name}` holds wherever it could be tried on this build")


def unevaluated(register: Register, counted: Counted) -> list[Noted]:
    """Paths that carry traffic and on which an enforced clause was not evaluated."""
    found = [
        Noted(
            "clauses",
            "doubt",
            f"`{clause.id}` of `{terms.draft.name}` was not evaluated {where}, which carries calls",
            "see `caveat coverage`; calls there are for other models, or this is a fault",
        )
        for terms in register.terms.values()
        for clause in terms.draft.clauses
        if clause.kind == "enforced"
        for where in _missed(terms, clause, counted)
    ]
    return found or [
        Noted("clauses", "good", f"every enforced clause was evaluated on the {len(counted.paths())} paths with calls")
    ]


def _missed(terms: Terms, clause: Clause, counted: Counted) -> list[str]:
    of_reply = bool(read_condition(clause.when or "false").reads & REPLY)
    missed = []
    for dialect, stream in counted.paths():
        where = f"on {dialect}, {'streamed' if stream == 'true' else 'whole'}"
        path = {"terms": terms.draft.name, "dialect": dialect, "stream": stream}
        if not counted.total("caveat_evaluations_total", **path):
            missed.append(where)
        elif (
            of_reply
            and dialect in SERVES
            and _answered(counted, dialect, stream)
            and not counted.total("caveat_reply_evaluations_total", **path)
        ):
            missed.append(f"on replies {where}")
    return missed


def _answered(counted: Counted, dialect: str, stream: str) -> float:
    return sum(
        counted.total("caveat_endings_total", dialect=dialect, stream=stream, ending=e)
        for e in ("completed", "stopped")
    )


def read_counters(text: str) -> Counted:
    """The exposition format of Prometheus, as far as our own counters use it."""
    found = []
    for line in text.splitlines():
        name, brace, rest = line.partition("{")
        if not brace or name.startswith("#"):
            continue
        labels, _, count = rest.rpartition("} ")
        pairs = (pair.partition("=") for pair in labels.split(","))
        found.append(
            (name, {key: msgspec.json.decode(value, type=str) for key, _, value in pairs if value}, float(count))
        )
    return Counted(tuple(found))
