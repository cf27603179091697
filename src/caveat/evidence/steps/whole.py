"""Step 1: the bundle is whole, and the log signed its manifest."""

from caveat.errors import NotVerified
from caveat.evidence.bundle import open_bundle
from caveat.evidence.manifest import verify_manifest
from caveat.evidence.profiles import profile
from caveat.evidence.step import Case, Step, span

NUMBER = 1


def _take(case: Case) -> None:
    with case.ending(NUMBER):
        bundle = open_bundle(case.file)
        manifest = bundle.manifest
        keys = case.trust.log_keys(manifest.origin)
        if not keys:
            raise NotVerified(f"your trust file names no log called `{manifest.origin}`")
        verify_manifest(manifest, bundle.manifest_bytes, bundle.manifest_note, keys)
        profile(manifest.profile)
        bundle.check_members()
    case.bundle, case.keys = bundle, keys
    number = "" if manifest.number is None else f", number {manifest.number}"
    case.findings.proved(
        NUMBER, f"it is a bundle of `{manifest.origin}`{number}: records {span(manifest.start, manifest.to)}"
    )


STEP = Step(NUMBER, "the bundle is whole, and the log signed its manifest", _take, needed=True)
