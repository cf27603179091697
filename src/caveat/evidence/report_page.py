"""A verification as one HTML file that needs nothing but itself, and checks itself again before its reader.

Rules of this file: no script, style, font or picture from elsewhere, and a policy in the page that forbids them; only the
two scripts whose digests stand in that policy run, so nothing that came from a bundle can; every text is escaped by the
template, and the data by hand (`<` never stands in it); figures that the manifest states are marked, so that the page's own
script compares them with the signed ones.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, BinaryIO, Final

import msgspec
from jinja2 import Environment, StrictUndefined, select_autoescape
from markupsafe import Markup

from caveat.errors import CaveatError
from caveat.evidence.bundle import Bundle
from caveat.evidence.gathered import Gathered, moment_of
from caveat.evidence.mirror import KnownTree, Mirror
from caveat.evidence.plots import ENDINGS, day_plot, legend, spark
from caveat.evidence.report import Findings, Report
from caveat.evidence.step import Case
from caveat.evidence.steps.table import NEEDED, TITLES
from caveat.evidence.trust import Trust
from caveat.evidence.verify import verify_case
from caveat.keys import KeyKind
from caveat.ledger.tiles import TILE_WIDTH, TreeReader
from caveat.note import open_note, read_tree_head
from caveat.sentences.said import grouped, phrase, said

SHOWN_RECORDS: Final = 64
"""How many records the page holds with their proofs: spread evenly over the range, those that change what is in force first."""
MOST_DAYS: Final = 62
SCRIPTS: Final = ("proof.js", "report.js")
_SAYS: Final = re.compile(r'\b(?:fail|_)\(\s*"([^"]+)"')

_PLACE: Final = files("caveat.evidence").joinpath("page")


def verify_with_page(  # noqa: PLR0913, PLR0917 - what one verification has before it
    file: BinaryIO,
    trust: Trust,
    last: bytes = b"",
    after: BinaryIO | None = None,
    tickets: tuple[bytes, ...] = (),
    processes: int | None = 1,
    *,
    language: str = "en",
) -> tuple[Report, str]:
    """The report on a bundle, as `verify` gives it, and its page in that language (one of those of caveat.sentences)."""
    case = Case(file, trust, last, Findings(TITLES, NEEDED), after, tickets, processes)
    gathered = Gathered(case)
    case.watches[0] = gathered
    report = verify_case(case)
    return report, _page(case, gathered, report, language)


def script(name: str) -> str:
    """A script of the page, for others who show proofs: `proof.js`."""
    return _PLACE.joinpath(name).read_text("utf-8")


def words_of(scripts: Sequence[str], language: str) -> dict[str, str]:
    """What scripts say (`fail("..")`, `_("..")`, with `{name}` for what is put in), from English to that language."""
    made = {form: phrase(form, language) for text in scripts for form in _SAYS.findall(text)}
    return {form: says for form, says in made.items() if says != form}


def _page(case: Case, gathered: Gathered, report: Report, language: str) -> str:
    scripts = [script(name) for name in SCRIPTS]
    held = _held(case)
    if held:
        held["words"] = words_of(scripts, language)
    days = sorted(gathered.days.items())[-MOST_DAYS:]
    names: dict[str, Any] = {
        "language": language,
        "report": report,
        "manifest": report.manifest,
        "policy": " ".join(f"'sha256-{_digest(text)}'" for text in scripts) if held else "'none'",
        "style_digest": _digest(script("report.css")),
        "style": Markup(script("report.css")),  # noqa: S704 - our own file
        "scripts": [Markup(text) for text in scripts],  # noqa: S704 - our own files
        "held": Markup(_quiet(held)) if held else None,  # noqa: S704 - JSON in which no `<` stands
        "signers": _signers(case),
        "days": days,
        "endings": [ending for ending in ENDINGS if any(counts[ending] for _, counts in days)],
        "plot": Markup(day_plot(days, language) + legend(days, language)) if days else "",  # noqa: S704 - numbers, days, our own words
        "clauses": _clauses(gathered, language),
        "closed": gathered.closed,
        "quiet": gathered.quiet,
        "waivers": _waivers(case),
        "coverage": [_measured(name, data) for name, data in sorted(gathered.measured.items())],
        "terms": _terms(case),
    }
    return _environment(language).from_string(script("report.html")).render(names)


def _environment(language: str) -> Environment:
    made = Environment(
        autoescape=select_autoescape(default_for_string=True), undefined=StrictUndefined, trim_blocks=True
    )
    made.globals["_"] = lambda form, **words: phrase(form, language, **words)
    made.filters["ours"] = lambda sentence: said(sentence, language)
    made.filters["ticked"] = _ticked
    made.filters["sentence"] = lambda text: f"{text[:1].upper()}{text[1:]}." if text else ""
    made.filters["count"] = lambda number: grouped(f"{number:,}", language)
    made.filters["hours"] = lambda ms: grouped(f"{ms / 3_600_000:,.1f}", language)
    made.filters["time"] = moment_of
    return made


def _ticked(text: str) -> Markup:
    """A sentence in which words between back-ticks stand as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return Markup("{}").format(text)
    code, plain = Markup("<code>{}</code>"), Markup("{}")
    return Markup("").join((code if i % 2 else plain).format(piece) for i, piece in enumerate(pieces))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _quiet(value: dict[str, Any]) -> str:
    """JSON that can stand in a script element: nothing in it can end the element or begin another."""
    text = msgspec.json.encode(value).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")


# --- what the page checks again ---


def _held(case: Case) -> dict[str, Any] | None:
    """What is embedded; None where the bundle failed before there was a tree to believe."""
    mirror, bundle = getattr(case, "mirror", None), getattr(case, "bundle", None)
    if mirror is None or bundle is None or case.findings.failed(4):
        return None
    tree = KnownTree(mirror, case.head.size)
    return {
        "keys": [key.text for key in case.keys if key.kind is not KeyKind.COSIGN_MLDSA],
        "checkpoint": bundle.checkpoint.decode(),
        "manifest": bundle.manifest_bytes.decode(),
        "note": bundle.manifest_note.decode(),
        "earlier": _earlier(case, tree),
        "records": _records(bundle, mirror, tree),
    }


def _earlier(case: Case, tree: TreeReader) -> dict[str, Any] | None:
    checkpoint = case.last or case.bundle.previous_checkpoint
    if not checkpoint or case.findings.failed(3):
        return None
    old = read_tree_head(open_note(checkpoint, case.keys).text).size
    proof = tree.consistency(old) if old else []
    return {"checkpoint": checkpoint.decode(), "proof": [_b64(h) for h in proof]} if old else None


def _records(bundle: Bundle, mirror: Mirror, tree: TreeReader) -> list[dict[str, Any]]:
    manifest = bundle.manifest
    inside = [index for index in manifest.controls if manifest.start <= index < manifest.to][: SHOWN_RECORDS // 2]
    left = SHOWN_RECORDS - len(inside)
    width = manifest.to - manifest.start
    spread = {manifest.start + i * width // left for i in range(left)} if width else set()
    chosen = sorted({*inside, *spread})
    shown = {line.i: line.d for line in bundle.disclosures() if line.i in set(chosen)}
    return [
        {
            "index": index,
            "leaf": mirror.entries(index // TILE_WIDTH)[index % TILE_WIDTH].decode(),
            "proof": [_b64(h) for h in tree.inclusion(index)],
            "shown": shown.get(index, ()),
        }
        for index in chosen
    ]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- what the page shows ---


def _signers(case: Case) -> list[tuple[str, str]]:
    keys = getattr(case, "keys", ())
    rows = [("log", f"{key.name}+{key.id.hex()}") for key in keys]
    rows += [(role, f"{k.name}+{k.id.hex()}") for role, held in case.trust.parties.items() for k in held]
    return rows + [("witness", f"{k.name}+{k.id.hex()}") for k in case.trust.witnesses.values()]


def _clauses(gathered: Gathered, language: str) -> list[dict[str, Any]]:
    days = sorted(gathered.days)[-MOST_DAYS:]
    rows = sorted(gathered.clauses.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    return [
        {"id": clause, "sum": sum(by_day.values()), "plot": Markup(spark([by_day[d] for d in days], language))}  # noqa: S704
        for clause, by_day in rows
    ]


def _waivers(case: Case) -> list[dict[str, Any]]:
    walk = getattr(case, "walk", None)
    if walk is None:
        return []
    return [
        {"waiver": waiver, "used": walk.uses.spent[id_], "live": id_ in walk.history.register.waivers}
        for id_, waiver in sorted(walk.history.granted.items())
        if waiver.kind == "waiver" or walk.uses.spent[id_]
    ]


def _terms(case: Case) -> list[dict[str, Any]]:
    walk, bundle = getattr(case, "walk", None), getattr(case, "bundle", None)
    if walk is None or bundle is None:
        return []
    spans = walk.history.spans(bundle.manifest.start, bundle.manifest.to)
    return [{"span": span, "draft": walk.history.terms[span.digest].draft} for span in spans]


def _measured(name: str, document: bytes) -> dict[str, Any]:
    """A coverage matrix in a line; whatever it holds, a person sees it as text."""
    try:
        matrix = msgspec.json.decode(document)
        states = [result["state"] for row in matrix["rows"] for result in row["results"]]
        counts = {state: states.count(state) for state in sorted(set(states))}
        return {"terms": name, "clauses": len(matrix["rows"]), "cells": len(matrix["cells"]), "counts": counts}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, CaveatError):
        return {"terms": name, "clauses": 0, "cells": 0, "counts": {}}
