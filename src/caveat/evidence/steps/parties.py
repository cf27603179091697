"""Step 7: both parties signed the terms in force in the range, and named the approvers of their side."""

from caveat.errors import NotVerified
from caveat.evidence.step import Case, Step
from caveat.register import PARTY_ROLES
from caveat.terms.document import SignedTerms
from caveat.terms.sign import open_terms
from caveat.waivers.approvers import open_approver

NUMBER = 7


def _take(case: Case) -> None:
    findings, trust, history = case.findings, case.trust, case.walk.history
    missing = [role for role in PARTY_ROLES if not trust.parties.get(role)]
    if missing:
        findings.unproved(NUMBER, f"your trust file names no key of the {' and no key of the '.join(missing)}")
        return
    spans = history.spans(case.bundle.manifest.start, case.bundle.manifest.to)
    digests = {span.digest: span.id for span in spans}
    for digest, id_ in digests.items():
        try:
            open_terms(SignedTerms(case.bundle.document(history.documents[digest])), trust.parties)
        except NotVerified as error:
            findings.fail(NUMBER, f"terms `{id_}`: {error.message}")
    for document in dict.fromkeys(history.approvers):
        try:
            open_approver(case.bundle.document(document), trust.parties)
        except NotVerified as error:
            findings.fail(NUMBER, f"an approver: {error.message}")
    names = ", ".join(f"`{history.terms[digest].draft.name}`" for digest in digests)
    findings.proved(NUMBER, f"{names} by vendor and operator" if names else "no terms were in force in the range")


STEP = Step(NUMBER, "both parties signed the terms", _take, needed=True)
