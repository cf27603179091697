"""Step 10: every decision follows from the claimed facts."""

from caveat.evidence.replay import engine_note
from caveat.evidence.step import Case, Step

NUMBER = 10


def _take(case: Case) -> None:
    replay, findings = case.walk.replay, case.findings
    if not replay.replayed:
        profile = case.bundle.manifest.profile
        why = f"the profile `{profile}` withholds the facts" if replay.withheld else "there is none"
        findings.unproved(NUMBER, f"no decision could be replayed: {why}")
        return
    findings.proved(NUMBER, f"{replay.replayed} decisions were made again, with the same result")
    if replay.withheld:
        findings.limit(NUMBER, f"{replay.withheld} decisions, whose facts are withheld or stand before the range")
    note = engine_note(replay.engines)
    if note:
        findings.limit(NUMBER, f"that both engines agree on everything: {note}")


STEP = Step(NUMBER, "every decision follows from the claimed facts", _take)
