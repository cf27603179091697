"""Step 13: every call that the seals counted is on record once, and every call on record went through them."""

from caveat.evidence.reconcile import Reconciliation
from caveat.evidence.step import Case, Step

NUMBER = 13


def _watch(case: Case) -> Reconciliation:
    return Reconciliation(
        lambda: case.walk.history,
        lambda: range(case.bundle.manifest.start, case.bundle.manifest.to),
        lambda words, index: case.findings.fail(NUMBER, words, index),
        lambda words, _index: case.findings.limit(NUMBER, words),
    )


def _take(case: Case) -> None:
    counted = case.watches[NUMBER]
    assert isinstance(counted, Reconciliation)
    counted.finish()
    names = sorted(counted.enrolled)
    if not names:
        case.findings.unproved(
            NUMBER, "no terms in force ask for a seal, so nothing shows calls made around the gateway"
        )
        return
    silent = [name for name in names if name not in counted.seals or not counted.seals[name].beats]
    if len(silent) == len(names):
        case.findings.unproved(NUMBER, f"no beat of `{'`, `'.join(silent)}` stands in the range")
        return
    for name in silent:
        case.findings.limit(NUMBER, f"what `{name}` counted: no beat of it stands in the range")
    if counted.young:
        case.findings.limit(NUMBER, f"that nothing is missing beside {counted.young} calls behind the last beat")
    told = [f"{s.calls} by `{name}`" for name, s in sorted(counted.seals.items()) if s.beats]
    case.findings.proved(
        NUMBER, f"calls that reached a model: {', '.join(told)}; each has one record, and no number is missing"
    )


STEP = Step(NUMBER, "every call that a seal counted is on record once", _take, watch=_watch)
