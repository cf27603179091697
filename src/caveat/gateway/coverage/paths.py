"""Paths that a call can take beside the direct one: a fallback to another upstream, a second worker process.

A path is in the build if its settings take it; then `caveat serve` runs with them as a process of its own, over a home
that is thrown away.  Rule: a path that the settings take and that cannot be walked is red, never green or left out.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path as File
from typing import get_args

import uvloop

from caveat.errors import BadInput, Unavailable
from caveat.gateway.coverage.cells import Path
from caveat.gateway.coverage.door import IDENTITY, open_door, unsealed
from caveat.gateway.coverage.matrix import Result
from caveat.gateway.coverage.scratch import NAME, Scratch, agree
from caveat.gateway.home.directory import Home, create
from caveat.gateway.home.housekeys import OPERATOR_KEY
from caveat.gateway.home.settings import read
from caveat.gateway.home.tables import DialectName, Settings
from caveat.gateway.house.founding import key_text
from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import Reply, Script, always, says
from caveat.gateway.scripted.server import Scripted
from caveat.gateway.serving.startup import open_house
from caveat.terms.document import Draft
from caveat.wire.dialects import DIALECTS

SECOND = 2
START_SECONDS, STOP_SECONDS = 120.0, 60.0
_HEAD = """
[gateway]
address = "127.0.0.1:0"
name = "{name}"
origin = "{origin}"
network = "{network}"
posture = "{posture}"
marking_floor = "{floor}"
{more}
[recognizer]
learned = {learned}
[ledger]
min_free_mb = 1
"""
_UPSTREAM = """
[upstream.{name}]
base_url = "{address}"
dialects = {dialects}
models = {{ "{alias}" = "{alias}" }}
priority = {priority}
"""
_FAILS = always(Reply(status=529, json={"type": "error", "error": {"type": "overloaded_error", "message": "full"}}))


class NotThere(Exception):
    """The path cannot be walked; `result` is the state of its cells."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.why)
        self.result = result


@contextmanager
def walked(path: Path, draft: Draft, like: Settings) -> Iterator[tuple[Scratch, int]]:
    """The terms on a gateway whose calls take that path, and which worker is to be asked (0: any).  Raises NotThere."""
    draft = unsealed(draft)
    first: Sequence[Script] = (_FAILS,) if path == "fallback" else ()
    more, worker = ("workers = 2", SECOND) if path == "worker" else ("", 0)
    beside = (open_door(draft),) if path == "fallback" and draft.models[0].identity != "any" else ()
    with tempfile.TemporaryDirectory(prefix=f"caveat-{NAME}-") as folder, _upstreams(first) as upstreams:
        text = _settings_text(draft, like, upstreams, more)
        settings = _taken(text)
        home, _ = create(File(folder) / "home", text)
        with _process(home, settings, draft, upstreams[-1], beside) as made:
            yield made, worker


@contextmanager
def _upstreams(first: Sequence[Script]) -> Iterator[list[Scripted]]:
    """Scripted upstreams in the order in which a route would try them; the last says what is tried."""
    if not first:
        with scripted.serve(says("Good morning.")) as last:
            yield [last]
        return
    with scripted.serve(first[0]) as one, _upstreams(first[1:]) as rest:
        yield [one, *rest]


def _taken(text: str) -> Settings:
    try:
        return read(text)
    except BadInput as error:
        raise NotThere(Result("absent", error.message)) from None


def _settings_text(draft: Draft, like: Settings, upstreams: list[Scripted], more: str) -> str:
    """One upstream for each script, in their order, all of which serve the alias of the terms' first model: the last of
    them the model itself, those before it another one, where the terms tell models apart."""
    model = draft.models[0]
    if model.identity.startswith("endpoint:"):
        raise NotThere(Result("inexpressible", "the terms pin the model's TLS key, which no scripted upstream has"))
    text = _HEAD.format(
        name=NAME,
        origin=f"localhost/caveat/{NAME}-{secrets.token_hex(4)}",
        network=like.gateway.network,
        posture=like.gateway.posture,
        floor=like.gateway.marking_floor,
        learned=str(like.recognizer.learned).lower(),
        more=more,
    )
    spoken = json.dumps([name for name in get_args(DialectName) if name in DIALECTS])
    for number, upstream in enumerate(upstreams):
        text += _UPSTREAM.format(
            name=f"u{number}", address=upstream.address, alias=model.alias, dialects=spoken, priority=number
        )
        identity = model.identity if upstream is upstreams[-1] else IDENTITY
        text += f'identity = "{identity}"\n' if model.identity != "any" else ""
    return text


@contextmanager
def _process(
    home: Home, settings: Settings, draft: Draft, upstream: Scripted, beside: Sequence[Draft]
) -> Iterator[Scratch]:
    """`caveat serve` on the home, once both throw-away parties have signed the terms there, and those beside them."""

    async def prepare() -> tuple[str, dict[str, str]]:
        async with open_house(home, settings, serving=False) as house:
            return await agree(house, home, draft, *beside)

    digest, callers = uvloop.run(prepare())
    command = [sys.executable, "-m", "caveat", "serve", "--home", str(home.path), "--port", "0", "--json"]
    with (home.path.parent / "gateway.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=os.environ | {"NO_COLOR": "1"})  # noqa: S603
        try:
            yield Scratch(_told(process), home, upstream, digest, callers, attempts=1 + len(beside))
        finally:
            process.terminate()
            _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _told(process: subprocess.Popen[bytes]) -> str:
    """The address that the process prints once it serves."""
    assert process.stdout is not None
    printed = b""
    patience = threading.Timer(START_SECONDS, process.kill)
    patience.start()
    try:
        for line in process.stdout:
            printed += line
            if line.rstrip() == b"}":
                url: str = json.loads(printed)["url"]
                return url
    finally:
        patience.cancel()
    raise Unavailable("the gateway of the matrix ended before it served")


def operator_key(made: Scratch) -> str:
    """The operator's key of the scratch home."""
    return key_text(made.home, OPERATOR_KEY)
