"""Our own small witness: for a security office or a laptop, and by hand for a vendor at the end of a one-way link.

    <dir>/key                its signing key (Ed25519 cosignatures, type 4), 0600
    <dir>/logs               a verify key of a log a line: whose checkpoints it considers
    <dir>/seen/<sha256 of the origin>     the newest checkpoint that it cosigned, with its line

Rules of this file: what was cosigned is durable before the cosignature leaves; one request at a time, so check and keeping
are one; a clock that goes back signs nothing.
"""

import threading
import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from caveat.errors import BadInput, NotVerified
from caveat.gateway.call.bodyin import read_body
from caveat.gateway.home.files import write_once, write_whole
from caveat.keys import KeyKind, SigningKey, VerifyKey, new_signing_key, read_signing_key, read_verify_key
from caveat.ledger.witness import (
    MAX_BODY,
    Declined,
    Request,
    Seen,
    by_origin,
    consider,
    cosign,
    log_id,
    origin_of,
    read_request,
)
from caveat.note import open_note, read_tree_head

BODY_SECONDS = 10.0


class Witness:
    """A witness's directory.  Raises OSError where there is none."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self.key: SigningKey = read_signing_key((directory / "key").read_text("ascii").strip())
        lines = (directory / "logs").read_text("ascii").split() if (directory / "logs").exists() else []
        self._logs = by_origin([read_verify_key(line) for line in lines])

    @classmethod
    def make(cls, directory: Path, name: str) -> "Witness":
        """A new witness.  Raises BadInput where there is one already, or for a name that keys cannot bear."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_once(directory / "key", new_signing_key(name, KeyKind.COSIGN).text.encode() + b"\n")
        return cls(directory)

    def add_log(self, keys: list[VerifyKey]) -> None:
        """Consider a log's checkpoints from now on; every key of it that is given must sign them."""
        path = self._directory / "logs"
        known = path.read_text("ascii").split() if path.exists() else []
        lines = [*known, *(key.text for key in keys if key.text not in known)]
        write_whole(path, "".join(f"{line}\n" for line in lines).encode())
        self._logs = by_origin([read_verify_key(line) for line in lines])

    def log_keys(self, origin: str) -> tuple[VerifyKey, ...]:
        """The keys of that log, () where it is not known."""
        return self._logs.get(origin, ())

    def seen(self, origin: str) -> Seen:
        """What was cosigned last.  Raises NotVerified where the file was changed: then nothing is signed any more."""
        note = self.newest(origin)
        if not note:
            return Seen()
        head = read_tree_head(open_note(note, [self.key.verify_key]).text)
        if head.origin != origin:
            raise NotVerified("what this witness cosigned last is about another log", step="witness")
        return Seen(head.size, head.root)

    def newest(self, origin: str) -> bytes:
        """The newest checkpoint that it cosigned, b"" before the first."""
        path = self._path(origin)
        return path.read_bytes() if path.exists() else b""

    def add_checkpoint(self, request: Request, at_s: int = 0) -> bytes:
        """The cosignature lines, once the new head is durable.  Raises Declined."""
        with self._lock:
            origin = origin_of(request)
            seen = self.seen(origin)
            _, text = consider(request, seen, self.log_keys(origin))
            lines = cosign(text, [self.key], at_s or int(time.time()))
            self._path(origin).parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(self._path(origin), text + b"\n" + lines)
            return lines

    def _path(self, origin: str) -> Path:
        return self._directory / "seen" / log_id(origin)

    def by_id(self, id_: str) -> bytes:
        """The newest cosigned checkpoint of the log of that id, b"" where there is none."""
        known = {log_id(origin): origin for origin in self._logs}
        return self.newest(known[id_]) if id_ in known else b""


def witness_app(witness: Witness) -> Starlette:
    """The HTTP side: c2sp.org/tlog-witness, `POST /add-checkpoint` and `GET /<log>/checkpoint`."""

    async def add(request: HttpRequest) -> Response:
        try:
            body = await read_body(request.receive, limit=MAX_BODY, seconds=BODY_SECONDS)
            lines = await run_in_threadpool(witness.add_checkpoint, read_request(body))
        except Declined as declined:
            return PlainTextResponse(declined.body, declined.status, media_type=declined.media_type)
        except (BadInput, NotVerified) as error:
            return PlainTextResponse(f"{error.message}\n", 500)
        return Response(lines, media_type="text/plain")

    async def newest(request: HttpRequest) -> Response:
        note = witness.by_id(request.path_params["log"])
        return Response(note, media_type="text/plain") if note else PlainTextResponse("no such log\n", 404)

    return Starlette(
        routes=[
            Route("/add-checkpoint", add, methods=["POST"]),
            Route("/{log}/checkpoint", newest, methods=["GET"]),
        ]
    )


def check_private(directory: Path) -> None:
    """Raises BadInput where others could read the key."""
    if (directory / "key").stat().st_mode & 0o077:
        raise BadInput(f"the key in `{directory}` can be read by others", hint=f"chmod 600 {directory / 'key'}")
