"""A process to be killed: appends as fast as it can and says what it was told.  Not a test itself.

Usage: python appending.py LEDGER VAULT KEYS CALLERS.  Each line on its standard output was acknowledged: index, leaf.
"""

import asyncio
import os
import secrets
import sys
from pathlib import Path

from caveat.keys import read_signing_key
from caveat.ledger.checkpoint import log_keys
from caveat.ledger.disk import LedgerSettings
from caveat.ledger.log import Entry
from caveat.ledger.sequencer import open_log


async def main(ledger: str, vault: str, key_file: str, callers: str) -> None:
    keys = log_keys([read_signing_key(line) for line in Path(key_file).read_text().splitlines()])
    settings = LedgerSettings(interval_ms=15, segment_bytes=65_536, free_floor_bytes=0)
    log = open_log(Path(ledger), Path(vault), keys, settings)

    async def call() -> None:
        while True:
            entries = tuple(Entry(secrets.token_hex(40).encode(), b"aside") for _ in range(secrets.randbelow(3) + 1))
            placed = await log.append(entries)
            told = "".join(f"{p.index} {e.leaf.decode()}\n" for p, e in zip(placed, entries, strict=True))
            os.write(1, told.encode())

    await asyncio.gather(*(call() for _ in range(int(callers))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
