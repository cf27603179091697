"""On site: kept bodies of sampled calls, requests and replies, read again by this installation.

Rules of this file: nothing of a body leaves it, only counts and the names of what does not hold; a body that is not kept is
counted, and wrong if it was to be kept; what is kept and does not open is wrong; what was not made again is named.
"""

from collections import Counter
from typing import Any

from caveat import record
from caveat.errors import NotVerified
from caveat.evidence.reopen import Kept, Looked, reopen
from caveat.evidence.reopen_reply import KeptReply, reopen_reply
from caveat.gateway.home.bodies import Bodies
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.tables import RecognizerSettings, Settings
from caveat.gateway.house.learned import learned_for
from caveat.gateway.house.past import ever_in_force, read_past
from caveat.gateway.model.store import list_models
from caveat.gateway.proof.promised import Promised
from caveat.ledger.reader import LedgerReader
from caveat.recognize.control_tokens import DEFAULT
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import Panel, default_panel
from caveat.record import Leaf
from caveat.terms.document import Terms

DESTROYED = "what opens it was destroyed"


class Site:
    """Opens records one by one.

    drawn   records of calls that have a body, by kind (`opened`: a request, `settled`: a reply)
    read    of these, how many bodies were kept and read again
    missing of the others: how many were never to be kept, and how many had been kept as long as they were to be (promised.py)
    wrong   index and what does not hold; a body that was to be there, and is not, among them
    left    index and what was not made again
    """

    def __init__(self, home: Home, reader: LedgerReader, vault_key: bytes, challenge: bytes) -> None:
        self.drawn: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        self.wrong: list[tuple[int, str]] = []
        self.left: list[tuple[int, str]] = []
        self._home = home
        self._reader = reader
        documents = Documents(home.control)
        past = read_past(reader, documents)
        self._register = past.register
        self._terms, self._lifts = ever_in_force(reader, documents, past.controls)
        self._promised = Promised(reader, documents, past.controls, challenge)
        self._bodies = Bodies(home.vault / "bodies", vault_key)

    def open(self, index: int) -> None:
        """One sampled record; nothing happens for one that has no body."""
        entry = self._reader.entry(index)
        leaf = record.read_leaf(entry.leaf)
        try:
            if leaf.k == "opened":
                self._request(index, leaf, entry.aside)
            elif leaf.k == "settled" and "answer" in leaf.c:
                self._reply(index, leaf, entry.aside)
        except NotVerified as error:
            self.wrong.append((index, error.message))

    def _request(self, index: int, leaf: Leaf, aside: bytes) -> None:
        values, key = _opened(leaf, aside)
        body = self._body(index, leaf, "request", values)
        if body is None:
            return
        caller = self._register.keys.get(values["who"]["caller"])
        terms = self._terms.get(leaf.terms)
        if terms is None or caller is None:
            raise NotVerified("its terms or its caller's key are not on record")
        self._note(
            index, reopen(values, Kept(body, key, caller.caller), terms, self._panel(terms, values), self._lifts)
        )

    def _reply(self, index: int, leaf: Leaf, aside: bytes) -> None:
        values, key = _opened(leaf, aside)
        if leaf.o != "withheld" and not values["answer"]["len"]:
            return  # nothing left for the client
        place = leaf.at if leaf.at >= 0 else index - 1
        before = self._reader.entry(place)
        first, _ = _opened(record.read_leaf(before.leaf), before.aside)
        body = self._body(index, leaf, "reply", first)
        if body is None:
            return
        terms = self._terms.get(leaf.terms)
        if terms is None:
            raise NotVerified("its terms are not on record")
        kept = KeptReply(body, key, self._bodies.read(leaf.call, "request"), leaf.o)
        self._note(index, reopen_reply(first, values, kept, terms, self._panel(terms, first), self._lifts))

    def _note(self, index: int, looked: Looked) -> None:
        self.wrong += [(index, one) for one in looked.wrong]
        self.left += [(index, one) for one in looked.left]

    def _body(self, index: int, leaf: Leaf, which: str, first: dict[str, Any]) -> bytes | None:
        """The kept body, None where none is kept.  `first`: the values of the call's first record."""
        self.drawn[leaf.k] += 1
        if not self._bodies.keeps(leaf.call, which):
            why, wrong = self._promised.missing(leaf.call, which, first)
            self.missing[why] += 1
            self.wrong += [(index, wrong)] if wrong else []
            return None
        self.read[leaf.k] += 1
        return self._bodies.read(leaf.call, which)

    def _panel(self, terms: Terms, values: dict[str, Any]) -> Panel:
        """The recognizers of this installation as the gateway sets them up for these terms; with the learned one where
        the record says that it read, whatever the settings say today, and where the terms demand it."""
        aliases = {model.alias for model in terms.draft.models}
        tokens = [t for m in list_models(self._home.models) if m.alias in aliases for t in m.control_tokens]
        settings = Settings(recognizer=RecognizerSettings(learned=values["content"].get("detector") == "learned"))
        return default_panel(
            load_profile(terms.draft.markings), (*DEFAULT, *tokens), learned_for(terms.draft, settings)
        )


def _opened(leaf: Leaf, aside: bytes) -> tuple[dict[str, Any], bytes]:
    """A record's values, and its key.  Raises NotVerified."""
    if not aside:
        raise NotVerified(DESTROYED)
    read = record.read_aside(aside)
    return record.disclosed(leaf, read.d), bytes.fromhex(read.key)
