"""Step 12: the sums are as the manifest says."""

from caveat.evidence.step import Case, Step

NUMBER = 12


def _take(case: Case) -> None:
    manifest, walk, findings = case.bundle.manifest, case.walk, case.findings
    counts = walk.counts
    if counts != manifest.counts:
        findings.fail(NUMBER, "records, endings or tokens add up to other sums than the manifest's")
    seen = {name: (opened.made, opened.disclosed) for name, opened in walk.opened().items()}
    said = {name: (opened.made, opened.disclosed) for name, opened in manifest.opened.items()}
    whole = all(o.made == o.disclosed + o.withheld + o.destroyed for o in manifest.opened.values())
    if seen != said or not whole:
        findings.fail(NUMBER, "commitments, or those disclosed of them, are not as many as the manifest says")
    ended = ", ".join(f"{count} {ending}" for ending, count in sorted(counts.endings.items())) or "no call ended"
    findings.proved(NUMBER, f"{ended}; {counts.tokens_in} tokens in, {counts.tokens_out} out")


STEP = Step(NUMBER, "the sums are as the manifest says", _take, needed=True)
