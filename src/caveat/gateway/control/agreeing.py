"""What an operator brings to a house about the agreement itself: a party's root, what repositories list, steps in talks.

An adoption from repositories:

    {"caveat_adoption": 1, "terms": "<the signed terms>", "listings": {"labs.example": {..}, ..}}

Rules of this file: everything is tried on a copy of the register before the first record is written, so terms that do not
come into force leave no trace; what repositories list is on record before the terms that stand on it.
"""

import asyncio
from typing import Literal

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from caveat import record
from caveat.canon import digest
from caveat.errors import BadInput, NotVerified
from caveat.gateway.call.bodyin import read_body
from caveat.gateway.house.house import House
from caveat.register import CallerKey, Register, fold
from caveat.talks.steps import Taken, open_step
from caveat.terms.document import SignedTerms, Terms
from caveat.terms.listing import Listing, listing_bytes
from caveat.terms.moving import is_move, read_move
from caveat.terms.sign import claimed_terms

BODY_SECONDS = 30.0
Listings = dict[str, Listing]
"""By the party's name."""


class Adoption(Struct, frozen=True, forbid_unknown_fields=True):
    """Signed terms, and what the repositories of those parties that keep one list."""

    caveat_adoption: Literal[1]
    terms: str
    listings: Listings = {}


def read_adoption(body: bytes) -> Adoption:
    """An adoption; signed terms alone are one without listings.  Raises BadInput."""
    if b'"caveat_adoption"' not in body[:64]:
        return Adoption(1, body.decode("utf-8", "replace"))
    try:
        return msgspec.json.decode(body, type=Adoption)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"this is no adoption of terms: {error}") from None


async def adopt(house: House, body: bytes) -> Terms:
    """Put signed terms in force.  Raises NotVerified, BadInput; what was in force before stays then."""
    adoption = read_adoption(body)
    listings = {party: listing_bytes(listing) for party, listing in adoption.listings.items()}
    terms = adoption.terms.encode()
    tried = await asyncio.to_thread(_tried, house.view.register, listings, terms, house.now_ms())
    house.check_apart(tried)
    for party, document in listings.items():
        seen = house.view.register.repositories.get(party)
        if seen is None or seen.listing is None or listing_bytes(seen.listing) != document:
            await house.amend("party.seen", party, document)
    return await house.adopt(terms)


def _tried(register: Register, listings: dict[str, bytes], terms: bytes, now_ms: int) -> Terms:
    """The same on a copy.  Raises what the fold would."""
    acts = [("party.seen", party, document) for party, document in listings.items()]
    for what, of, document in (*acts, ("terms.adopted", "", terms)):
        entry = record.control(what=what, of=of, doc=digest(document), gateway="", at_ms=now_ms)
        register = fold(register, record.read_leaf(entry.leaf), register.size, document)
    pair = claimed_terms(SignedTerms(terms)).digest
    return next(one for one in register.terms.values() if one.digest == pair)


async def move(house: House, document: bytes) -> tuple[str, list[str]]:
    """Let a repository stand in the place of a bare key, by that key's word: the party, and the terms that are its own from
    here on.  Raises NotVerified."""
    party, before = read_move(document).party, house.view.register.vendors
    after = (await house.amend("party.moved", party, document)).vendors
    return party, sorted(name for name, vendor in after.items() if before.get(name) != vendor)


async def trust_root(house: House, root: bytes) -> str:
    """Let a party's repository count from here on; its name.  Nothing changes where that very root is trusted already.  Raises
    NotVerified, BadInput."""
    from caveat.terms.repository import open_root  # noqa: PLC0415 - loads tuf, which few starts need

    repository = open_root(root.decode("utf-8", "replace"))
    seen = house.view.register.repositories.get(repository.party)
    if seen is not None and digest(root) in seen.roots:
        return repository.party
    if seen is not None:
        raise BadInput(
            f"a root of `{repository.party}` is trusted here already",
            hint="a new root comes with the party's repository",
        )
    await house.amend("party.rooted", repository.party, root)
    return repository.party


async def note_step(house: House, raw: bytes) -> str:
    """Put a step in talks on record.  It changes nothing that is in force."""
    taken = _by_a_party(house.view.register, raw)
    step = taken.step
    name = f"{step.terms}: {step.verb} by the {step.by}"
    await house.amend("talks.step", name, raw)
    return name


def _by_a_party(register: Register, raw: bytes) -> Taken:
    """Raises NotVerified unless a trusted key of the party that the step names has signed it."""
    kept = [seen.repository for seen in register.repositories.values()]
    sides = [(one.role, one.ever) for one in kept] or list(register.trust().items())
    for role, keys in sides:
        try:
            taken = open_step(raw, keys)
        except NotVerified:
            continue
        if taken.step.by == role:
            return taken
    raise NotVerified(
        "no party that this home trusts has signed this step",
        step="talks",
        hint="`caveat party trust REPOSITORY` lets a party's repository count here",
    )


class Agreeing:
    """The control API's handlers for the agreement, over one house."""

    _house: House

    async def adopt(self, request: Request, _key: CallerKey) -> Response:
        terms = await adopt(self._house, await self._document(request))
        return JSONResponse({"adopted": terms.draft.name, "digest": terms.digest})

    async def trust_root(self, request: Request, _key: CallerKey) -> Response:
        document = await self._document(request)
        if is_move(document):
            party, terms = await move(self._house, document)
            return JSONResponse({"moved": party, "terms": terms})
        return JSONResponse({"trusted": await trust_root(self._house, document)})

    async def note_step(self, request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"noted": await note_step(self._house, await self._document(request))})

    async def _document(self, request: Request) -> bytes:
        limit = self._house.settings.gateway.max_body_bytes
        return await read_body(request.receive, limit=limit, seconds=BODY_SECONDS)
