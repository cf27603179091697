"""Where our sentences stand: which modules speak to people, and how a sentence is told from other text (script/words)."""
# ruff: noqa: INP001

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1] / "src" / "caveat"
ERRORS = {"BadInput", "NotVerified", "Refused", "Unavailable", "Unreadable", "_nothing"}
RAISED = (
    *("canon.py", "dsse.py", "keys.py", "note.py", "record.py", "recognize/markings.py", "cli/terms_replay.py"),
    *("console/*", "ledger/*", "register/*", "talks/*", "terms/*", "waivers/*", "evidence/*"),
    *("gateway/desk/*", "gateway/exceptions/*", "gateway/house/*", "gateway/index/*", "gateway/call/fault.py"),
    *("gateway/home/bodies.py", "gateway/home/documents.py", "gateway/home/files.py", "gateway/home/held.py"),
    *("gateway/control/*", "gateway/proof/[a-gopsv]*"),
    "gateway/coverage/[jkmrt]*",
)
"""Modules whose errors may come before somebody who looks at a page or a report."""
NOT_SHOWN = {
    *("ledger/remote.py", "ledger/sequencer.py", "ledger/service.py", "ledger/messages.py", "talks/publishing.py"),
    *("terms/sign.py", "terms/samples.py", "evidence/plots.py", "gateway/proof/collecting.py"),
    *("gateway/exceptions/lifting.py", "gateway/coverage/table.py"),
}
"""Of these, those that speak to a terminal or to a program alone."""
WHOLE = (
    *(
        "evidence/[a-f]*",
        "evidence/gathered.py",
        "evidence/[h-or]*",
        "evidence/profiles.py",
        "evidence/step*",
        "evidence/uses.py",
        "evidence/walk.py",
        "evidence/view.py",
    ),
    *("talks/say.py", "talks/replay.py", "talks/carry.py", "talks/beside.py", "terms/lease.py", "terms/shape.py"),
    *("ledger/fsck.py", "ledger/audit.py", "*coverage/matrix.py", "*coverage/cells.py", "*coverage/judge.py"),
    *("*coverage/concern.py", "*coverage/plan.py", "*coverage/run.py", "*coverage/talk.py", "vocabulary.py"),
)
"""Modules of which every sentence may be shown."""
SHOWN = ("evidence/page/*.js", "evidence/page/*.html", "console/static/*.js", "evidence/plots.py", "cli/evidence.py")
MARKED = re.compile(r'\b(?:fail|_|phrase)\(\s*"([^"]+)"')
"""Files whose sentences are marked where they stand."""
HOLE = re.compile(r"\{([a-z0-9_]+)\}")
SENTENCE = re.compile(r"[a-z]{2,}['`]?[,:;]? +[\w`{(]|[\d}`] +[a-z]{2,}")
NO_SENTENCE = re.compile(r"[<>\n\\]|\(\?|^ *[A-Z]|caveat-.*/v1")
ENDINGS = ("completed", "denied", "held", "stopped", "withheld", "broken", "aborted", "unknown")
MORE = (
    *(
        "request",
        "reply",
        "vendor",
        "operator",
        "viewer",
        "approver",
        "auditor",
        "caller",
        "witness",
        "log",
        "none",
        "day",
    ),
    *("allow", "deny", "hold", "running", "continuity", "lapsed", "proved", "failed", "streamed", "whole", "fallback"),
    *(
        "completed",
        "denied",
        "held",
        "stopped",
        "withheld",
        "broken",
        "aborted",
        "unknown",
        "unreadable",
        "still",
        "ended",
        "flagged",
        "record",
        "document",
        "control",
        "manifest",
        "opaque",
        "withheld",
    ),
    *(f"{a} to {b}" for a in ("allow", "deny", "hold") for b in ("allow", "deny", "hold") if a != b),
    *(
        "user",
        "assistant",
        "tool",
        "system",
        "definition",
        "second worker",
        "green",
        "red",
        "learned",
        "refused",
        "absent",
    ),
    *(
        "inexpressible",
        "apart",
        "yes",
        "no",
        "in {n} days",
        "in {n} hours",
        "the version before",
        "the version after",
        "in 1 day",
    ),
    *("Expected `{a}`, got `{b}`", "Expected `{a}`, got `{b}` - at `{c}`", "Object missing required field `{a}`"),
    *(
        "Object missing required field `{a}` - at `{b}`",
        "Object contains unknown field `{a}`",
        "JSON is malformed: {a}",
    ),
    *("Object contains unknown field `{a}` - at `{b}`", "Expected `{a}` of length >= {n} - at `{c}`"),
    *(
        "Expected `int` >= {n} - at `{c}`",
        "Expected `int` <= {n} - at `{c}`",
        "Input data was truncated",
        "Ed25519 and ML-DSA-44",
        "text",
        "nothing",
        "did you mean `{a}`?",
        "`{a}`: expected {b}, got {c}",
        "a mapping",
        "a list",
        "operator of this home",
        "commits to",
        "EU AI Act Annex III area",
        "the caller's key",
        "what is asked of the model",
        "the model that was asked for",
        "the recognizers' scores, per mille",
        "the recognizers' scores of the reply, per mille",
        *(f"{{n}} {word}" for word in ENDINGS),
    ),
    *(
        "Invalid enum value '{a}' - at `{b}`",
        "No such file or directory",
        "Permission denied",
        "No space left on device",
    ),
)
"""Words that fill open places, and what msgspec and the system say inside our sentences."""


def modules() -> Iterator[tuple[str, bool]]:
    """Paths under src/caveat, and whether every sentence of each counts."""
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in NOT_SHOWN and any(fnmatch(name, one) for one in (*RAISED, *WHOLE)):
            yield name, any(fnmatch(name, one) for one in WHOLE)
