"""Step 8: every call names terms in force at its place, and used only what was granted before it."""

from caveat.evidence.step import Case, Step

NUMBER = 8


def _take(case: Case) -> None:
    walk = case.walk
    if not all(case.trust.parties.get(role) for role in ("vendor", "operator")):
        return
    told = walk.uses.told()
    case.findings.proved(NUMBER, f"{walk.counts.opened} calls" + (f"; {told}" if told else ""))
    if told and case.bundle.manifest.start > 0:
        case.findings.limit(NUMBER, "how often waivers were used before the range")


STEP = Step(NUMBER, "every call was decided under terms in force at its place", _take, needed=True)
