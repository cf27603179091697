"""One act over a home, by a process that dies (SIGKILL) at its N-th write: what a power cut at any moment would leave.

    python -m tests.stories.dying HOME ACT ARGUMENT N

Every call that changes a disk counts: write, fsync, rename, link, unlink, truncate, and opening a file to write.  The process
says on standard output how many there were, if it lives to its end.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from caveat import record
from caveat.cli.files import read_bytes, write_new
from caveat.cli.hold import _read
from caveat.gateway.exceptions import acts as exceptions
from caveat.gateway.exceptions import holding
from caveat.gateway.home.directory import open_home
from caveat.gateway.home.settings import read
from caveat.gateway.house.house import House
from caveat.gateway.house.sweeping import sweep
from caveat.gateway.serving.startup import open_house
from caveat.keys import read_signing_key
from caveat.ledger.log import Entry, Fence
from caveat.waivers.signed import approve

CHANGING = ("write", "pwrite", "fsync", "fdatasync", "rename", "replace", "link", "unlink", "ftruncate", "open")


class Death:
    """Counts what changes a disk from `begin` on, and kills this process before the N-th."""

    def __init__(self, at: int) -> None:
        self.count = 0
        self._at = at

    def begin(self) -> None:
        for name in CHANGING:
            setattr(os, name, self._deadly(name, getattr(os, name)))

    def _deadly(self, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if name != "open" or arguments[1] & (os.O_WRONLY | os.O_RDWR):
                self.count += 1
                if self.count == self._at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return plain(*arguments, **options)

        return call


async def _grant(house: House, file: Path) -> None:
    await exceptions.grant(house, read_bytes(file))


async def _release(house: House, file: Path) -> None:
    await holding.decide_hold(house, _read(read_bytes(file)).sign.encode())


async def _use(house: House, file: Path) -> None:
    """A call's first record that spends a use of every waiver in force."""
    spends = tuple((waiver.id, waiver.max_uses) for waiver in house.view.register.waivers.values())
    leaf = b'{"call":"%b","g":"gw","k":"opened","t":1,"v":1,"w":["%b"]}' % (b"ab" * 16, spends[0][0].encode())
    record.read_leaf(leaf)
    await house.log.append((Entry(leaf),), Fence(expects=house.view.fence, spends=spends))


async def _sweep(house: House, _file: Path) -> None:
    await sweep(house, 2**52)


ACTS = {"grant": _grant, "release": _release, "use": _use, "sweep": _sweep}


async def _over(home: Path, act: str, file: Path, death: Death) -> None:
    async with open_house(open_home(home), read((home / "caveat.toml").read_text()), serving=False) as house:
        death.begin()
        await ACTS[act](house, file)
        print(death.count, flush=True)
        os._exit(0)


def main(home: str, act: str, file: str, number: str) -> None:
    death = Death(int(number))
    if act == "approve":
        key = read_signing_key(Path(home).read_text().strip())
        raw = approve(read_bytes(Path(file)), key)
        death.begin()
        write_new(Path(file), raw, replacing=True)
        print(death.count, flush=True)
        return
    asyncio.run(_over(Path(home), act, Path(file), death))


if __name__ == "__main__":
    main(*sys.argv[1:])
