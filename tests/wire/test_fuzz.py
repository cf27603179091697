"""Coverage-guided fuzzing of every reader of foreign bytes: nothing but the house's own errors comes out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from caveat.wire.dialects import DIALECTS

HERE = Path(__file__).parent
CORPUS = HERE.parent / "corpus"
STREAMED = ("openai_chat", "openai_responses", "anthropic_messages")
TARGETS = ["events", *(f"{name}.call" for name in DIALECTS), *(f"{name}.reply" for name in STREAMED)]
MOST_KEPT = 64


def fuzzed(target: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The fuzzer's run over the kept corpus; what it finds new, a failing input too, lands in `folder`.

    The shell stands between, since Linux counts as a process's own most memory what it was made from: the fuzzer would take
    that of all our tests for its own, and pass its limit.
    """
    command = [
        "/bin/sh",
        "-c",
        '"$@"; exit $?',
        "sh",
        sys.executable,
        str(HERE / "fuzz_target.py"),
        target,
        *options,
        "-max_len=8192",
        "-timeout=20",
    ]
    command += [f"-artifact_prefix={folder}/", str(folder), str(CORPUS / target)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


@pytest.mark.parametrize("target", TARGETS)
def test_a_corpus_is_kept_and_small(target):
    kept = [one.stat().st_size for one in (CORPUS / target).iterdir()]
    assert 0 < len(kept) <= MOST_KEPT
    assert max(kept) <= 8192


@pytest.mark.parametrize("target", TARGETS)
def test_the_kept_corpus_is_read_or_refused(target, tmp_path):
    pytest.importorskip("atheris", reason="no wheel of atheris for this platform")
    done = fuzzed(target, tmp_path, "-runs=0")
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(4000)
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_that_the_fuzzer_finds_breaks_a_reader(target, tmp_path, slow_rounds):
    """A minute for all targets together in a sample, an hour where all is run."""
    pytest.importorskip("atheris", reason="no wheel of atheris for this platform")
    seconds = slow_rounds(60, 3600) // len(TARGETS)
    done = fuzzed(target, tmp_path, f"-max_total_time={seconds}")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "DONE" in done.stderr or "Done" in done.stderr
