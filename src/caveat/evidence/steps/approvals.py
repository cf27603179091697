"""Step 15: who approved waivers, held calls and replies: how many signatures by key files, how many by passkeys.

The fold has checked every one of them already, and that the vendor of the terms named the vendor's persons (step 6), and the
parties' naming of the approvers (step 7); here they are told.
"""

from typing import Any, Final

from caveat.dsse import key_id, read
from caveat.errors import CaveatError
from caveat.evidence.step import Case, Step
from caveat.evidence.watch import Watch
from caveat.record import Leaf
from caveat.waivers import hold, refusal, signed
from caveat.waivers.approvers import KIND as APPROVER
from caveat.waivers.approvers import Approver, decoded
from caveat.waivers.passkeys import Passkey, read_approver_key

NUMBER: Final = 15
KINDS: Final = {
    "waiver.granted": (signed.KIND,),
    "waiver.refused": (refusal.REFUSAL,),
    "hold.decided": (hold.KIND, hold.REFUSAL),
}


class Approvals(Watch):
    """Sees every control record; counts signatures by known keys."""

    LOOKS = False

    def __init__(self) -> None:
        self.keys = self.passkeys = 0
        self._known: dict[str, bool] = {}

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        """Calls approve nothing."""

    def control(self, _index: int, leaf: Leaf, document: bytes) -> None:
        """An approver who is named, or what approvers signed."""
        if leaf.what == "approver.trusted":
            key = read_approver_key(decoded(APPROVER, read(APPROVER, document), Approver).vkey)
            self._known[key_id(key)] = isinstance(key, Passkey)
        for kind in KINDS.get(leaf.what, ()):
            try:
                signatures = read(kind, document).signatures
            except CaveatError:
                continue
            by = [self._known[sig.keyid] for sig in signatures if sig.keyid in self._known]
            self.passkeys += sum(by)
            self.keys += len(by) - sum(by)


def _take(case: Case) -> None:
    seen = case.watches[NUMBER]
    assert isinstance(seen, Approvals)
    told = (
        f"{seen.keys} by key files, {seen.passkeys} by passkeys"
        if seen.keys + seen.passkeys
        else "nothing was approved"
    )
    case.findings.proved(NUMBER, told)


STEP = Step(NUMBER, "persons signed what was approved", _take, watch=lambda _case: Approvals())
