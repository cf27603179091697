"""Step 16: the bundle is the next one of its receiver's sequence: loss, reordering and a second one under its number show.

A sequence is told by what was signed: each manifest names its receiver, its number, and the digest of the manifest before;
each export is a record in the log, so the next bundle also says what left under the number before.  Whoever holds two
manifests of one receiver and number that differ holds proof against the log, for both are signed.
"""

from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.evidence.bundle import Bundle, open_bundle
from caveat.evidence.manifest import Manifest, verify_manifest
from caveat.evidence.step import Case, Step

NUMBER = 16


def _open(case: Case) -> None:
    """Before anything else: the bundle before is opened, and its checkpoint is one that the verifier held."""
    if case.after_file is None:
        return
    with case.ending(NUMBER):
        before = open_bundle(case.after_file)
        verify_manifest(
            before.manifest, before.manifest_bytes, before.manifest_note, case.trust.log_keys(before.manifest.origin)
        )
        if digest(before.checkpoint) != before.manifest.checkpoint:
            raise NotVerified("the bundle before does not hold the checkpoint that it names")
    case.after = before
    case.last = case.last or before.checkpoint


def _take(case: Case) -> None:
    manifest, findings = case.bundle.manifest, case.findings
    if manifest.number is None:
        findings.unproved(NUMBER, "the bundle belongs to no sequence")
        return
    wrong = _wrong(manifest, case.after, case.bundle.manifest_bytes) if case.after else ""
    wrong = wrong or _on_record(case, manifest.number)
    if wrong:
        findings.fail(NUMBER, wrong)
        return
    if case.after is None:
        if manifest.number == 1:
            findings.proved(NUMBER, f"it is the first bundle for `{manifest.receiver}`")
        else:
            findings.unproved(NUMBER, "the bundle before was not given (`--after`)")
        return
    case.follows = _goes_on(manifest, case.after.manifest)
    before = case.after.manifest.number
    findings.proved(NUMBER, f"it is number {manifest.number} for `{manifest.receiver}`, behind number {before}")
    if not case.follows:
        findings.limit(NUMBER, "what lies between the records of both bundles: their ranges do not meet")


def _wrong(manifest: Manifest, after: Bundle, data: bytes) -> str:
    """What is wrong between two bundles, "" where the one follows the other."""
    before = after.manifest
    number, last = manifest.number or 0, before.number or 0
    if (manifest.origin, manifest.receiver) != (before.origin, before.receiver):
        return f"the bundle before is one for `{before.receiver}` from `{before.origin}`: another sequence"
    if number == last:
        if data == after.manifest_bytes:
            return f"it is the bundle that you had, number {last}, once more"
        return f"two different bundles bear number {last}, both signed by the log: keep both, they prove it"
    if number < last:
        return f"it is number {number}, older than number {last} that you had: bundles came in another order"
    if number > last + 1:
        lost = f"number {last + 1} is" if number == last + 2 else f"numbers {last + 1} to {number - 1} are"
        return f"it is number {number}, and you had number {last}: {lost} missing"
    named = manifest.previous.manifest if manifest.previous else ""
    if named != digest(after.manifest_bytes):
        return f"it goes on from another bundle {last} than the one that you had: there were two"
    return ""


def _goes_on(manifest: Manifest, before: Manifest) -> bool:
    """Whether every record up to this bundle's end was in one of the two, or in those before."""
    controls = tuple(index for index in manifest.controls if index < before.to)
    return manifest.start <= before.to and controls == tuple(i for i in before.controls if i < before.to)


def _on_record(case: Case, number: int) -> str:
    """What is wrong with the exports that the log has on record up to this bundle's checkpoint, "" where nothing is."""
    receiver = case.bundle.manifest.receiver
    export = case.walk.history.register.exports.get(receiver)
    left = export.number if export else 0
    if left != number - 1:
        return (
            f"it is number {number}, and the log has {left} on record as the last that left for `{receiver}` before it"
        )
    after = case.after
    if export and after and after.manifest.number == left and export.manifest != digest(after.manifest_bytes):
        return f"the log has another bundle on record under number {left} than the one that you had"
    return ""


OPEN = Step(-NUMBER, "", _open)
"""Taken first; it says nothing of its own."""
STEP = Step(NUMBER, "the bundle follows the one that you had before", _take)
