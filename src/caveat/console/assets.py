"""Style, script and pictures, out of the package: served under names that change with their bytes, so browsers keep them."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from caveat.errors import Refused
from caveat.evidence.report_page import script

STATIC = Path(__file__).parent / "static"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FILES = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.suffix in KINDS}
_FILES["proof.js"] = script(
    "proof.js"
).encode()  # the one that evidence reports carry: what checks proofs is written once
_VERSION = hashlib.sha256(b"".join(_FILES.values())).hexdigest()[:12]
KEPT = "public, max-age=31536000, immutable"


def href(name: str) -> str:
    """The address of an asset; KeyError for one that is not there is a bug."""
    assert name in _FILES, name
    return f"/console/static/{_VERSION}/{name}"


def text(name: str) -> str:
    """An asset as text."""
    return _FILES[name].decode()


async def asset(request: Request) -> Response:
    """An asset.  Raises Refused `not_found`."""
    name = request.path_params["name"]
    if name not in _FILES or request.path_params["version"] != _VERSION:
        raise Refused("there is no such file", code="not_found", status=404)
    return Response(_FILES[name], media_type=KINDS[Path(name).suffix], headers={"cache-control": KEPT})
