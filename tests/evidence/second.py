"""The second verifier (verify/caveat_check.py), asked in this process for the same bundles as the first."""

import importlib.util
import io
from pathlib import Path
from typing import Any

from caveat.evidence.report import Report
from caveat.evidence.trust import Trust
from caveat.evidence.verify import verify

PATH = Path(__file__).parents[2] / "verify" / "caveat_check.py"


def load() -> Any:
    """The script as a module of its own: it imports nothing of ours."""
    spec = importlib.util.spec_from_file_location("caveat_check", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = load()


def text_of(trust: Trust) -> bytes:
    """A trust file that reads as that trust."""
    lines = [f"log {key.text}" for key in trust.logs]
    lines += [f"witness {name} {key.text}" for name, key in trust.witnesses.items()]
    lines += [f"group {name} {group.k} {' '.join(group.members)}" for name, group in trust.groups.items()]
    lines += [f"party {role} {key.text}" for role, keys in trust.parties.items() for key in keys]
    return "\n".join([*lines, f"quorum {trust.quorum}", ""]).encode()


def second_opinion(
    bundle: bytes,
    trust: Trust,
    last: bytes = b"",
    after: bytes = b"",
    tickets: tuple[bytes, ...] = (),
    *,
    unjudged: set[str] | None = None,
) -> str:
    """Why the script does not verify the bundle, "" where it does; acts that it says it does not judge go to `unjudged`."""
    before = io.BytesIO(after) if after else None
    try:
        _, unknown = SCRIPT.check(io.BytesIO(bundle), SCRIPT.Trust(text_of(trust)), last, before, tickets)
    except SCRIPT.REFUSED as error:
        return f"{type(error).__name__}: {error}"
    if unjudged is not None:
        unjudged |= unknown
    return ""


def verified(bundle: io.BytesIO, trust: Trust, last: bytes = b"") -> Report:
    """What the package says of a bundle, once the script was found to come to the same, and to leave nothing unjudged."""
    report = verify(bundle, trust, last)
    unjudged: set[str] = set()
    other = second_opinion(bundle.getvalue(), trust, last, unjudged=unjudged)
    assert (other == "") == report.verified, (other, report.sentences())
    assert not unjudged
    return report
