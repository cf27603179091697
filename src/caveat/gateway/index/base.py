"""index.sqlite: what the index keeps, and how it is opened.

Rules of this file: everything in it is derived from the ledger and may be deleted at any time; words are kept once and
named by number; what a record has closed (its opening destroyed, or not the one it committed to) stands as no word at
all; readers never wait for the writer (write-ahead log).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from caveat.errors import Unavailable

FORMAT = 5
"""Of the tables; an index of another format is built again."""

TABLES = """
create table seen (origin text primary key, size integer not null);
create table word (n integer primary key, kind text not null, text text not null, unique (kind, text));
create table call (at integer primary key, id blob not null, kind integer not null, t integer not null,
  settled integer, outcome integer not null, verdict integer, rule integer, caller integer, purpose integer,
  model integer, casename integer, terms integer, dialect integer, rank integer, streams integer,
  tin integer, tout integer, waived integer not null default 0);
create table held (clause integer not null, at integer not null, primary key (clause, at)) without rowid;
create table tally (unit integer not null, start integer not null, dim text not null, word integer not null,
  outcome integer not null, n integer not null, primary key (unit, dim, start, word, outcome)) without rowid;
create table spend (lift text not null, at integer not null, primary key (lift, at)) without rowid;
create table metered (origin text primary key, size integer not null);
create table gap (says text primary key, kind text not null, at integer not null, t integer not null) without rowid;
create table control (at integer primary key, t integer not null, what text not null, id text not null, doc text not null);
"""
ORDERS = """
create unique index if not exists call_id on call (id);
create index if not exists call_t on call (t);
create index if not exists call_caller on call (caller, at);
create index if not exists call_purpose on call (purpose, at);
create index if not exists call_model on call (model, at);
create index if not exists call_outcome on call (outcome, at);
create index if not exists call_case on call (casename, at) where casename is not null;
create index if not exists control_what on control (what, at);
"""
"""Made once the first build is through: keeping them up to date while a million rows go in costs more."""

HINT = "delete index.sqlite; it is built again from the ledger"
_PATIENCE_S = 5.0


@contextmanager
def opened(path: Path, *, writing: bool = False) -> Iterator[sqlite3.Connection]:
    """The base, made where it is not there or of another format.  Raises Unavailable for a file that is no such base."""
    try:
        if writing:
            _make(path)
        with closing(sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)) as base:
            base.execute("pragma synchronous = normal")
            if writing:
                base.execute("pragma cache_size = -65536")
            else:
                base.execute("pragma query_only = on")
            yield base
    except sqlite3.DatabaseError as error:
        raise Unavailable(f"the index of calls cannot be used: {error}", hint=HINT) from None


def ready(path: Path) -> bool:
    """Whether there is a base of this format."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE_S)) as base:
            return int(base.execute("pragma user_version").fetchone()[0]) == FORMAT
    except sqlite3.DatabaseError:
        return False


def drop(path: Path) -> None:
    """Throw the index away."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _make(path: Path) -> None:
    if ready(path):
        return
    drop(path)
    with closing(sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)) as base:
        base.execute("pragma journal_mode = wal")
        base.executescript(f"begin; {TABLES} pragma user_version = {FORMAT}; commit;")
