"""Step 6: what was in force follows from the control records."""

from caveat.errors import NotVerified
from caveat.evidence.step import Case, Step, span

NUMBER = 6


def _take(case: Case) -> None:
    manifest, walk, findings = case.bundle.manifest, case.walk, case.findings
    named = tuple(i for i in manifest.controls if manifest.start <= i < manifest.to)
    if named != tuple(walk.controls):
        findings.fail(NUMBER, "the manifest's control records are not those of the range")
    try:
        case.bundle.check_documents(frozenset(walk.documents))
    except NotVerified as error:
        findings.fail(NUMBER, error.message)
    if walk.closed != set(manifest.withheld):
        findings.fail(NUMBER, "the manifest withholds a document that no control record names")
    if walk.history.spans(manifest.start, manifest.to) != manifest.terms:
        findings.fail(NUMBER, "the terms in force are not those that the manifest names")
    findings.proved(NUMBER, f"{len(manifest.controls)} control records, each with the document that it names")
    if walk.closed:
        findings.limit(NUMBER, f"what {len(walk.closed)} control documents say, which the profile withholds")
    if (manifest.start > 0 and not case.follows) or manifest.to < manifest.size:
        findings.limit(
            NUMBER,
            f"that no control record outside records {span(manifest.start, manifest.to)} was left out "
            "(those that are here are in the log)",
        )


STEP = Step(NUMBER, "what was in force follows from the control records", _take, needed=True)
