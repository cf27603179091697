"""The embedded model's process: llama.cpp's own HTTP server on a loopback port, and nothing else.

    python -m caveat.gateway.model.process --model FILE --alias NAME --context 4096 [--port 0] [--threads N] [--metrics]

The first line of standard input is the key that every request must bear; the pipe then stays open, and the process
ends when it closes or when its parent dies, however that died.  On standard output it writes one JSON line:
`{"address": "http://127.0.0.1:41234"}`, or `{"error": "..."}` with exit code 3.

Rules of this file: no prompt is logged or kept for a later call; every endpoint that is not the model API is off
where llama.cpp has a switch for it, and behind the key where it has none.
"""

import argparse
import ctypes
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

CALLS_AT_ONCE = 2
"""More wait their turn inside the server."""

HTTP_THREADS = 64
"""A connection holds one, idle or not; with fewer, waiting calls would shut out the health check."""

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when its parent dies."""


def die_with(parent: int) -> None:
    """Be killed when the parent dies, and at once if it is dead already (Linux; elsewhere the pipe must do)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(3)


def end_when_told() -> None:
    """End at once on SIGTERM: a thread waits for it, since a handler would not run while the main thread enters a read."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def wait() -> None:
        signal.sigwait({signal.SIGTERM})
        os._exit(0)

    threading.Thread(target=wait, name="end when told", daemon=True).start()


def params(arguments: argparse.Namespace, key: str) -> Any:
    """What the server is started with."""
    import xllamacpp  # noqa: PLC0415 (100 MB of native code that only this process loads)

    made = xllamacpp.CommonParams()
    made.model.path = str(arguments.model)
    made.model_alias = {arguments.alias}
    made.hostnames = ["127.0.0.1"]
    made.port = arguments.port
    made.api_keys = [key]
    made.n_parallel = CALLS_AT_ONCE
    made.n_ctx = arguments.context * CALLS_AT_ONCE
    threads = arguments.threads or max(1, len(os.sched_getaffinity(0)) - 1)  # with all cores busy, calls time out
    made.cpuparams.n_threads = made.cpuparams_batch.n_threads = threads
    made.n_threads_http = HTTP_THREADS
    made.fit_params = made.warmup = False
    made.endpoint_metrics = arguments.metrics
    _close(made)
    return made


def _close(made: Any) -> None:
    """Turn off what is not the model API, and what would keep a prompt."""
    made.ui = made.endpoint_slots = made.endpoint_props = False
    made.cors_origins, made.cors_credentials, made.cors_origins_explicit = "", False, True
    made.verbosity = 1
    made.cache_prompt = made.cache_idle_slots = False
    made.cache_ram_mib = 0
    made.slot_prompt_similarity = 0.0


def serve(arguments: argparse.Namespace, key: str) -> int:
    """Load, tell the address, and serve until standard input closes."""
    import xllamacpp  # noqa: PLC0415

    try:
        server = xllamacpp.Server(params(arguments, key))
    except (RuntimeError, ValueError, MemoryError) as error:
        _say({"error": str(error)})
        return 3
    _say({"address": server.listening_address})
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)  # the native threads have no orderly end that would be quicker than this


def _say(line: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(argv: list[str] | None = None) -> int:
    """The process."""
    parser = argparse.ArgumentParser(prog="caveat.gateway.model.process")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--alias", required=True, help="the model's name in replies")
    parser.add_argument("--context", type=int, required=True, help="tokens, for one call")
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--threads", type=int, default=0, help="0 for all cores but one")
    parser.add_argument("--metrics", action="store_true", help="show its counters, behind the key")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process to die with")
    arguments = parser.parse_args(argv)
    die_with(arguments.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the gateway too, which ends this in order
    end_when_told()
    key = sys.stdin.buffer.readline().decode("ascii").strip()
    if not key:
        _say({"error": "no key came on standard input"})
        return 3
    return serve(arguments, key)


if __name__ == "__main__":
    sys.exit(main())
