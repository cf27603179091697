"""The process that keeps index.sqlite: it builds the index and follows the ledger, so that no call ever waits for it.

    python -m caveat.gateway.index.process --home HOME --parent PID

Rules of this file: one for each home, whoever serves it (a lock says so); it reads the ledger's files and writes
index.sqlite, nothing else; it runs behind everything else on the machine (nice 15) and dies with its parent; what goes
wrong it says to its parent's standard error once; a base that cannot be used is thrown away and made anew.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from caveat.errors import CaveatError, Unavailable
from caveat.gateway.home.directory import Home
from caveat.gateway.index.base import drop
from caveat.gateway.index.metering import Metering
from caveat.gateway.index.write import alone, catch_up
from caveat.gateway.model.process import die_with, end_when_told
from caveat.ledger.reader import LedgerReader

PAUSE_S = 0.25
"""Between two looks at the ledger."""
TROUBLE_S = 5.0
PATIENCE = 20
"""A record that is being written while it is read looks damaged: it is looked at again so often before that is said."""
NICE = 15


@asynccontextmanager
async def indexing(home: Home) -> AsyncIterator[None]:
    """The process beside whoever serves the home, started anew if it ends; gone at the end of the block."""
    task = asyncio.get_running_loop().create_task(_keep(home))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep(home: Home) -> None:
    while True:
        process = _spawn(home)
        try:
            await asyncio.to_thread(process.wait)
        finally:
            process.terminate()  # it ends at once: it has nothing that must be brought to an end
            process.wait()
        await asyncio.sleep(TROUBLE_S)


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "caveat.gateway.index.process",
        "--home",
        str(home.path),
        "--parent",
        str(os.getpid()),
    ]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, process_group=0)  # noqa: S603


def follow(home: Home) -> None:
    """Keep the index for ever; returns never, raises Unavailable or NotVerified where it cannot go on."""
    reader = LedgerReader(home.ledger, home.vault)
    metering = Metering(home, reader)
    with alone(home.index) as mine:
        while mine:
            end = catch_up(home.index, reader)
            metering.advance()
            while reader.size() == end:
                time.sleep(PAUSE_S)


def main(argv: list[str] | None = None) -> int:
    """The process."""
    parser = argparse.ArgumentParser(prog="caveat.gateway.index.process")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process to die with")
    arguments = parser.parse_args(argv)
    die_with(arguments.parent)
    end_when_told()
    os.nice(NICE)
    home, said, tried = Home(arguments.home), "", 0
    while True:
        try:
            follow(home)
        except Unavailable as error:  # the base cannot be used: it is derived, so it is made anew
            said = _say(error, said)
            with alone(home.index) as mine:
                if mine:
                    drop(home.index)
        except CaveatError as error:  # the ledger could not be read now: what the index holds stays right
            tried += 1
            said = _say(error, said) if tried % PATIENCE == 0 else said
            time.sleep(PAUSE_S)
            continue
        time.sleep(TROUBLE_S)


def _say(error: CaveatError, said: str) -> str:
    """To the parent's standard error, each sentence once."""
    if error.message != said:
        sys.stderr.write(f"the index of calls: {error.message}\n")
    return error.message


if __name__ == "__main__":
    sys.exit(main())
