"""A vendor's server on a loopback port, so that the official SDKs send and read real bytes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anthropic
import openai
import pytest

CONFORMANCE = Path(__file__).parent.parent / "conformance" / "wire"


class Vendor:
    """What the server answers, and the requests that it saw."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.headers: list[tuple[str, str]] = [("content-type", "application/json")]
        self.answer = b"{}"
        self.paths: list[str] = []
        self.bodies: list[bytes] = []

    def answers(self, body: bytes, *, stream: bool = False) -> None:
        self.status = 200
        self.headers = [("content-type", "text/event-stream" if stream else "application/json")]
        self.answer = body

    @property
    def openai(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url + "/v1", api_key="k", max_retries=2)

    @property
    def anthropic(self) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=self.url, api_key="k", max_retries=2)


@pytest.fixture(scope="session")
def _server() -> Iterator[tuple[ThreadingHTTPServer, dict[str, Vendor]]]:
    now: dict[str, Vendor] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            vendor = now["vendor"]
            vendor.paths.append(self.path)
            vendor.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(vendor.status)
            for name, value in vendor.headers:
                self.send_header(name, value)
            self.send_header("content-length", str(len(vendor.answer)))
            self.end_headers()
            self.wfile.write(vendor.answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server, now
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def vendor(_server) -> Vendor:
    """A fresh vendor; SDK calls get `answer` and leave their bytes in `bodies`."""
    server, now = _server
    vendor = Vendor(f"http://127.0.0.1:{server.server_address[1]}")
    now["vendor"] = vendor
    return vendor


@pytest.fixture(scope="session")
def streams() -> dict[str, bytes]:
    """Name -> bytes of each stream in the conformance corpus; names begin with the dialect."""
    return {path.stem: path.read_bytes() for path in sorted((CONFORMANCE / "streams").glob("*.sse"))}


@pytest.fixture(scope="session")
def corpus():
    """The cases of one conformance file."""
    return lambda name: json.loads((CONFORMANCE / name).read_text())


@pytest.fixture(scope="session")
def cuts():
    """Every way in which a stream can come: whole, byte by byte, and in two pieces at each place."""

    def cut(raw: bytes) -> Iterator[list[bytes]]:
        yield [raw]
        yield [raw[i : i + 1] for i in range(len(raw))]
        for i in range(1, len(raw)):
            yield [raw[:i], raw[i:]]

    return cut
