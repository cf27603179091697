"""Step 21: the log keeps its promises: each ticket that a caller was given stands for the record that the log has there.

A ticket (ledger/receipt.py) is signed before any checkpoint covers its record, so it also shows what was rewritten before an
outsider held a checkpoint.
"""

from caveat.canon import unb64
from caveat.errors import CaveatError, NotVerified
from caveat.evidence.step import Case, Step
from caveat.ledger.receipt import Ticket, open_ticket
from caveat.ledger.tiles import TILE_WIDTH
from caveat.ledger.tree import HASH_BYTES

NUMBER = 21


def _take(case: Case) -> None:
    if not case.tickets:
        case.findings.unproved(NUMBER, "no ticket of a caller was given (`--ticket`)")
        return
    kept = 0
    for raw in case.tickets:
        try:
            kept += _kept(case, open_ticket(_note(raw), case.keys))
        except CaveatError as error:
            case.findings.fail(NUMBER, error.message)
    if kept:
        case.findings.proved(
            NUMBER, f"{kept} of {len(case.tickets)} tickets stand for the records that the log has there"
        )
    else:
        case.findings.unproved(NUMBER, "no ticket is for a record that the bundle shows")


def _note(raw: bytes) -> bytes:
    """The note: as it is, or in base64 as the header `x-caveat-ticket` bears it.  Raises BadInput."""
    return raw if b"\n\n" in raw else unb64(raw.decode("ascii", "replace").strip())


def _kept(case: Case, ticket: Ticket) -> bool:
    """Whether the promise is kept; False, with a limit, where the bundle does not show it.  Raises NotVerified."""
    manifest = case.bundle.manifest
    if ticket.origin != manifest.origin:
        raise NotVerified(f"a ticket is one of `{ticket.origin}`", step="ticket")
    if ticket.index >= manifest.size:
        case.findings.limit(
            NUMBER, f"the ticket for record {ticket.index}: the checkpoint covers {manifest.size} records"
        )
        return False
    try:
        tile = case.mirror.tile(0, ticket.index // TILE_WIDTH)
    except NotVerified:
        case.findings.limit(NUMBER, f"the ticket for record {ticket.index}, which lies outside the range")
        return False
    at = ticket.index % TILE_WIDTH * HASH_BYTES
    if tile[at : at + HASH_BYTES] != ticket.leaf_hash:
        raise NotVerified(
            f"the log promised another record {ticket.index} than it has: keep the ticket, both are signed",
            step="ticket",
        )
    return True


STEP = Step(NUMBER, "the log keeps the promises of the tickets that you hold", _take)
