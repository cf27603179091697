"""Rude HTTP: whatever comes over the socket gets its answer, nothing crashes, and who was known left a record.

The corpus is tests/conformance/wire/http/*.json; each case says what is wanted: the status, the code in the caller's own
format, and the first record of the call, null where no call came to be.
"""

import base64
import contextlib
import json
import resource
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.running import HEAD, MODEL, eventually, running, upstream_text

from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve
from caveat.wire.dialects import BY_PATH

CORPUS = Path(__file__).parent.parent / "conformance" / "wire" / "http"
MIB = 2**20
MOST_GROWTH = 512 * MIB
"""Of the whole process, test and upstream included, over all of the corpus: bodies come up to 17 MB."""


def cases(name: str) -> dict[str, dict[str, Any]]:
    found = json.loads((CORPUS / f"{name}.json").read_text())
    by_name = {case["description"]: case for case in found}
    assert len(by_name) == len(found)
    return by_name


BODIES, PATHS, RAW = cases("bodies"), cases("paths"), cases("raw")


def resident() -> int:
    """The most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


DIALECTS = '["openai_chat", "openai_responses", "openai_embeddings", "anthropic_messages"]'


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A gateway that waits for a body no longer than a second."""
    head = HEAD.replace("max_body_bytes", "body_timeout_s = 1\nmax_body_bytes")
    with running(
        tmp_path_factory.mktemp("hasty") / "home", head + upstream_text("http://127.0.0.1:9", dialects=DIALECTS)
    ) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def rude(tmp_path_factory):
    home = tmp_path_factory.mktemp("rude") / "home"
    head = HEAD.replace("max_body_bytes = 2097152", "max_body_bytes = 16777216")
    assert head != HEAD
    with (
        serve(says("Hello there.")) as upstream,
        running(home, head + upstream_text(upstream.address, dialects=DIALECTS)) as gateway,
    ):
        before = resident()
        yield gateway, upstream
        assert gateway.http().get("/livez").text == "alive\n"
        grown = resident() - before
        print(f"memory: {grown / MIB:.0f} MiB more at most than before the corpus")
        assert grown < MOST_GROWTH


class Answer:
    """One HTTP answer off a socket."""

    def __init__(self, head: bytes, body: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        self.body = body

    @property
    def code(self) -> str:
        """The refusal's code, in whichever vendor's format; "" where it is none."""
        told = json.loads(self.body) if self.headers.get("content-type", "").startswith("application/json") else {}
        error = told.get("error")
        if not error:
            return ""
        return str(error["details"]["error_code"] if "details" in error else error["code"])


def spoken(gateway, data: bytes, count: int = 1) -> list[Answer]:
    """What comes back for these bytes: so many answers, and whatever follows them at once."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=60) as wire:
        sending = threading.Thread(target=_send, args=(wire, data), daemon=True)
        sending.start()
        try:
            while piece := wire.recv(65536):
                received += piece
                if len(answers(received)) >= count:
                    wire.settimeout(0.1)
        except (ConnectionResetError, TimeoutError):
            pass
        wire.close()
        sending.join()
    return answers(received)


def _send(wire: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):  # it may be refused before all of it has left
        wire.sendall(data)


def answers(received: bytes) -> list[Answer]:
    found = []
    while b"\r\n\r\n" in received:
        head, _, rest = received.partition(b"\r\n\r\n")
        answer = Answer(head, b"")
        length = int(answer.headers.get("content-length", 0))
        if len(rest) < length:
            break
        answer.body, received = rest[:length], rest[length:]
        found.append(answer)
    return found


def body_of(case: dict[str, Any]) -> bytes:
    body = case.get("body", {"text": ""})
    if "base64" in body:
        return base64.b64decode(body["base64"])
    if "unit" in body:
        return str(body["before"] + body["unit"] * body["times"] + body["after"]).encode()
    return str(body["text"]).encode()


def request(gateway, case: dict[str, Any]) -> bytes:
    if "raw" in case:
        raw = case["raw"].replace("{key}", gateway.caller_key)
        if "flood" in case:
            mark, unit, times = case["flood"]
            raw = raw.replace(mark, unit * times)
        return str(raw).encode("latin-1")
    body = body_of(case)
    lines = [f"{case.get('method', 'POST')} {case['path']} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"Authorization: Bearer {gateway.caller_key}"]
    lines += [f"{name}: {value}" for name, value in case.get("headers", {"content-type": "application/json"}).items()]
    if case.get("framing") == "chunked":
        body = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in body) + b"0\r\n\r\n"
        lines.append("Transfer-Encoding: chunked")
    else:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def check(gateway, case: dict[str, Any]) -> Answer:
    wanted = case["wanted"]
    data = request(gateway, case)
    took = time.process_time()
    (answer, *more) = spoken(gateway, data)
    took = time.process_time() - took
    print(f"{took * 1000:.0f} ms of processor time for {len(data) / MIB:.2f} MiB")
    statuses = wanted["status"] if isinstance(wanted["status"], list) else [wanted["status"]]
    assert answer.status in statuses, answer.body
    assert more == []
    if wanted["code"] or answer.status == 200:
        assert answer.code == wanted["code"], answer.body
    if wanted["record"]:
        assert gateway.call(answer.headers["x-caveat-call"])[0].leaf.k == wanted["record"]
    return answer


@pytest.mark.parametrize("case", BODIES)
def test_bodies(rude, case):
    gateway, upstream = rude
    before = len(upstream.received)
    answer = check(gateway, BODIES[case])
    assert (len(upstream.received) > before) is (answer.status == 200)


@pytest.mark.parametrize("case", RAW)
def test_requests_byte_by_byte_as_they_are_written(rude, case):
    check(rude[0], RAW[case])


@pytest.mark.parametrize("case", PATHS)
def test_every_other_path_is_not_found_in_the_callers_format(rude, case):
    answer = check(rude[0], PATHS[case])
    told = json.loads(answer.body) if PATHS[case]["format"] else {}
    assert ("details" in told.get("error", {})) is (PATHS[case]["format"] == "anthropic")


def post(gateway, path: str, body: bytes, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {gateway.caller_key}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", *more, "", ""]
    return "\r\n".join(lines).encode() + body


HELLO = json.dumps({"model": MODEL, "max_tokens": 20, "messages": [{"role": "user", "content": "Hello."}]}).encode()


def test_pipelined_requests_are_answered_one_after_the_other(rude):
    """A refused one among them spoils no other, and each has its own record."""
    gateway, _ = rude
    bad = HELLO[:-1]
    data = b"".join(post(gateway, "/v1/chat/completions", body) for body in (HELLO, bad, HELLO))
    found = spoken(gateway, data, 3)
    assert [answer.status for answer in found] == [200, 400, 200]
    calls = [answer.headers["x-caveat-call"] for answer in found]
    assert len(set(calls)) == 3
    assert [gateway.call(call)[0].leaf.k for call in calls] == ["opened", "refused", "opened"]


@pytest.mark.parametrize("path", sorted(BY_PATH))
def test_a_slow_body_is_given_up_and_recorded(hasty, path):
    """A byte at a time, more slowly than a body may come."""
    gateway = hasty
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    data = post(gateway, path, HELLO)
    at = data.index(b"\r\n\r\n") + 4
    with socket.create_connection((host, int(port)), timeout=60) as wire:
        wire.sendall(data[:at])
        began, received = time.monotonic(), b""
        wire.settimeout(0.2)
        while not received and time.monotonic() - began < 60:
            try:
                wire.sendall(data[at : at + 1])
                at += 1
                received = wire.recv(65536)
            except TimeoutError:
                continue
    (answer, *_) = answers(received)
    assert (answer.status, answer.code) == (408, "unreadable")
    assert time.monotonic() - began > 0.8
    assert gateway.call(answer.headers["x-caveat-call"])[0].leaf.k == "refused"


def test_a_body_that_never_comes_whole_leaves_a_record(rude):
    gateway, _ = rude
    count = len([one for one in gateway.records() if one.leaf.k == "refused"])
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as wire:
        wire.sendall(post(gateway, "/v1/messages", HELLO)[:-5])
    eventually(lambda: len([one for one in gateway.records() if one.leaf.k == "refused"]) > count)


FORWARDED = ("anthropic-version: 2023-06-01", "anthropic-beta: a-2024-01-01,b-2025-02-02")


@pytest.mark.parametrize("prefix", ["", "/anthropic"])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_anthropics_headers_and_query_are_kept_under_both_prefixes(rude, prefix, path):
    gateway, upstream = rude
    body = HELLO if path == "/v1/messages" else HELLO.replace(b'"max_tokens": 20, ', b"")
    (answer,) = spoken(gateway, post(gateway, f"{prefix}{path}?beta=true", body, *FORWARDED, "X-Odd: secret"))
    assert answer.status == 200, answer.body
    got = upstream.received[-1]
    assert (got.path, got.query) == (path, "beta=true")
    assert got.headers["anthropic-version"] == "2023-06-01"
    assert got.headers["anthropic-beta"] == "a-2024-01-01,b-2025-02-02"
    assert "x-odd" not in got.headers
    assert gateway.caller_key not in json.dumps(got.headers)
