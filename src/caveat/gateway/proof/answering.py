"""The operator's side of a challenge: its share, the sampled records opened, and, on site, bodies read again.

Rules of this file: what opens a record comes from the vault, what was in force from the ledger; a record that cannot be
opened is left out, so that it counts as refused, and is never made to look like one that was.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec
from msgspec import Struct

from caveat import record
from caveat.errors import NotVerified
from caveat.evidence.answer import Opening, opens, write_answer
from caveat.evidence.bundle import Bundle, open_bundle
from caveat.evidence.challenge import (
    check_shares,
    open_challenge,
    operators_share,
    read_challenge,
    sample,
    share_key,
)
from caveat.evidence.manifest import write_manifest
from caveat.evidence.profiles import profile
from caveat.gateway.home.directory import Home
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.proof.onsite import Site
from caveat.gateway.proof.promised import NEVER, OVER
from caveat.keys import VerifyKey, read_verify_key
from caveat.ledger.reader import LedgerReader
from caveat.register import Register


class Reopened(Struct, frozen=True):
    """What an opening on site came to: counts, and the records that did not hold, with what did not, never a word of theirs.

    asked, opened, without_body                    requests: drawn, read again, not there
    replies, replies_opened, replies_without_body  the same of replies of which anything left or was kept
    never_kept, kept_their_time                    of what is not there: what the terms did not ask to keep, and what was
                                                   destroyed, on record, when its time was over; the rest is in `wrong`
    left                                           what was not made again, as `wrong`
    """

    asked: int
    opened: int
    without_body: int
    wrong: tuple[tuple[int, str], ...]
    replies: int = 0
    replies_opened: int = 0
    replies_without_body: int = 0
    never_kept: int = 0
    kept_their_time: int = 0
    left: tuple[tuple[int, str], ...] = ()

    @property
    def sound(self) -> bool:
        """Whether anything was read again, and nothing is wrong."""
        return not self.wrong and self.opened + self.replies_opened > 0

    @property
    def left_out(self) -> list[tuple[str, int]]:
        """Why something was not made again, and of how many records."""
        return sorted(Counter(why for _, why in self.left).items())

    def sentence(self) -> str:
        """The result."""
        drawn, read = self.asked + self.replies, self.opened + self.replies_opened
        wrong = len({index for index, _ in self.wrong})
        if not drawn:
            return "nothing was tested: no call of the sample has a body"
        if not read and not wrong:
            return (
                f"nothing was tested: of {drawn} bodies drawn none is kept, and the terms promise none that is missing; "
                "the facts on record rest on the gateway's word"
            )
        closed = self.never_kept + self.kept_their_time
        less = f"; {closed} were not to be there, and stay untested" if closed else ""
        held = f"{wrong} records do not hold or were refused" if wrong else "all hold"
        held = "one record does not hold or was refused" if wrong == 1 else held
        return f"of {drawn} bodies drawn {read} were read again{less}: {held}"


def signer_of(challenge: bytes, register: Register, more: Sequence[VerifyKey] = ()) -> VerifyKey:
    """Whose challenge it is: a party's on record, or one of `more`.  Raises NotVerified for one that nobody known signed."""
    keys = [read_verify_key(party.vkey) for party in register.parties]
    try:
        return open_challenge(challenge, (*keys, *more))[1]
    except NotVerified as error:
        raise NotVerified(
            f"the challenge is signed by nobody known here: {error.message}",
            step="challenge",
            hint="an auditor gives you their verify key by another way: `--signed-by FILE`",
        ) from None


class Answering:
    """One challenge at the home whose bundle it is about.  Raises NotVerified where they do not belong together."""

    def __init__(self, home: Home, bundle: BinaryIO, challenge: bytes) -> None:
        self.bare = 0
        self._home = home
        keys, self._vault_key = house_keys(home, home.settings().gateway.origin)
        self._signer = keys.plain
        self._reader = LedgerReader(home.ledger, home.vault, keys.verify_keys)
        self._note = challenge
        self._bundle: Bundle = open_bundle(bundle)
        asked = read_challenge(challenge)
        manifest = self._bundle.manifest
        bare = write_manifest(msgspec.structs.replace(manifest, share=""))
        self._share = operators_share(share_key(self._vault_key), bare)
        seed = check_shares(asked, manifest, self._bundle.manifest_bytes, self._share)
        self.chosen = sample(asked, seed, manifest, self._leaves(manifest.start, manifest.to))

    @property
    def indices(self) -> tuple[int, ...]:
        """Every index that is to be opened, ascending."""
        return tuple(sorted({index for indices in self.chosen.values() for index in indices}))

    def answer(self, out: BinaryIO, profile_name: str = "audit") -> int:
        """Write the answer, and return how many records it opens; `bare` then counts those that hold nothing to open."""
        self.bare = 0
        openings = list(self._openings(profile_name))
        write_answer(out, self._note, self._share, openings, self._signer)
        return len(openings)

    def reopen(self) -> Reopened:
        """Read the kept bodies of the sampled calls again."""
        site = Site(self._home, self._reader, self._vault_key, self._note)
        for index in self.indices:
            site.open(index)
        return Reopened(
            site.drawn["opened"],
            site.read["opened"],
            site.drawn["opened"] - site.read["opened"],
            tuple(site.wrong),
            site.drawn["settled"],
            site.read["settled"],
            site.drawn["settled"] - site.read["settled"],
            site.missing[NEVER],
            site.missing[OVER],
            tuple(site.left),
        )

    def _openings(self, profile_name: str) -> Iterator[Opening]:
        shown = profile(profile_name)
        for index in self.indices:
            entry = self._reader.entry(index)
            leaf = record.read_leaf(entry.leaf)
            d = opens(leaf, entry.aside, shown)
            self.bare += not leaf.c
            if not leaf.c or not d:
                continue
            first: tuple[str, ...] = ()
            place = leaf.at if leaf.at >= 0 else index - 1
            if leaf.k == "settled" and 0 <= place < index:
                before = self._reader.entry(place)
                first = opens(record.read_leaf(before.leaf), before.aside, shown)
            yield Opening(index, d, first)

    def _leaves(self, start: int, to: int) -> Iterator[tuple[int, record.Leaf]]:
        for index, entry in self._reader.entries(start, to):
            yield index, record.read_leaf(entry.leaf)


def share_key_of(home: Home) -> bytes:
    """The key from which this home's shares derive."""
    _, vault_key = house_keys(home, home.settings().gateway.origin)
    return share_key(vault_key)
