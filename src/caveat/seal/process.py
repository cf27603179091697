"""The seal's process: its settings, the engine where it starts that itself, a listening socket, an orderly end.

    python -m caveat.seal FOLDER [--told]

With `--told`, the first line of standard input is a key that every request must bear, and the seal ends when standard input
closes: so its maker holds it.  On standard output it writes one line, `{"address": "http://127.0.0.1:41234"}`, or
`{"error": "..."}` with an exit code.

Rules of this file: the engine's key is made here and goes nowhere but to the engine's standard input; the engine ends with
the seal, and the seal with the engine; calls that run get a few seconds, then each has its ticket and the boot is closed.
"""

import argparse
import asyncio
import json
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
import uvloop

from caveat.errors import BadInput, CaveatError, Unavailable
from caveat.seal.forward import Forward
from caveat.seal.seal import Seal
from caveat.seal.settings import Engine, SealSettings, engine_tls, load, secret_in

GRACE_S = 4
READY_S = 600.0
"""Longest wait for an engine: large weights take minutes."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Started:
    """The engine, where this process has started it."""

    def __init__(self, engine: Engine) -> None:
        """Start it and wait for its word.  Raises Unavailable."""
        self.key = secrets.token_urlsafe(32)
        self._process = subprocess.Popen(  # noqa: S603 - the command in the seal's own settings
            engine.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(READY_S, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(self.key.encode() + b"\n")
            self._process.stdin.flush()
            told = json.loads(self._process.stdout.readline())
            self.address = str(told["address"])
        except (OSError, ValueError, KeyError, TypeError):
            self.stop()
            raise Unavailable(
                f"the engine `{engine.command[0]}` ended, or did not tell its address",
                code="upstream_unreachable",
                hint="start its command by hand to see why",
            ) from None
        finally:
            timer.cancel()

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._process.terminate()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


class Server(uvicorn.Server):
    """The HTTP server; ends on a signal, in order, and where `over` says so."""

    def __init__(self, app: Seal, settings: SealSettings, folder: Path, over: Callable[[], bool]) -> None:
        self._over = over
        tls = {}
        if settings.tls_certificate:
            tls = {"ssl_certfile": folder / settings.tls_certificate, "ssl_keyfile": folder / settings.tls_key}
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,
                proxy_headers=False,
                log_level="critical",
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=GRACE_S,
                **tls,  # type: ignore[arg-type]
            )
        )

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end."""
        return self._over() or await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server, and are not raised again."""
        self.take_signals()
        yield

    def take_signals(self) -> None:
        """From here on they end the server in order, whether it serves already or not."""
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            for number in SIGNALS:
                loop.add_signal_handler(number, self.handle_exit, number, None)


async def run(folder: Path, settings: SealSettings, access: str, tell: Callable[[str], None]) -> None:
    """Serve until told to stop.  `tell` gets the address.  Raises a sentence."""
    listener = _bind(settings)
    engine = Started(settings.engine) if settings.engine.command else None
    try:
        key = engine.key if engine else secret_in(folder, settings.engine.key_file)
        address, tls = engine.address if engine else settings.engine.address, engine_tls(folder, settings.engine)
        way = Forward(address, key, keeps=settings.engine.keeps, tls=tls)
        seal = Seal(folder, settings, way, way.get)
        if access:
            seal.lend_access(access)
        await seal.start()
        server = Server(seal, settings, folder, lambda: bool(seal.fault) or (engine is not None and engine.ended))
        server.take_signals()
        _end_with_input(server, told=bool(access))
        tell(_url(listener, tls=bool(settings.tls_certificate)))
        await server.serve(sockets=[listener])
        await seal.stop()
        await way.close()
    finally:
        if engine:
            engine.stop()
    if seal.fault:
        raise Unavailable(f"the seal has stopped: {seal.fault}", hint="mend the disk and start it again")


def _end_with_input(server: Server, *, told: bool) -> None:
    def watch() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        server.should_exit = True

    if told:
        threading.Thread(target=watch, name="end with standard input", daemon=True).start()


def _bind(settings: SealSettings) -> socket.socket:
    host, _, port = settings.address.rpartition(":")
    if not host or not port.isdecimal():
        raise BadInput(f"`address`: expected host:port, got `{settings.address}`")
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise Unavailable(f"the address {settings.address} cannot be had: {error.strerror}") from None
    return listener


def _url(listener: socket.socket, *, tls: bool) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _say(value: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main(argv: list[str] | None = None) -> int:
    """The process."""
    parser = argparse.ArgumentParser(
        prog="caveat-seal",
        description="The only way to a model: takes permits, counts every call, signs what it counted.",
    )
    parser.add_argument("folder", type=Path, help="the seal's folder, with seal.toml and seal.key")
    parser.add_argument("--told", action="store_true", help="read an access key from standard input, and end with it")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN if arguments.told else signal.default_int_handler)
    access = sys.stdin.buffer.readline().decode("ascii").strip() if arguments.told else ""
    try:
        uvloop.run(run(arguments.folder, load(arguments.folder), access, lambda url: _say({"address": url})))
    except CaveatError as error:
        _say({"error": error.message})
        if error.hint:
            sys.stderr.write(f"{error.message}\n  {error.hint}\n")
        return error.exit_code
    return 0
