"""Verifying a bundle: offline, with nothing but the bundle, a trust file and the last checkpoint that one holds.

The steps, by the numbers under which they are reported:

     1 manifest      the files are those of its range, and the log's key signed it
     2 checkpoint    signed by every key that the trust file names for the log, and cosigned by its quorum
     3 consistency   the tree begins with that of the last checkpoint
     4 tiles         entries and tiles lead to the checkpoint's root
     5 records       each entry of the range is a record
     6 register      the control records fold, their documents match their digests
     7 terms         both trusted parties signed the terms in force, and named the approvers of their side
     8 in force      each call names terms in force at its place; each waiver and approval that it uses was granted before it,
                     had not ended, covers its time, and has been used no more often than it may
     9 disclosures   each matches its commitment
    10 decisions     each follows from the claimed facts, decided again
    11 outcomes      each call has one, and it fits its decision
    12 sums          counted again

Rules of this file: no key is taken from the bundle; nothing behind a step is looked at once 1, 2 or 4 has failed, for it
would be anybody's bytes; memory is bounded by a tile and the calls that are open at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from caveat.errors import BadInput, NotVerified
from caveat.evidence.bundle import Bundle, open_bundle
from caveat.evidence.manifest import verify_manifest
from caveat.evidence.mirror import Mirror, leaf_tiles
from caveat.evidence.profiles import profile
from caveat.evidence.replay import engine_note
from caveat.evidence.report import Findings, Report
from caveat.evidence.trust import Trust
from caveat.evidence.walk import Walk
from caveat.keys import KeyKind, VerifyKey
from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.tiles import TILE_WIDTH
from caveat.note import TreeHead, open_note, read_tree_head
from caveat.register import PARTY_ROLES
from caveat.terms.document import SignedTerms
from caveat.terms.sign import open_terms
from caveat.waivers.approvers import open_approver


def verify(file: BinaryIO, trust: Trust, last_checkpoint: bytes = b"") -> Report:
    """What the bundle in a binary file (that can seek) proves to someone who trusts these keys.  Never raises for what
    is in the file.

    last_checkpoint   the newest checkpoint of this log that the verifier had before, b"" where there is none
    """
    findings = Findings()
    verification = _Verification(file, trust, last_checkpoint, findings)
    with suppress(_Ended):
        verification.run()
    return verification.report()


class _Ended(Exception):
    """Nothing behind the step that failed can be believed."""


class _Verification:
    def __init__(self, file: BinaryIO, trust: Trust, last_checkpoint: bytes, findings: Findings) -> None:
        self._file = file
        self._trust = trust
        self._last = last_checkpoint
        self._findings = findings
        self._bundle: Bundle | None = None
        self._walk: Walk | None = None

    def run(self) -> None:
        bundle, keys = self._manifest()
        head = self._checkpoint(bundle, keys)
        with self._step(4):
            mirror = Mirror(bundle, head)
        self._consistency(bundle, mirror, head, keys)
        walk = self._walk = Walk(bundle, profile(bundle.manifest.profile), self._findings)
        self._records(bundle, mirror, walk)
        self._register(bundle, walk)
        self._terms(bundle, walk)
        self._disclosures(bundle, walk)
        self._decisions(bundle, walk)
        self._outcomes(walk)
        self._sums(bundle, walk)

    def report(self) -> Report:
        manifest = self._bundle.manifest if self._bundle else None
        return self._findings.report(manifest, self._walk.counts if self._walk else None)

    @contextmanager
    def _step(self, number: int) -> Iterator[None]:
        try:
            yield
        except (NotVerified, BadInput) as error:
            self._findings.fail(number, error.message)
            raise _Ended from None

    def _manifest(self) -> tuple[Bundle, tuple[VerifyKey, ...]]:
        with self._step(1):
            bundle = open_bundle(self._file)
            manifest = bundle.manifest
            keys = self._trust.log_keys(manifest.origin)
            if not keys:
                raise NotVerified(f"your trust file names no log called `{manifest.origin}`")
            verify_manifest(manifest, bundle.manifest_bytes, bundle.manifest_note, keys)
            profile(manifest.profile)
            bundle.check_members()
        self._bundle = bundle
        number = "" if manifest.number is None else f", number {manifest.number}"
        self._findings.proved(
            1, f"it is a bundle of `{manifest.origin}`{number}: records {_span(manifest.start, manifest.to)}"
        )
        return bundle, keys

    def _checkpoint(self, bundle: Bundle, keys: tuple[VerifyKey, ...]) -> TreeHead:
        with self._step(2):
            head = open_checkpoint(bundle.checkpoint, keys, bundle.manifest.origin)
            if head.size != bundle.manifest.size:
                raise NotVerified(f"the manifest says {bundle.manifest.size} records, the checkpoint {head.size}")
            note = open_note(bundle.checkpoint, (*keys, *self._trust.witnesses.values()))
            if not self._trust.quorum_met(key for key, _ in note.by):
                raise NotVerified(f"the quorum `{self._trust.quorum}` of your trust file has not cosigned it")
        kinds = sorted({"ML-DSA-44" if key.kind is KeyKind.COSIGN_MLDSA else "Ed25519" for key in keys})
        self._findings.proved(2, f"it stands for {head.size} records, signed with {' and '.join(kinds)}")
        if self._trust.quorum == "none":
            self._findings.limit(
                2, "that the log shows the same history to everyone: your trust file asks for no witness"
            )
        return head

    def _consistency(self, bundle: Bundle, mirror: Mirror, head: TreeHead, keys: tuple[VerifyKey, ...]) -> None:
        own = self._extends(mirror, head, bundle.previous_checkpoint, keys, "the earlier checkpoint in the bundle")
        if self._last:
            size = self._extends(mirror, head, self._last, keys, "your checkpoint")
            self._findings.proved(3, f"its first {size} records are the ones that you knew")
            return
        says = "no earlier checkpoint was given"
        if own >= 0:
            says += f"; the bundle's own, of {own} records, is a beginning of this log, but you did not hold it before"
        self._findings.unproved(3, says)

    def _extends(
        self, mirror: Mirror, head: TreeHead, checkpoint: bytes, keys: tuple[VerifyKey, ...], whose: str
    ) -> int:
        """The size of an earlier checkpoint that the tree begins with; -1 where there is none or it failed."""
        if not checkpoint:
            return -1
        try:
            return _beginning(mirror, head, checkpoint, keys)
        except NotVerified as error:
            self._findings.fail(3, f"{whose}: {error.message}")
            return -1

    def _records(self, bundle: Bundle, mirror: Mirror, walk: Walk) -> None:
        manifest = bundle.manifest
        outside = [i for i in manifest.controls if not manifest.start <= i < manifest.to]
        with self._step(4):
            for index in (i for i in outside if i < manifest.start):
                walk.control(index, self._entry(bundle, mirror, index))
            for n in leaf_tiles(manifest.start, manifest.to):
                for index, data in enumerate(mirror.entries(n), start=n * TILE_WIDTH):
                    if manifest.start <= index < manifest.to:
                        walk.record(index, data)
            for index in (i for i in outside if i >= manifest.to):
                walk.control(index, self._entry(bundle, mirror, index))
        walk.finish()
        self._findings.proved(
            4, f"entries and tiles lead to the checkpoint's root: {_span(manifest.start, manifest.to)}"
        )
        counts = walk.counts
        self._findings.proved(
            5,
            f"{counts.opened} first records of calls, {counts.settled} outcomes, {counts.refused} refusals, "
            f"{counts.control} control records",
        )

    @staticmethod
    def _entry(bundle: Bundle, mirror: Mirror, index: int) -> bytes:
        data = bundle.entry(index)
        mirror.check_entry(index, data)
        return data

    def _register(self, bundle: Bundle, walk: Walk) -> None:
        manifest = bundle.manifest
        named = tuple(i for i in manifest.controls if manifest.start <= i < manifest.to)
        if named != tuple(walk.controls):
            self._findings.fail(6, "the manifest's control records are not those of the range")
        try:
            bundle.check_documents(frozenset(walk.documents))
        except NotVerified as error:
            self._findings.fail(6, error.message)
        if walk.history.spans(manifest.start, manifest.to) != manifest.terms:
            self._findings.fail(6, "the terms in force are not those that the manifest names")
        self._findings.proved(6, f"{len(manifest.controls)} control records, each with the document that it names")
        if manifest.start > 0 or manifest.to < manifest.size:
            self._findings.limit(
                6,
                f"that no control record outside records {_span(manifest.start, manifest.to)} was left out "
                "(those that are here are in the log)",
            )

    def _terms(self, bundle: Bundle, walk: Walk) -> None:
        missing = [role for role in PARTY_ROLES if not self._trust.parties.get(role)]
        if missing:
            self._findings.unproved(7, f"your trust file names no key of the {' and no key of the '.join(missing)}")
            return
        spans = walk.history.spans(bundle.manifest.start, bundle.manifest.to)
        digests = {span.digest: span.id for span in spans}
        for digest, id_ in digests.items():
            try:
                open_terms(SignedTerms(bundle.document(walk.history.documents[digest])), self._trust.parties)
            except NotVerified as error:
                self._findings.fail(7, f"terms `{id_}`: {error.message}")
        for document in dict.fromkeys(walk.history.approvers):
            try:
                open_approver(bundle.document(document), self._trust.parties)
            except NotVerified as error:
                self._findings.fail(7, f"an approver: {error.message}")
        names = ", ".join(f"`{walk.history.terms[digest].draft.name}`" for digest in digests)
        self._findings.proved(7, f"{names} by vendor and operator" if names else "no terms were in force in the range")
        self._in_force(bundle, walk)

    def _in_force(self, bundle: Bundle, walk: Walk) -> None:
        told = walk.uses.told()
        self._findings.proved(8, f"{walk.counts.opened} calls" + (f"; {told}" if told else ""))
        if told and bundle.manifest.start > 0:
            self._findings.limit(8, "how often waivers were used before the range")

    def _disclosures(self, bundle: Bundle, walk: Walk) -> None:
        opened = walk.opened().values()
        made, disclosed = sum(of.made for of in opened), sum(of.disclosed for of in opened)
        if not disclosed:
            self._findings.unproved(9, f"the profile `{bundle.manifest.profile}` disclosed none of {made} commitments")
            return
        self._findings.proved(9, f"{disclosed} of {made} commitments are opened, the others stay closed")

    def _decisions(self, bundle: Bundle, walk: Walk) -> None:
        replay = walk.replay
        if not replay.replayed:
            why = f"the profile `{bundle.manifest.profile}` withholds the facts" if replay.withheld else "there is none"
            self._findings.unproved(10, f"no decision could be replayed: {why}")
            return
        self._findings.proved(10, f"{replay.replayed} decisions were made again, with the same result")
        if replay.withheld:
            self._findings.limit(10, f"{replay.withheld} decisions, whose facts are withheld or stand before the range")
        note = engine_note(replay.engines)
        if note:
            self._findings.limit(10, f"that both engines agree on everything: {note}")

    def _outcomes(self, walk: Walk) -> None:
        calls = walk.calls
        overdue, still = calls.overdue(), calls.still_open()
        if overdue:
            self._findings.fail(11, f"record {overdue[0]}: the call has no outcome after an hour", overdue[0])
        self._findings.proved(11, f"{calls.ended} calls have one outcome each, {calls.judged} compared with a decision")
        if still:
            self._findings.limit(
                11, f"how {len(still)} calls ended that the range leaves open, the first at record {still[0]}"
            )
        if calls.earlier:
            self._findings.limit(11, f"how {calls.earlier} calls began that are settled here: before the range")
        if calls.judged < calls.ended:
            self._findings.limit(
                11, f"that {calls.ended - calls.judged} outcomes fit their decisions, which are withheld"
            )

    def _sums(self, bundle: Bundle, walk: Walk) -> None:
        manifest, counts = bundle.manifest, walk.counts
        if counts != manifest.counts:
            self._findings.fail(12, "records, endings or tokens add up to other sums than the manifest's")
        seen = {name: (opened.made, opened.disclosed) for name, opened in walk.opened().items()}
        said = {name: (opened.made, opened.disclosed) for name, opened in manifest.opened.items()}
        whole = all(o.made == o.disclosed + o.withheld + o.destroyed for o in manifest.opened.values())
        if seen != said or not whole:
            self._findings.fail(12, "commitments, or those disclosed of them, are not as many as the manifest says")
        ended = ", ".join(f"{count} {ending}" for ending, count in sorted(counts.endings.items())) or "no call ended"
        self._findings.proved(12, f"{ended}; {counts.tokens_in} tokens in, {counts.tokens_out} out")


def _beginning(mirror: Mirror, head: TreeHead, checkpoint: bytes, keys: tuple[VerifyKey, ...]) -> int:
    """The size of an earlier checkpoint, once the tree is found to begin with its own.  Raises NotVerified."""
    earlier = read_tree_head(open_note(checkpoint, keys).text)
    if earlier.origin != head.origin:
        raise NotVerified(f"it is one of `{earlier.origin}`")
    if earlier.size > head.size:
        raise NotVerified(f"it stands for {earlier.size} records, this bundle for {head.size}: the log went back")
    try:
        root = mirror.root_at(earlier.size)
    except NotVerified:
        raise NotVerified(
            f"the bundle does not hold what would show that its {earlier.size} records are the log's first; "
            "ask for one that was exported against it"
        ) from None
    if root != earlier.root:
        raise NotVerified(f"its {earlier.size} records are not those that this log begins with: it was rewritten")
    return earlier.size


def _span(start: int, to: int) -> str:
    return f"{start} to {to - 1}" if start < to else "none"
