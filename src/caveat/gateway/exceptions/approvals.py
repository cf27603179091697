"""Requests that gather signatures: waivers and held calls on their way to enough approvers, in one place that all see.

Rules of this file: what lies here lifts nothing, it is only a file that travels less; a signature counts when its bytes are
checked, and a document goes into force at the moment when enough persons have signed, through the same door as a file from
the command line; two who sign at once both count.
"""

import asyncio
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from caveat.canon import b64url
from caveat.dsse import Kind, Sealed, Sig, join, key_id, read
from caveat.errors import BadInput, CaveatError, NotVerified, Refused
from caveat.gateway.exceptions import acts as exceptions
from caveat.gateway.exceptions import holding
from caveat.gateway.home.files import write_whole
from caveat.gateway.house.house import House
from caveat.register.bench import Bench, bench
from caveat.terms.document import Terms
from caveat.waivers import hold
from caveat.waivers.approvers import Approver, asserted, challenge_of, signers, unheard
from caveat.waivers.hold import KIND as HOLD
from caveat.waivers.hold import make_ask, read_ask
from caveat.waivers.passkeys import Assertion, Passkey, read_approver_key
from caveat.waivers.refusal import REFUSAL, is_refusal, read_refusal, unsigned_refusal
from caveat.waivers.signed import KIND as WAIVER
from caveat.waivers.signed import missing, read_request

ID = re.compile(r"w-[0-9a-f]{16}|[0-9a-f]{32}")
MOST = 500
"""Requests that may wait at once: whoever asks for more waits until some are decided."""


class May(Struct, frozen=True):
    """Whether an approver may sign a request, and why not: "" they may, `asked` it is theirs, `signed` they have."""

    person: str
    name: str
    side: str
    why_not: str
    passkeys: tuple[Passkey, ...] = ()


class Pending(Struct, frozen=True):
    """A request with the signatures that it has.

    lacking  what is still wanted, as a sentence's end; "" when it will go into force with the next look
    """

    id: str
    of: str
    asked: dict[str, Any]
    terms: str
    signed: tuple[str, ...]
    lacking: str
    who: tuple[May, ...]
    envelope: bytes


class Approvals:
    """The requests of one home."""

    def __init__(self, directory: Path, house: House) -> None:
        self._directory = directory
        self._house = house

    def listed(self) -> tuple[Pending, ...]:
        """Waivers that gather signatures, oldest first; those that can no more be granted are gone."""
        found = []
        for path in sorted(self._directory.glob("w-*.json"), key=lambda path: path.stat().st_mtime):
            one = self._pending(path.stem)
            if one is not None:
                found.append(one)
        return tuple(found)

    def one(self, id_: str) -> Pending:
        """A waiver's request, or a held call with the signatures that it has.  Raises Refused `not_found`."""
        found = self._pending(id_) if ID.fullmatch(id_) else None
        if found is None:
            raise Refused("nothing of that id gathers signatures", code="not_found", status=404)
        return found

    async def add(self, envelope: bytes) -> tuple[str, bool]:
        """Take in a request, signatures under one that is here, or a person's refusal: its id, and whether it is in force now.

        Raises NotVerified for a signature that does not hold, and what granting raises.
        """
        if is_refusal(envelope) or hold.is_refusal(envelope):
            return await self.refuse(envelope), False
        id_, kind = _named(envelope)
        gathered, lacking = await asyncio.to_thread(self._gather, id_, kind, envelope)
        if lacking:
            return id_, False
        await self._grant(kind, gathered)
        self.drop(id_)
        return id_, True

    async def sign(self, id_: str, credential: str, assertion: Assertion) -> tuple[str, bool]:
        """Add the signature that a passkey made in a browser.  Raises NotVerified."""
        pending = self.one(id_)
        passkey = self._passkey(pending, credential)
        return await self.add(asserted(_named(pending.envelope)[1], pending.envelope, passkey, assertion))

    async def refuse(self, envelope: bytes, of: str = "") -> str:
        """Put a person's signed refusal on record; the id of what it refuses, which is `of` where that is given.  Raises
        NotVerified."""
        waiver = is_refusal(envelope)
        id_ = read_refusal(envelope).id if waiver else hold.read_refusal(envelope)[0].hold
        if of and id_ != of:
            raise NotVerified(f"this file refuses `{id_}`, which is another request", step="waiver")
        await (exceptions.refuse if waiver else holding.decide_hold)(self._house, envelope)
        self.drop(id_)
        return id_

    async def deny(self, id_: str) -> None:
        """Refuse a request, or what is held, on record, without anybody's signature."""
        one = await asyncio.to_thread(self.one, id_)
        await (exceptions.deny if one.of == "waiver" else holding.deny)(self._house, id_)
        self.drop(id_)

    async def sign_refusal(self, id_: str, credential: str, assertion: Assertion) -> str:
        """Refuse with the signature that a passkey made in a browser.  Raises NotVerified."""
        envelope = self._refusal(id_)
        passkey = self._passkey(self.one(id_), credential)
        return await self.refuse(asserted(_refusal_kind(id_), envelope, passkey, assertion))

    def challenge(self, id_: str, *, refusing: bool = False) -> bytes:
        """What a passkey signs, so that it signs the request, or its refusal."""
        if refusing:
            return challenge_of(_refusal_kind(id_), self._refusal(id_))
        envelope = self.one(id_).envelope
        return challenge_of(_named(envelope)[1], envelope)

    def drop(self, id_: str) -> None:
        """Let go of the file of a request that nobody need sign any more; nothing happens where there is none."""
        if ID.fullmatch(id_):
            self._path(id_).unlink(missing_ok=True)

    # --- one request ---

    def _refusal(self, id_: str) -> bytes:
        """What is signed to refuse it."""
        envelope = self.one(id_).envelope
        return unsigned_refusal(envelope) if id_.startswith("w-") else hold.unsigned_refusal(envelope)

    def _passkey(self, pending: Pending, credential: str) -> Passkey:
        """The passkey of that credential.  Raises NotVerified."""
        for may in pending.who:
            for passkey in may.passkeys:
                if b64url(passkey.credential) == credential:
                    return passkey
        raise NotVerified("no approver here has that passkey", step="approver")

    def _gather(self, id_: str, kind: Kind, envelope: bytes) -> tuple[bytes, str]:
        """The request with all signatures that are here and in the envelope, kept; and what it lacks.  From a thread: it
        waits for others who do the same."""
        if kind is HOLD:
            self.one(id_)  # it must be held here
        with self._locked():
            gathered = self._joined(id_, kind, envelope)
            lacking = self._check(id_, kind, gathered)
            write_whole(self._path(id_), gathered)
        return gathered, lacking

    def _pending(self, id_: str) -> Pending | None:
        held = not id_.startswith("w-")
        try:
            envelope = self._path(id_).read_bytes()
        except FileNotFoundError:
            if not held:
                return None
            try:
                envelope = str(holding.shown(self._house, id_)["sign"]).encode()
            except CaveatError:
                return None
        if id_ in self._house.view.register.decided:
            self.drop(id_)
            return None
        kind = HOLD if held else WAIVER
        asked, without, terms = self._asked(kind, envelope)
        if terms is None:
            self.drop(id_)
            return None
        who = bench(self._house.view.register, terms.digest)
        signed = signers(kind, read(kind, envelope), who.heard, ())
        lacking = _lacking(kind, envelope, terms, who)
        may = _may(who.heard, without, set(signed))
        return Pending(
            id_, "hold" if held else "waiver", asked, terms.draft.name, tuple(sorted(signed)), lacking, may, envelope
        )

    def _asked(self, kind: Kind, envelope: bytes) -> tuple[dict[str, Any], set[str], Terms | None]:
        """What is asked, who cannot approve it, and the terms in force that it is about."""
        if kind is HOLD:
            ask, _ = read_ask(envelope)
            return msgspec.to_builtins(ask), {ask.caller, ask.caller.lower()}, self._terms(ask.terms)
        found = read_request(envelope).request
        return msgspec.to_builtins(found), {found.requester}, self._terms(found.terms)

    def _terms(self, digest: str) -> Terms | None:
        in_force = self._house.view.register.terms.values()
        return next((terms for terms in in_force if terms.digest == digest), None)

    def _joined(self, id_: str, kind: Kind, envelope: bytes) -> bytes:
        """What is here with the envelope's signatures: by its payload they belong together."""
        new = read(kind, envelope)
        try:
            kept: Sealed | None = read(kind, self._path(id_).read_bytes())
        except FileNotFoundError:
            kept = None
            if len(list(self._directory.glob("*.json"))) >= MOST:
                raise BadInput("too many requests wait for signatures", hint="decide or take back some first") from None
        if kind is HOLD and make_ask(read_ask(envelope)[0]) != make_ask(read_ask(self.one(id_).envelope)[0]):
            raise NotVerified("what was signed is not what is held here", step="hold")
        known = {key_id(read_approver_key(one.vkey)) for one in self._house.view.register.approvers}
        signatures = [sig for sig in new.signatures if sig.keyid in known]
        others: Sequence[Sig] = kept.signatures if kept else ()
        return join(kind, new.payload, signatures, others)

    def _check(self, id_: str, kind: Kind, gathered: bytes) -> str:
        """What it lacks.  Raises NotVerified for what could never be granted."""
        _, _, terms = self._asked(kind, gathered)
        if terms is None:
            raise NotVerified(f"`{id_}` is for terms that are not in force", step="waiver")
        if id_ in self._house.view.register.decided:
            raise NotVerified(
                f"`{id_}` was decided before", step="waiver", hint="somebody was faster: load the page again"
            )
        return _lacking(kind, gathered, terms, bench(self._house.view.register, terms.digest))

    async def _grant(self, kind: Kind, envelope: bytes) -> None:
        await (exceptions.grant if kind is WAIVER else holding.decide_hold)(self._house, envelope)

    def _path(self, id_: str) -> Path:
        return self._directory / f"{id_}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time, on all workers."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _lacking(kind: Kind, envelope: bytes, terms: Terms, who: Bench) -> str:
    if kind is WAIVER:
        return missing(envelope, who.heard, terms.draft, who.others)
    ask, sealed = read_ask(envelope)
    persons = signers(HOLD, sealed, who.heard, {ask.caller, ask.caller.lower()})
    wanted = max((clause.approvers for clause in terms.draft.clauses if clause.id in ask.clauses), default=1)
    if len(persons) >= wanted:
        return ""
    return f"{wanted} approvers who are not its caller, and has {len(persons)}{unheard(sealed, who.others)}"


def _may(heard: Sequence[Approver], without: set[str], signed: set[str]) -> tuple[May, ...]:
    """Who may sign, and who not: those alone who count under the terms."""
    people: dict[str, list[Approver]] = {}
    for approver in heard:
        people.setdefault(approver.person, []).append(approver)
    rows = []
    for person, keys in people.items():
        why = "asked" if person in without else "signed" if person in signed else ""
        read_keys = [read_approver_key(one.vkey) for one in keys]
        passkeys = tuple(key for key in read_keys if isinstance(key, Passkey))
        rows.append(May(person, keys[0].name, keys[0].side, why, passkeys))
    return tuple(rows)


def _refusal_kind(id_: str) -> Kind:
    return REFUSAL if id_.startswith("w-") else hold.REFUSAL


def _named(envelope: bytes) -> tuple[str, Kind]:
    """Whose request an envelope is, and of which kind.  Raises NotVerified."""
    try:
        return read_request(envelope).id, WAIVER
    except NotVerified as error:
        try:
            return read_ask(envelope)[0].hold, HOLD
        except NotVerified:
            raise error from None
