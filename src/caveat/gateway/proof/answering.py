"""The operator's side of a challenge: its share, the sampled records opened, and, on site, bodies read again.

Rules of this file: what opens a record comes from the vault, what was in force from the ledger; a record that cannot be
opened is left out, so that it counts as refused, and is never made to look like one that was.
"""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec import Struct

from caveat import record
from caveat.errors import NotVerified
from caveat.evidence.answer import Opening, opens, write_answer
from caveat.evidence.bundle import Bundle, open_bundle
from caveat.evidence.challenge import check_shares, operators_share, read_challenge, sample, share_key
from caveat.evidence.manifest import write_manifest
from caveat.evidence.profiles import profile
from caveat.evidence.reopen import Kept, reopen
from caveat.gateway.home.bodies import Bodies
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.settings import RecognizerSettings, Settings
from caveat.gateway.house.founding import house_keys
from caveat.gateway.house.learned import learned_for
from caveat.gateway.house.past import all_terms, read_past
from caveat.gateway.model.store import list_models
from caveat.ledger.reader import LedgerReader
from caveat.recognize.control_tokens import DEFAULT
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import Panel, default_panel
from caveat.register import Register
from caveat.terms.document import Terms


class Reopened(Struct, frozen=True):
    """What an opening on site came to: counts, and the records that did not hold, with what did not, never a word of theirs."""

    asked: int
    opened: int
    without_body: int
    wrong: tuple[tuple[int, str], ...]


class Answering:
    """One challenge at the home whose bundle it is about.  Raises NotVerified where they do not belong together."""

    def __init__(self, home: Home, bundle: BinaryIO, challenge: bytes) -> None:
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
        """Write the answer, and return how many records it opens."""
        openings = list(self._openings(profile_name))
        write_answer(out, self._note, self._share, openings, self._signer)
        return len(openings)

    def reopen(self) -> Reopened:
        """Read the kept bodies of the sampled calls again."""
        register = read_past(self._reader, Documents(self._home.control)).register
        terms = {one.digest: one for one in all_terms(self._reader, Documents(self._home.control))}
        bodies = Bodies(self._home.vault / "bodies", self._vault_key)
        asked = opened = without = 0
        wrong: list[tuple[int, str]] = []
        for index in self.indices:
            entry = self._reader.entry(index)
            leaf = record.read_leaf(entry.leaf)
            if leaf.k != "opened":
                continue
            asked += 1
            try:
                body = bodies.read(leaf.call, "request")
            except NotVerified:
                without += 1
                continue
            opened += 1
            if not entry.aside:
                wrong.append((index, "what opens it was destroyed"))
                continue
            why = self._reopened(leaf, entry.aside, body, register, terms.get(leaf.terms))
            wrong += [(index, one) for one in why]
        return Reopened(asked, opened, without, tuple(wrong))

    def _reopened(
        self, leaf: record.Leaf, aside: bytes, body: bytes, register: Register, terms: Terms | None
    ) -> tuple[str, ...]:
        read = record.read_aside(aside)
        values = record.disclosed(leaf, read.d)
        caller = register.keys.get(values["who"]["caller"])
        if terms is None or caller is None:
            return ("its terms or its caller's key are not on record",)
        learned = values["content"].get("detector") == "learned"
        panel = self._panel(terms, learned=learned)
        return reopen(values, Kept(body, bytes.fromhex(read.key), caller.caller), terms, panel)

    def _panel(self, terms: Terms, *, learned: bool) -> Panel:
        """The recognizers of this installation as the gateway sets them up for these terms; with the learned one where
        the record says that it read, whatever the settings say today, and where the terms demand it."""
        aliases = {model.alias for model in terms.draft.models}
        tokens = [t for m in list_models(self._home.models) if m.alias in aliases for t in m.control_tokens]
        settings = Settings(recognizer=RecognizerSettings(learned=learned))
        return default_panel(
            load_profile(terms.draft.markings), (*DEFAULT, *tokens), learned_for(terms.draft, settings)
        )

    def _openings(self, profile_name: str) -> Iterator[Opening]:
        shown = profile(profile_name)
        for index in self.indices:
            entry = self._reader.entry(index)
            leaf = record.read_leaf(entry.leaf)
            d = opens(leaf, entry.aside, shown)
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
