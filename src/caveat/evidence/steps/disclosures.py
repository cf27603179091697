"""Step 9: what is disclosed is what was committed to."""

from caveat.evidence.step import Case, Step

NUMBER = 9


def _take(case: Case) -> None:
    opened = case.walk.opened().values()
    made, disclosed = sum(of.made for of in opened), sum(of.disclosed for of in opened)
    if not disclosed:
        profile = case.bundle.manifest.profile
        case.findings.unproved(NUMBER, f"the profile `{profile}` disclosed none of {made} commitments")
        return
    case.findings.proved(NUMBER, f"{disclosed} of {made} commitments are opened, the others stay closed")


STEP = Step(NUMBER, "what is disclosed is what was committed to", _take)
