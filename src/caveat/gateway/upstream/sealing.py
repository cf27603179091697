"""The gateway's side of a seal: a permit for each call that it sends, the ticket out of each reply, the log's checkpoints.

Rules of this file: a permit is issued for exactly the bytes that are sent, once a decision is on record; a reply through a
seal that bears no ticket, or another's, is no reply; the ticket never reaches the caller; nothing here makes a round trip
for a call, except once where the seal has just been started or has seen a newer checkpoint.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

from caveat.errors import CaveatError, NotVerified, Unavailable
from caveat.keys import SigningKey, VerifyKey
from caveat.ledger.reader import LedgerReader
from caveat.meter.ticket import BytesDigest, read_ticket
from caveat.note import TreeHead, parse_note, read_tree_head
from caveat.seal.gate import COMMENT, CONTROL, PERMIT, TICKET
from caveat.seal.newest import add_checkpoint, claim_of
from caveat.seal.permit import NO_RECORDS, Permit, body_digest, issue
from caveat.terms.document import Draft

HEADER: Final = PERMIT.decode()
TICKET_HEADER: Final = TICKET.decode()
REFUSED_HEADER: Final = "caveat-seal-refused"
LIVES_S: Final = 30
AGAIN: Final = frozenset({"permit_checkpoint", "permit_before_start"})
"""Refusals after which a fresh permit may be taken: the seal knows a newer checkpoint, or has just started."""
LOOK_S: Final = 1.0
"""How often the newest checkpoint is handed in while calls are made."""
MARK: Final = b"\n" + COMMENT
TRIES: Final = 4

Post = Callable[[str, bytes], Awaitable[tuple[int, bytes]]]
"""Hands a small document to the seal: the page's name and the body; status and body of the answer."""


class Granted(Struct, frozen=True):
    """What a permit says of the call: its id, the model, the terms as `id@version digest`, clauses, duties, tokens."""

    call: str
    model: str
    terms: str
    clauses: tuple[str, ...]
    duties: tuple[str, ...]
    max_tokens: int


class Sealer:
    """One seal in front of one upstream, seen from one gateway process."""

    def __init__(self, key: VerifyKey, permits: SigningKey, reader: LedgerReader) -> None:
        self.key = key
        self.post: Post
        self._permits = permits
        self._reader = reader
        self._claim = NO_RECORDS
        self._size = 0
        self._looked_at = 0.0
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def permit_key(self) -> str:
        """The verify key of this gateway's permits, as terms enrol it."""
        return self._permits.verify_key.text

    async def permit(self, granted: Granted, target: str, body: bytes) -> str:
        """A permit for exactly this body, good for half a minute.  Raises Unavailable."""
        await self._look()
        now = int(time.time())
        claims = Permit(
            iss=self._permits.name,
            aud=self.key.name,
            iat=now,
            exp=now + LIVES_S,
            jti=granted.call,
            htm="POST",
            htp=target,
            dig=body_digest(body),
            mdl=granted.model,
            trm=granted.terms,
            cls=granted.clauses,
            dut=granted.duties,
            max=granted.max_tokens,
            chk=self._claim,
        )
        return issue(claims, self._permits)

    def word(self, target: str, body: bytes) -> str:
        """A permit for what the gateway says to the seal itself, which reaches no model."""
        now = int(time.time())
        claims = Permit(
            iss=self._permits.name,
            aud=self.key.name,
            iat=now,
            exp=now + LIVES_S,
            jti=secrets.token_hex(16),
            htm="POST",
            htp=target,
            dig=body_digest(body),
            mdl=CONTROL,
            trm="",
            cls=(),
            dut=(),
            max=0,
            chk=NO_RECORDS,
        )
        return issue(claims, self._permits)

    async def _look(self) -> None:
        """See to it that the newest checkpoint is known to the seal: before the first permit, then beside the calls."""
        if not self._looked_at:
            await self.hand_in()
        elif time.monotonic() - self._looked_at > LOOK_S and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._quietly())

    async def _quietly(self) -> None:
        try:
            await self.hand_in()
        except CaveatError:
            self._looked_at = time.monotonic()  # a permit that names an older one is refused, and says so

    async def hand_in(self) -> None:
        """Hand the newest checkpoint in.  Raises Unavailable, also where the seal has seen a newer state of this log."""
        head, note = None, b""
        async with self._looking:
            with suppress(Unavailable):  # a log that has just been founded has none yet
                note = await asyncio.to_thread(self._reader.checkpoint)
                head = read_tree_head(parse_note(note).text)
            if head is not None and head.size > self._size:
                await self._hand_in(head, note)
            self._looked_at = time.monotonic()

    async def _hand_in(self, head: TreeHead, note: bytes) -> None:
        old = self._size
        for _ in range(TRIES):
            if old > head.size:
                raise Unavailable(
                    f"the seal `{self.key.name}` has seen {old} records of this log, and it has {head.size}: it was restored "
                    "from a backup, or is not the log that it was",
                    code="upstream_unreachable",
                    hint="no call passes that seal until vendor and operator have looked into it (docs/seal.md)",
                )
            proof = await asyncio.to_thread(self._reader.consistency, old, head.size) if 0 < old < head.size else []
            status, said = await self.post("checkpoint", add_checkpoint(old, proof, note))
            if status == 200:
                self._size, self._claim = head.size, claim_of(head.size, head.root)
                return
            old = _known_size(status, said, self.key.name)
        raise Unavailable("the seal kept changing its checkpoint", code="upstream_unreachable")

    def forget(self) -> None:
        """The seal refused what was claimed: hand the checkpoint in before the next permit."""
        self._looked_at = 0.0
        self._size = 0

    def taken(self, line: str, call: str, digest: BytesDigest) -> str:
        """The ticket's line, once it is this seal's for this call and these bytes.  Raises Unavailable."""
        if not line:
            raise self._no("it bears no ticket")
        try:
            ticket = read_ticket(line)
            ticket.verify((self.key,))
        except NotVerified as error:
            raise self._no(error.message) from None
        if ticket.end == "failed":
            raise Unavailable("the model's server did not answer the seal, or broke off", code="upstream_broke")
        if ticket.call != call or not hmac.compare_digest(ticket.reply, digest.value()):
            raise self._no("its ticket is for another call, or for other bytes than came")
        return line

    def _no(self, why: str) -> Unavailable:
        return Unavailable(
            f"the reply did not come through the seal `{self.key.name}` as it should: {why}", code="upstream_unreadable"
        )


def _known_size(status: int, said: bytes, name: str) -> int:
    """The size that the seal is at, out of its refusal.  Raises Unavailable for any other answer."""
    found = said.rpartition(b'"message":"')[2].partition(b'"')[0]
    if status == 409 and found.isdigit():
        return int(found)
    raise Unavailable(
        f"the seal `{name}` does not take this log's checkpoint",
        code="upstream_unreachable",
        hint="its settings name the log's keys; another history of the same log is never taken",
    )


def sealed_as_agreed(draft: Draft, alias: str, sealer: Sealer | None) -> bool:
    """Whether what stands before a model is what the terms demand there: one of their seals, which takes this gateway's
    permits; or anything, where they demand none."""
    demanded = draft.seals_of(alias)
    if not demanded:
        return True
    if sealer is None:
        return False
    return any(seal.vkey == sealer.key.text and sealer.permit_key in seal.permits for seal in demanded)


class Strip:
    """Digests a reply, and takes the ticket off the end of a stream, whatever the pieces it comes in.

    `feed` and `finish` return bytes that go on; `line` is the ticket's, "" as long as none was there.
    """

    def __init__(self, token: str, *, streams: bool) -> None:
        self.digest = BytesDigest(token, "reply")
        self._streams = streams
        self.line = ""
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """Take in the next bytes."""
        if not self._streams:
            self.digest.update(piece)
            return piece
        data = self._held + piece
        at = data.find(MARK)
        keep = at if at >= 0 else len(data) - _begun(data)
        self._held = data[keep:]
        self.digest.update(data[:keep])
        return data[:keep]

    def finish(self) -> bytes:
        """The stream is over."""
        held, self._held = self._held, b""
        if held.startswith(MARK) and held.endswith(b"\n\n"):
            self.line = held[len(MARK) : -2].decode("ascii", "replace")
            return b""
        self.digest.update(held)
        return held


def _begun(data: bytes) -> int:
    """How many of the last bytes could be the beginning of a mark."""
    for length in range(min(len(MARK) - 1, len(data)), 0, -1):
        if MARK.startswith(data[-length:]):
            return length
    return 0


class Passed(Struct, frozen=True):
    """A request that went through a seal: under which permit, for which call."""

    sealer: Sealer
    token: str
    call: str
