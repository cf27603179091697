"""Step 2: the log signed the checkpoint, and the quorum of the trust file's witnesses cosigned it."""

from caveat.errors import NotVerified
from caveat.evidence.step import Case, Step
from caveat.keys import KeyKind
from caveat.ledger.checkpoint import open_checkpoint
from caveat.note import open_note

NUMBER = 2


def _take(case: Case) -> None:
    bundle, trust = case.bundle, case.trust
    with case.ending(NUMBER):
        head = open_checkpoint(bundle.checkpoint, case.keys, bundle.manifest.origin)
        if head.size != bundle.manifest.size:
            raise NotVerified(f"the manifest says {bundle.manifest.size} records, the checkpoint {head.size}")
        note = open_note(bundle.checkpoint, (*case.keys, *trust.witnesses.values()))
        if not trust.quorum_met(key for key, _ in note.by):
            raise NotVerified(f"the quorum `{trust.quorum}` of your trust file has not cosigned it")
    case.head = head
    kinds = sorted({"ML-DSA-44" if key.kind is KeyKind.COSIGN_MLDSA else "Ed25519" for key in case.keys})
    case.findings.proved(NUMBER, f"it stands for {head.size} records, signed with {' and '.join(kinds)}")
    if trust.quorum == "none":
        case.findings.limit(
            NUMBER, "that the log shows the same history to everyone: your trust file asks for no witness"
        )


STEP = Step(NUMBER, "the log signed the checkpoint", _take, needed=True)
