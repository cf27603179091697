"""Which terms were in force when: the fold over control records, remembered along the way.

Rule of this file: control records come in the order of their indices; the answer for an index is known once all control
records before it were added.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from caveat.errors import NotVerified
from caveat.evidence.manifest import InForce
from caveat.facts import Caller
from caveat.record import Leaf
from caveat.register import CallerKey, Register, fold
from caveat.terms.document import Terms
from caveat.waivers.waiver import Waiver


def _closed_key(register: Register, leaf: Leaf) -> Register:
    if leaf.id in register.keys:
        raise NotVerified(f"a key `{leaf.id}` was made before", step="control")
    return msgspec.structs.replace(register, keys={**register.keys, leaf.id: CallerKey("caller", "", Caller(leaf.id))})


def _closed_budget(register: Register, leaf: Leaf) -> Register:
    if leaf.id not in register.keys:
        raise NotVerified(f"a key `{leaf.id}` was never made", step="control")
    return register


CLOSABLE: Final[dict[str, Callable[[Register, Leaf], Register]]] = {
    "key.new": _closed_key,
    "key.budgeted": _closed_budget,
    "log.opened": lambda register, _leaf: register,
}
"""Acts that can be folded without their document: nothing that a verifier decides rests on it."""


class History:
    """The register after the control records added so far, and every span of terms that they made.

    terms      all that were ever adopted, by the pair's digest
    documents  the digest of the control document that each was adopted from
    granted    waivers and approvals that were ever in force, by id
    approvers  digests of the documents that named approvers
    """

    def __init__(self) -> None:
        self.register = Register()
        self.terms: dict[str, Terms] = {}
        self.documents: dict[str, str] = {}
        self.granted: dict[str, Waiver] = {}
        self.approvers: list[str] = []
        self._spans: list[InForce] = []
        self._open: dict[str, InForce] = {}

    def add(self, index: int, leaf: Leaf, document: bytes) -> None:
        """Fold one control record.  Raises NotVerified, and is then as it was before."""
        self.register = fold(self.register, leaf, index, document)
        self.granted |= {**self.register.waivers, **self.register.approvals}
        if leaf.what == "approver.trusted":
            self.approvers.append(leaf.doc)
        now = self.register.terms
        for id_, span in list(self._open.items()):
            if id_ not in now or now[id_].digest != span.digest:
                self._spans.append(InForce(span.id, span.digest, span.adopted, index))
                del self._open[id_]
        for id_, terms in now.items():
            if id_ not in self._open:
                self.terms[terms.digest] = terms
                self.documents[terms.digest] = leaf.doc
                self._open[id_] = InForce(id_, terms.digest, index)

    def add_closed(self, index: int, leaf: Leaf) -> None:
        """Fold one whose document is withheld.  Raises NotVerified where it cannot be done without."""
        if leaf.what not in CLOSABLE or index < self.register.size:
            raise NotVerified(f"the document of `{leaf.what}` cannot be withheld", step="control")
        self.register = msgspec.structs.replace(CLOSABLE[leaf.what](self.register, leaf), size=index + 1)

    def in_force(self, digest: str) -> bool:
        """Whether terms of that digest are in force behind the last control record added."""
        return any(span.digest == digest for span in self._open.values())

    def spans(self, start: int, to: int) -> tuple[InForce, ...]:
        """The terms in force somewhere in start <= index < to, by when they were adopted."""
        spans = [*self._spans, *self._open.values()]
        met = [s for s in spans if s.adopted < to and (s.ended < 0 or s.ended > start)]
        return tuple(sorted(met, key=lambda span: (span.adopted, span.id)))
