"""Step 11: every call has one outcome, and it fits its decision."""

from caveat.evidence.step import Case, Step

NUMBER = 11


def _take(case: Case) -> None:
    calls, findings = case.walk.calls, case.findings
    overdue, still = calls.overdue(), calls.still_open()
    if overdue:
        findings.fail(NUMBER, f"record {overdue[0]}: the call has no outcome after an hour", overdue[0])
    findings.proved(NUMBER, f"{calls.ended} calls have one outcome each, {calls.judged} compared with a decision")
    if still:
        findings.limit(
            NUMBER, f"how {len(still)} calls ended that the range leaves open, the first at record {still[0]}"
        )
    if calls.earlier:
        findings.limit(NUMBER, f"how {calls.earlier} calls began that are settled here: before the range")
    lost = case.walk.counts.endings.get("unknown", 0)
    if lost:
        findings.limit(
            NUMBER, f"how {lost} calls ended: their gateway died, by its own word, so nothing is told of replies"
        )
    if calls.judged < calls.ended:
        findings.limit(NUMBER, f"that {calls.ended - calls.judged} outcomes fit their decisions, which are withheld")


STEP = Step(NUMBER, "every call has one outcome, and it fits its decision", _take)
