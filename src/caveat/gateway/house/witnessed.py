"""How far each witness has cosigned: for /readyz and the metrics, from what stands beside the log."""

from pathlib import Path
from typing import Any

from caveat.gateway.home.tables import Settings
from caveat.ledger.cosigned import newest_of, seen_at_s, size_of
from caveat.terms.moment import moment_text

LAG_S = 3600
"""Seconds behind the newest record after which a witness's silence is a warning."""


def witness_rows(ledger: Path, settings: Settings, size: int) -> list[dict[str, Any]]:
    """A row a witness of the settings: what it cosigned last, when by its own clock ("" before its first), and how many of
    `size` records it lies behind."""
    rows = []
    for name, witness in sorted(settings.witness.items()):
        note = newest_of(ledger, witness.verify_key)
        reached, at_s = (size_of(note), seen_at_s(note, witness.verify_key)) if note else (0, 0)
        at = moment_text(at_s * 1000) if at_s else ""
        rows.append({"witness": name, "size": reached, "behind": max(0, size - reached), "at": at, "at_s": at_s})
    return rows


def witness_warnings(rows: list[dict[str, Any]], now_ms: int) -> list[str]:
    """A sentence for each that has not cosigned yet, or lies behind and has long been silent."""
    told = []
    for row in rows:
        silent = now_ms // 1000 - row["at_s"]
        if not row["at_s"]:
            told.append(f"the witness `{row['witness']}` has cosigned nothing yet")
        elif row["behind"] and silent > LAG_S:
            told.append(
                f"the witness `{row['witness']}` lies {row['behind']} records behind, silent for {silent // 60} minutes"
            )
    return told
