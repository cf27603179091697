"""Lists, counts and words out of the index, for pages: every question is bounded and reads a fixed picture of the base."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from caveat.console.values import CallLine, CallPage, ControlLine, Count, MeterGap, Reach, Wanted
from caveat.gateway.index.base import opened, ready
from caveat.gateway.index.follow import Index
from caveat.gateway.index.rows import OUTCOME, OUTCOMES
from caveat.gateway.index.write import seen
from caveat.record import case_mark

_COLUMNS = """call.at, call.id, call.t, call.outcome, v.text, r.text, c.text, p.text, m.text, k.text, d.text, call.rank,
  call.tin, call.tout, call.waived"""
_JOINS = "\n".join(
    f"left join word {short} on {short}.n = call.{column}"
    for short, column in (
        ("v", "verdict"),
        ("r", "rule"),
        ("c", "caller"),
        ("p", "purpose"),
        ("m", "model"),
        ("k", "casename"),
        ("d", "dialect"),
    )
)
_WORDS = {
    "caller": "call.caller",
    "purpose": "call.purpose",
    "model": "call.model",
    "case": "call.casename",
    "clause": "held.clause",
    "outcome": "call.outcome",
    "rule": "call.rule",
}
_SPELT = {"case": case_mark}
"""How a word is kept where it is not kept as it was said."""
MOST = 500
"""Lines in one answer."""


class Lists:
    """Questions to the index.  Safe to use from any thread."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def reach(self) -> Reach:
        """How far the index is."""
        size = self._index.reader.size()
        if not ready(self._index.path):
            return Reach(0, size)
        with opened(self._index.path) as base:
            return Reach(min(size, seen(base, self._index.reader.origin)), size)

    def calls(self, wanted: Wanted) -> CallPage:
        """The calls that fit, newest first.  Raises Unavailable where the index cannot be used."""
        self._index.refresh()
        with opened(self._index.path) as base:
            where, values = _where(base, wanted)
            if where is None:
                return CallPage((), more=False)
            most = max(1, min(wanted.most, MOST))
            source = "held join call on call.at = held.at" if wanted.clause else "call"
            # names and columns are ours; what was asked for goes in as values
            inner = f"select call.at from {source} where {where} order by call.at desc limit ?"  # noqa: S608
            query = f"select {_COLUMNS} from call {_JOINS} where call.at in ({inner}) order by call.at desc"  # noqa: S608
            rows = base.execute(query, (*values, most + 1)).fetchall()
            return CallPage(tuple(_line(row) for row in rows[:most]), more=len(rows) > most)

    def words(self, kind: str, most: int = 200) -> tuple[str, ...]:
        """The words of a kind (caller, purpose, clause, model) that calls bear, in order."""
        self._index.refresh()
        with opened(self._index.path) as base:
            rows = base.execute("select text from word where kind = ? order by text limit ?", (kind, most)).fetchall()
        return tuple(text for (text,) in rows)

    def counts(self, unit: int, dim: str, since_s: int, word: str = "") -> tuple[Count, ...]:
        """Calls by unit (60 or 3600 seconds), outcome and, for a dim other than "all", word."""
        self._index.refresh()
        with opened(self._index.path) as base:
            sql = (
                "select start, coalesce(word.text, tally.word), outcome, tally.n from tally left join word on "
                "word.n = tally.word and tally.dim not in ('all', 'rank') where unit = ? and dim = ? and start >= ?"
            )
            rows = base.execute(f"{sql} order by start", (unit, dim, since_s)).fetchall()
        found = (Count(start, str(text), OUTCOMES[outcome], n) for start, text, outcome, n in rows)
        return tuple(count for count in found if word in ("", count.word))

    def quarters(self, starts: Sequence[int], word: str = "") -> tuple[Count, ...]:
        """Calls by clause that held in those quarters of an hour (POSIX seconds; none that begins an hour is kept)."""
        self._index.refresh()
        marks = ",".join("?" for _ in starts)
        with opened(self._index.path) as base:
            sql = (
                "select start, text, outcome, tally.n from tally join word on word.n = tally.word "
                "where unit = 900 and dim = 'clause' and start in "
            )
            rows = base.execute(f"{sql} ({marks})", tuple(starts)).fetchall()
        found = (Count(start, text, OUTCOMES[outcome], n) for start, text, outcome, n in rows)
        return tuple(count for count in found if word in ("", count.word))

    def controls(self, prefixes: tuple[str, ...] = (), before: int = 0, most: int = 50) -> tuple[ControlLine, ...]:
        """Control records, newest first; those whose act begins with one of the prefixes, any where there are none."""
        self._index.refresh()
        match = " or ".join("what glob ?" for _ in prefixes) or "1"
        values: list[Any] = [f"{prefix}*" for prefix in prefixes]
        with opened(self._index.path) as base:
            sql = f"select at, t, what, id, doc from control where ({match}) and at < ? order by at desc limit ?"  # noqa: S608
            rows = base.execute(sql, (*values, before or 2**62, min(most, MOST))).fetchall()
        return tuple(ControlLine(*row) for row in rows)

    def spent(self, lift: str) -> int:
        """How many uses of a waiver or an approval are on record."""
        self._index.refresh()
        with opened(self._index.path) as base:
            return int(base.execute("select count(*) from spend where lift = ?", (lift,)).fetchone()[0])

    def first_under(self, terms: str) -> int:
        """The first record of a call that was decided under that pair of signatures; -1 where there is none."""
        self._index.refresh()
        with opened(self._index.path) as base:
            number = _number(base, "terms", terms)
            found = (
                base.execute("select min(at) from call where terms = ?", (number,)).fetchone()[0] if number else None
            )
        return -1 if found is None else int(found)

    def documents(self, doc: str) -> int:
        """The first control record that names the document of that digest; -1 where none does."""
        self._index.refresh()
        with opened(self._index.path) as base:
            found = base.execute("select min(at) from control where doc = ?", (doc,)).fetchone()[0]
        return -1 if found is None else int(found)

    def erred(self, since_ms: int) -> int:
        """How many calls were denied since then because a clause could not be evaluated."""
        self._index.refresh()
        with opened(self._index.path) as base:
            number = _number(base, "rule", "error")
            sql = "select count(*) from call where t >= ? and rule = ?"
            return int(base.execute(sql, (since_ms, number)).fetchone()[0]) if number else 0

    def gaps(self, since_ms: int = 0) -> tuple[MeterGap, ...]:
        """Where the seals' counts and the ledger differ, by the time on record, newest first (metering.py)."""
        with opened(self._index.path) as base:
            sql = "select says, kind, at, t from gap where t >= ? order by t desc, says limit ?"
            rows = base.execute(sql, (since_ms, MOST)).fetchall()
        return tuple(MeterGap(*row) for row in rows)

    def metered(self) -> int:
        """Up to which record the seals' counts were compared with the ledger; 0 where they were not yet."""
        with opened(self._index.path) as base:
            found = base.execute("select size from metered where origin = ?", (self._index.reader.origin,)).fetchone()
        return int(found[0]) if found else 0

    def uses(self, dim: str, word: str) -> int:
        """How many calls have ended for that word of a dim, whatever their outcome."""
        return sum(count.n for count in self.counts(3600, dim, 0, word))


def _where(base: sqlite3.Connection, wanted: Wanted) -> tuple[str | None, list[Any]]:
    """The condition for what is wanted; None where a word is in no record at all."""
    parts, values = ["1"], list[Any]()
    for name, column in _WORDS.items():
        if text := getattr(wanted, name):
            number = OUTCOME.get(text) if name == "outcome" else _number(base, name, _SPELT.get(name, str)(text))
            if number is None:
                return None, []
            parts.append(f"{column} = ?")
            values.append(number)
    at = "held.at < ?" if wanted.clause else "call.at < ?"
    for part, value in (("call.t >= ?", wanted.since_ms), ("call.t < ?", wanted.until_ms), (at, wanted.before)):
        if value:
            parts.append(part)
            values.append(value)
    return " and ".join(parts), values


def _number(base: sqlite3.Connection, kind: str, text: str) -> int | None:
    row = base.execute("select n from word where kind = ? and text = ?", (kind, text)).fetchone()
    return row[0] if row else None


def _line(row: tuple[Any, ...]) -> CallLine:
    at, id_, t, outcome, *words, rank, tokens_in, tokens_out, waived = row
    verdict, rule, caller, purpose, model, case, dialect = (word or "" for word in words)
    rank, tokens_in, tokens_out = (-1 if number is None else int(number) for number in (rank, tokens_in, tokens_out))
    return CallLine(
        at=at,
        call=id_.hex(),
        at_ms=t,
        outcome=OUTCOMES[outcome],
        verdict=verdict,
        rule=rule,
        caller=caller,
        purpose=purpose,
        model=model,
        case=case,
        dialect=dialect,
        rank=rank,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        waived=waived,
    )
