"""Step 3: the log only grew since the last checkpoint that the verifier holds."""

from caveat.errors import NotVerified
from caveat.evidence.mirror import Mirror
from caveat.evidence.step import Case, Step
from caveat.keys import VerifyKey
from caveat.note import TreeHead, open_note, read_tree_head

NUMBER = 3


def _take(case: Case) -> None:
    with case.ending(4):
        case.mirror = Mirror(case.bundle, case.head)
    own = _extends(case, case.bundle.previous_checkpoint, "the earlier checkpoint in the bundle")
    if case.last:
        size = _extends(case, case.last, "your checkpoint")
        case.findings.proved(NUMBER, f"its first {size} records are the ones that you knew")
        return
    says = "no earlier checkpoint was given"
    if own >= 0:
        says += f"; the bundle's own, of {own} records, is a beginning of this log, but you did not hold it before"
    case.findings.unproved(NUMBER, says)


def _extends(case: Case, checkpoint: bytes, whose: str) -> int:
    """The size of an earlier checkpoint that the tree begins with; -1 where there is none or it failed."""
    if not checkpoint:
        return -1
    try:
        return _beginning(case.mirror, case.head, checkpoint, case.keys)
    except NotVerified as error:
        case.findings.fail(NUMBER, f"{whose}: {error.message}")
        return -1


def _beginning(mirror: Mirror, head: TreeHead, checkpoint: bytes, keys: tuple[VerifyKey, ...]) -> int:
    """The size of an earlier checkpoint, once the tree is found to begin with its own.  Raises NotVerified."""
    earlier = read_tree_head(open_note(checkpoint, keys).text)
    if earlier.origin != head.origin:
        raise NotVerified(f"it is one of `{earlier.origin}`")
    if earlier.size > head.size:
        raise NotVerified(f"it stands for {earlier.size} records, this bundle for {head.size}: the log went back")
    try:
        root = mirror.root_at(earlier.size)
    except NotVerified:
        raise NotVerified(
            f"the bundle does not hold what would show that its {earlier.size} records are the log's first; "
            "ask for one that was exported against it"
        ) from None
    if root != earlier.root:
        raise NotVerified(f"its {earlier.size} records are not those that this log begins with: it was rewritten")
    return earlier.size


STEP = Step(NUMBER, "the log only grew since your last checkpoint", _take)
