"""Asking witnesses to cosign: every new checkpoint goes to each of them, and what comes back is kept beside the log.

Rules of this file: nothing waits for a witness, and none that is silent stops anything: what each said last is shown
(on the gateway's standard error, in `caveat doctor`); a cosignature is verified before it is kept; a witness that
answers with a size (409) is asked again from there, and one that finds a fork (422) is told of loudly, for it is proof of
trouble here.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import aiohttp
from msgspec import Struct

from caveat.errors import CaveatError, NotVerified
from caveat.gateway.home.directory import Home
from caveat.gateway.home.tables import Settings, WitnessSettings
from caveat.keys import VerifyKey
from caveat.ledger.cosigned import keep, newest_of, size_of, witness_time_ms, witnessed
from caveat.ledger.reader import LedgerReader
from caveat.ledger.receipt import Receipt, make_receipt
from caveat.ledger.tiles import TreeReader
from caveat.ledger.witness import SIZE_TYPE, Request, with_cosignatures, write_request
from caveat.note import open_note, read_tree_head

PAUSE_S: Final = 1.0
PATIENCE_S: Final = 5.0
MOST_ANSWER: Final = 1 << 16
TRIES: Final = 3

Tell = Callable[[str], None]
Seen = Callable[[int], Awaitable[None]]
"""Takes a time that witnesses have signed as the present, POSIX ms."""


class Standing(Struct):
    """What one witness said last.

    size   of the checkpoint that it cosigned last, 0 before its first        at_s   when, POSIX seconds
    trouble   why it did not cosign the newest one, "" where it did
    """

    name: str
    key: str
    size: int = 0
    at_s: int = 0
    trouble: str = "not asked yet"


class Witnessing:
    """Asks the witnesses that the settings name, one after another round of new checkpoints."""

    def __init__(self, home: Home, settings: Settings, tell: Tell = lambda _: None, seen: Seen | None = None) -> None:
        self._ledger = home.ledger
        self._folder: Path = home.path
        self._reader = LedgerReader(home.ledger)
        self._asked = {name: w for name, w in settings.witness.items() if w.url}
        self._tell = tell
        self._seen = seen
        self.standing = {name: Standing(name, w.key) for name, w in settings.witness.items()}

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S), trust_env=False) as session:
            done = b""
            while True:
                checkpoint = await asyncio.to_thread(self._reader.checkpoint)
                if checkpoint != done or any(self.standing[name].trouble for name in self._asked):
                    await asyncio.gather(*(self._ask(session, name, checkpoint) for name in self._asked))
                    done = checkpoint
                    await self._told_time()
                await asyncio.sleep(PAUSE_S)

    async def _told_time(self) -> None:
        """Hand on the time that more than half of the witnesses have just signed."""
        fresh = [self._asked[name].verify_key for name in self._asked if not self.standing[name].trouble]
        if self._seen is None or len(fresh) * 2 <= len(self._asked):
            return
        with suppress(CaveatError):
            await self._seen(await asyncio.to_thread(witness_time_ms, self._ledger, fresh))

    async def _ask(self, session: aiohttp.ClientSession, name: str, checkpoint: bytes) -> None:
        standing, before = self.standing[name], self.standing[name].trouble
        try:
            await self._cosigned(session, self._asked[name], checkpoint)
            standing.size, standing.at_s, standing.trouble = size_of(checkpoint), int(time.time()), ""
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            standing.trouble = f"it does not answer ({type(error).__name__})"
        except CaveatError as error:
            standing.trouble = error.message
        if standing.trouble and standing.trouble != before:
            self._tell(f"the witness `{name}` has not cosigned: {standing.trouble}")

    async def _cosigned(self, session: aiohttp.ClientSession, witness: WitnessSettings, checkpoint: bytes) -> None:
        key, size = witness.verify_key, size_of(checkpoint)
        known = await asyncio.to_thread(newest_of, self._ledger, key)
        old = size_of(known) if known else 0
        for _ in range(TRIES):
            proof = await asyncio.to_thread(self._proof, old, size)
            body = write_request(Request(old, proof, checkpoint))
            url = witness.url.rstrip("/") + "/add-checkpoint"
            async with session.post(url, data=body, ssl=self._tls(witness)) as reply:
                answer = await reply.content.read(MOST_ANSWER)
                if reply.status == 200:
                    note = with_cosignatures(checkpoint, answer, [key])
                    await asyncio.to_thread(keep, self._ledger, key, note)
                    return
                old = _size_in(reply.status, reply.content_type, answer)
            if old > size:
                raise NotVerified(f"it has cosigned {old} records of this log, which now has {size}: the log went back")
        raise NotVerified("it keeps naming another size")

    def _proof(self, old: int, size: int) -> tuple[bytes, ...]:
        return tuple(self._reader.consistency(old, size)) if 0 < old < size else ()

    def _tls(self, witness: WitnessSettings) -> ssl.SSLContext | bool:
        if not witness.ca_bundle:
            return True
        return ssl.create_default_context(cafile=str(self._folder / witness.ca_bundle))


def _size_in(status: int, media_type: str, answer: bytes) -> int:
    """The size that a 409 names.  Raises NotVerified for any other refusal."""
    text = answer.decode("ascii", "replace").strip()
    if status == 409 and media_type == SIZE_TYPE and text.isdecimal() and len(text) < 20:
        return int(text)
    if status == 422:
        raise NotVerified("it finds that this log does not continue what it cosigned before: it forked or went back")
    raise NotVerified(f"it refuses with status {status}")


@asynccontextmanager
async def witnessing(home: Home, settings: Settings, tell: Tell, seen: Seen | None = None) -> AsyncIterator[Witnessing]:
    """Witnesses are asked until the end of the block; `seen` is told the time that they have signed."""
    asking = Witnessing(home, settings, tell, seen)
    if not any(w.url for w in settings.witness.values()):
        yield asking
        return
    task = asyncio.get_running_loop().create_task(asking.run())
    try:
        yield asking
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def cosigned_receipt(home: Home, settings: Settings, reader: LedgerReader, index: int) -> bytes:
    """A receipt that stands on a checkpoint which witnesses have cosigned; b"" where none of theirs covers the index."""
    keys = witness_keys(settings)
    if not keys:
        return b""
    checkpoint = witnessed(home.ledger, keys, reader.checkpoint())
    size = size_of(checkpoint)
    if index >= size:
        return b""
    return make_receipt(Receipt(index, tuple(TreeReader(reader.file, size).inclusion(index)), checkpoint))


def take_cosignature(home: Home, settings: Settings, reader: LedgerReader, note: bytes) -> tuple[str, int]:
    """Keep a cosignature that was made by hand: whose, and over how many records.  Raises NotVerified for a note that no
    witness of the settings signed, or that is not about this log's own beginning."""
    by = [(name, w.verify_key) for name, w in settings.witness.items()]
    try:
        opened = open_note(note, [key for _, key in by])
    except NotVerified:
        raise NotVerified(
            "no witness of the settings cosigned it",
            step="witness",
            hint="caveat.toml names each: `[witness.NAME]` and its key",
        ) from None
    head = read_tree_head(opened.text)
    if head.origin != reader.origin or head.size > reader.head().size:
        raise NotVerified("the cosignature is not about this log", step="witness")
    if reader.tree().hash_of(0, head.size) != head.root:
        raise NotVerified("the cosigned checkpoint is no beginning of this log", step="witness")
    for name, key in by:
        if opened.signed_by(key):
            keep(home.ledger, key, note)
            return name, head.size
    raise NotVerified("no witness of the settings cosigned it", step="witness")


def witness_keys(settings: Settings) -> tuple[VerifyKey, ...]:
    """The keys of all witnesses that the settings name."""
    return tuple(witness.verify_key for witness in settings.witness.values())
