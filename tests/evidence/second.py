"""The second verifier (verify/caveat_check.py), asked in this process for the same bundles as the first."""

import importlib.util
import io
from pathlib import Path
from typing import Any

from caveat.evidence.report import Report
from caveat.evidence.trust import Trust, read_trust
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
    bundle: bytes, trust: Trust, last: bytes = b"", after: bytes = b"", tickets: tuple[bytes, ...] = ()
) -> str:
    """Why the script does not verify the bundle, "" where it does."""
    try:
        SCRIPT.check(bundle, SCRIPT.Trust(text_of(trust)), last, after, tickets)
    except SCRIPT.REFUSED as error:
        return f"{type(error).__name__}: {error}"
    return ""


def verified(bundle: io.BytesIO, trust: Trust, last: bytes = b"") -> Report:
    """What the package says of a bundle, once the script was found to come to the same."""
    report = verify(bundle, trust, last)
    agreed(report, bundle.getvalue(), trust, last)
    return report


def agreed(report: Report, bundle: bytes, *asked: Any) -> None:
    """The script comes to the same as the package did in its report; `asked` is what second_opinion takes besides."""
    other = second_opinion(bundle, *asked)
    assert (other == "") == report.verified, (other, report.sentences())


def asked_too(code: int, *words: Any) -> None:
    """The script, as the command line would run it, ends as `caveat verify` did: 0 for verified, 1 for not.

    `words` are those that `caveat verify` had, the bundle first; what only the package knows (--json, --report) is passed
    over, as is what is no bundle: a day's statement, words that the command line refuses.
    """
    if code not in {0, 1} or not Path(str(words[0])).read_bytes().startswith(b"PK"):
        return
    files: dict[str, list[bytes]] = {}
    rest = [str(word) for word in words]
    bundle = Path(rest.pop(0)).read_bytes()
    while rest:
        name = rest.pop(0)
        if name in {"--trust", "--last", "--after", "--ticket"}:
            files.setdefault(name, []).append(Path(rest.pop(0)).read_bytes())
    last, after = (files.get(name, [b""])[0] for name in ("--last", "--after"))
    other = second_opinion(bundle, read_trust(files["--trust"][0]), last, after, tuple(files.get("--ticket", ())))
    assert (other == "") == (code == 0), (other, code)
