"""The embedded model's process: what it serves, to whom, and when it ends."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from caveat.gateway.model.store import SMOLLM2

COMMAND = [sys.executable, "-m", "caveat.gateway.model.process", "--alias", "tiny", "--context", "512"]
KEY = {"authorization": "Bearer key-of-this-start"}
MESSAGES = [{"role": "user", "content": "Say one word about the sea."}]


@contextmanager
def process(model, *, parent=None, key=b"key-of-this-start\n"):
    command = [*COMMAND, "--model", str(model), "--parent", str(parent or os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        try:
            started.stdin.write(key)
            started.stdin.flush()
            yield started, started.stdout
        finally:
            started.kill()


@pytest.fixture(scope="module")
def server(model_folder):
    with process(model_folder / SMOLLM2.file) as (_, out):
        address = json.loads(out.readline())["address"]
        no_pool = httpx.Limits(max_keepalive_connections=0)  # the server hangs up after each stream
        with httpx.Client(base_url=address, trust_env=False, timeout=60, limits=no_pool) as client:
            yield client


def test_answers_in_both_formats_under_its_alias(server):
    body = {"model": "tiny", "max_tokens": 8, "messages": MESSAGES}
    chat = server.post("/v1/chat/completions", json=body, headers=KEY).json()
    assert chat["model"] == "tiny"
    assert chat["choices"][0]["message"]["content"]
    message = server.post("/v1/messages", json=body, headers={"x-api-key": "key-of-this-start"}).json()
    assert message["content"][0]["text"]
    assert message["usage"]["output_tokens"] > 0


def test_streams(server):
    body = {"model": "tiny", "max_tokens": 8, "stream": True, "messages": MESSAGES}
    with server.stream("POST", "/v1/chat/completions", json=body, headers=KEY) as reply:
        assert reply.read().endswith(b"data: [DONE]\n\n")


def test_words_can_be_fixed_by_a_schema(server):
    """The tour dictates the model's words this way."""
    schema = {"type": "json_schema", "json_schema": {"name": "fixed", "schema": {"const": "hello there"}}}
    body = {"model": "tiny", "messages": MESSAGES, "response_format": schema}
    chat = server.post("/v1/chat/completions", json=body, headers=KEY).json()
    assert json.loads(chat["choices"][0]["message"]["content"]) == "hello there"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer other"}, {"x-api-key": "other"}])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/completion", "/tokenize"])
def test_nobody_without_the_key_is_answered(server, path, headers):
    assert server.post(path, json={"messages": MESSAGES}, headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/", "/slots", "/metrics", "/v1/embeddings"])
def test_what_is_not_the_model_api_is_off(server, path):
    reply = server.post(path, json={"input": "x"}, headers=KEY) if "v1" in path else server.get(path, headers=KEY)
    assert reply.status_code in {404, 501}


def test_no_page_of_another_origin_may_read_an_answer(server):
    reply = server.post("/v1/messages", json={}, headers={"origin": "https://elsewhere.example"})
    assert reply.headers.get("access-control-allow-origin", "") == ""


def test_equal_prompts_are_not_remembered(server):
    """No prompt is kept for a later call, so timing tells nobody what was asked before."""
    body = {"model": "tiny", "max_tokens": 1, "messages": MESSAGES}
    usages = [server.post("/v1/chat/completions", json=body, headers=KEY).json()["usage"] for _ in range(2)]
    assert [usage["prompt_tokens_details"]["cached_tokens"] for usage in usages] == [0, 0]


def ended(pid):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_ends_when_the_pipe_closes(model_folder):
    with process(model_folder / SMOLLM2.file) as (started, out):
        assert "address" in json.loads(out.readline())
        assert started.stdin is not None
        started.stdin.close()
        assert started.wait(60) == 0


def test_ends_when_told(model_folder):
    with process(model_folder / SMOLLM2.file) as (started, out):
        assert "address" in json.loads(out.readline())
        started.terminate()
        assert started.wait(60) == 0


PARENT = """
import os, subprocess, sys
child = subprocess.Popen([*sys.argv[1:], "--parent", str(os.getpid())], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdin.write(b"key\\n")
child.stdin.flush()
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


def test_dies_with_a_parent_that_was_killed(model_folder):
    command = [sys.executable, "-c", PARENT, *COMMAND, "--model", str(model_folder / SMOLLM2.file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    assert ended(pid)


BAD = {"no model": b"not a model", "empty": b""}


@pytest.mark.parametrize("case", BAD)
def test_file_that_is_no_model_is_told_on_standard_output(tmp_path, case):
    path = tmp_path / "bad.gguf"
    path.write_bytes(BAD[case])
    with process(path) as (started, out):
        assert "error" in json.loads(out.readline())
        assert started.wait(60) == 3


def test_without_a_key_it_does_not_start(tmp_path):
    with process(tmp_path / "any.gguf", key=b"\n") as (started, out):
        assert "no key" in json.loads(out.readline())["error"]
        assert started.wait(60) == 3


def test_with_another_parent_it_does_not_start(tmp_path):
    with process(tmp_path / "any.gguf", parent=1) as (started, out):
        assert started.wait(60) == 3
        assert out.read() == b""
