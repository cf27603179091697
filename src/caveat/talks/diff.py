"""What changed between two drafts, clause by clause: values, for whoever shows them.

Rules of this file: clauses are matched by id, so a renamed clause is one removed and one added; a condition that is only
spaced or commented otherwise has not changed; every other difference shows.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from caveat.terms.compile import duty_text
from caveat.terms.condition import read_condition
from caveat.terms.document import Clause, Draft, Text
from caveat.terms.lease import FOREVER, Continuity, LeaseRule
from caveat.terms.moment import moment_text


class Moved(Struct, frozen=True):
    """One value that is another now.  `what` names it: `says.fr`, `when`, `effect`, `thresholds.x_sur`; "" stands for
    none."""

    what: str
    before: str
    after: str


class ClauseChange(Struct, frozen=True):
    """One clause that is new, gone or different.  `moved` is empty unless it is different."""

    id: str
    how: Literal["added", "removed", "changed"]
    moved: tuple[Moved, ...] = ()
    before: Clause | None = None
    after: Clause | None = None

    @property
    def reworded(self) -> bool:
        """Whether its words have changed, whatever else has."""
        return any(m.what.startswith(("title.", "says.")) for m in self.moved)

    @property
    def binding(self) -> bool:
        """Whether more than words, grounds and probes has changed: what it does may differ."""
        return self.how != "changed" or any(
            not m.what.startswith(("title.", "says.", "basis", "probe")) for m in self.moved
        )


class ListChange(Struct, frozen=True):
    """Words that came into a closed list or left it."""

    what: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


class Diff(Struct, frozen=True):
    """All differences; everything empty means that both say the same."""

    clauses: tuple[ClauseChange, ...]
    thresholds: tuple[Moved, ...]
    lists: tuple[ListChange, ...]
    document: tuple[Moved, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.clauses or self.thresholds or self.lists or self.document)


def diff(before: Draft, after: Draft) -> Diff:
    """From `before` to `after`; clauses in the order of `after`, removed ones last."""
    return Diff(
        clauses=tuple(_clauses(before, after)),
        thresholds=tuple(
            Moved(f"thresholds.{code}", str(before.thresholds[code]), str(after.thresholds[code]))
            for code in after.thresholds
            if before.thresholds[code] != after.thresholds[code]
        ),
        lists=tuple(_lists(before, after)),
        document=_moved(before, after, _document_texts),
    )


def _clauses(before: Draft, after: Draft) -> list[ClauseChange]:
    old = {clause.id: clause for clause in before.clauses}
    new = {clause.id: clause for clause in after.clauses}
    changes: list[ClauseChange] = []
    for id_, clause in new.items():
        if id_ not in old:
            changes.append(ClauseChange(id_, "added", after=clause))
        elif moved := _moved(old[id_], clause, _clause_texts):
            changes.append(ClauseChange(id_, "changed", moved, old[id_], clause))
    changes += [ClauseChange(id_, "removed", before=clause) for id_, clause in old.items() if id_ not in new]
    return changes


T = TypeVar("T")
Texts = dict[str, str]
"""What a value is called -> its text."""


def _words(name: str, text: Text) -> Texts:
    return {f"{name}.{language}": words for language, words in text.items()}


def _clause_texts(clause: Clause) -> Texts:
    return {
        **_words("title", clause.title),
        **_words("says", clause.says),
        "effect": clause.effect,
        "when": clause.when or "",
        "kind": clause.kind,
        "waivable": "true" if clause.waivable else "false",
        "approvers": "" if clause.approvers == 1 else str(clause.approvers),
        "duties": ", ".join(map(duty_text, clause.duties)),
        "fields": ", ".join(clause.fields),
        "basis": ", ".join(clause.basis),
        "probe": "" if clause.probe is None else msgspec.json.encode(clause.probe).decode(),
    }


def _document_texts(draft: Draft) -> Texts:
    return {
        "id": draft.id,
        "version": str(draft.version),
        **_words("title", draft.title),
        "parties.vendor": draft.vendor.name,
        "parties.operator": draft.operator.name,
        "valid.from": str(draft.valid_from_ms),
        "valid.until": str(draft.valid_until_ms),
        "markings": draft.markings,
        **_words("notice", draft.notice),
        "guard.stride": str(draft.stride),
        "guard.window": str(draft.window),
        "waivers.approvers": str(draft.waivers.approvers),
        "waivers.vendor": str(draft.waivers.vendor),
        **_lasting(draft),
    }


def _lasting(draft: Draft) -> Texts:
    """The lease, what goes on after it, and what becomes of calls that run when the terms end; "" for what is not set."""
    lease, continuity = draft.lease or LeaseRule(), draft.continuity or Continuity(after=())
    return {
        "lease.until": "" if lease.until_ms >= FOREVER else moment_text(lease.until_ms),
        "lease.calls": "" if lease.calls >= FOREVER else str(lease.calls),
        "continuity.days": str(continuity.days or ""),
        "continuity.calls": str(continuity.calls or ""),
        "continuity.purposes": ", ".join(continuity.purposes),
        "continuity.after": ", ".join(continuity.after),
        "wind_down.cut_after_s": "" if draft.cut_after_s is None else str(draft.cut_after_s),
    }


def _moved(before: T, after: T, texts: Callable[[T], Texts]) -> tuple[Moved, ...]:
    old, new = texts(before), texts(after)
    return tuple(
        Moved(what, old.get(what, ""), new.get(what, ""))
        for what in dict.fromkeys((*old, *new))
        if not _same(what, old.get(what, ""), new.get(what, ""))
    )


def _same(what: str, before: str, after: str) -> bool:
    if before == after:
        return True
    return what == "when" and bool(before and after) and read_condition(before).form == read_condition(after).form


def _lists(before: Draft, after: Draft) -> list[ListChange]:
    changes = []
    for what, texts in LISTS.items():
        old, new = texts(before), texts(after)
        added = tuple(word for word in new if word not in old)
        removed = tuple(word for word in old if word not in new)
        if added or removed:
            changes.append(ListChange(what, added, removed))
    return changes


LISTS: dict[str, Callable[[Draft], Sequence[str]]] = {
    "languages": lambda draft: draft.languages,
    "purposes": lambda draft: draft.purposes,
    "models": lambda draft: [f"{model.alias} = {model.identity}" for model in draft.models],
    "tools": lambda draft: [f"{tool.name}: {tool.kind}, {tool.side_effect}" for tool in draft.tools],
}
