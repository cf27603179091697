"""A party's repository: The Update Framework's metadata (theupdateframework.github.io/specification, version 1.0), looked
at as values.  It lists what the party stands by: terms, and its steps in talks.

    1.root.json  2.root.json ..  which keys count, and how many of them must sign; each root is signed under the one before
    targets.json                 path -> length and SHA-256 of each file that the party stands by
    snapshot.json                which version of targets.json is meant
    timestamp.json               which snapshot is the newest, and until when that may be believed

Rules of this file: pure, the time is an argument; every rule about metadata is the reference implementation's own
(`tuf`); what was seen last is the floor for what is seen next; a refusal says who must do what.  Thresholds count keys,
not parties, so each party has a repository of its own, and what holds is what both list (docs/adr/0016).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

from tuf.api import exceptions as tuf_error
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization import DeserializationError
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from caveat.canon import sha256
from caveat.dsse import key_id
from caveat.errors import BadInput
from caveat.keys import VerifyKey
from caveat.terms.listing import Listing, Repository, Target, named, refusal

ABOUT: Final = "x_caveat"
"""The field of root.json that says whose it is: {"party": "labs.example", "role": "vendor"}."""


def open_root(text: str) -> Repository:
    """What a first root says, signed by itself: nothing else vouches for it, so people compare `spoken` by voice."""
    with _translated("the root", ""):
        trusted = TrustedMetadataSet(text.encode(), EnvelopeType.METADATA)
    return _repository(trusted, (text,), {})


def look(pinned: str, listing: Listing, at_ms: int, last: Listing | None = None) -> Repository:
    """What the party stands by at that time.

    `pinned` is the newest root that was trusted before, `last` what was seen last of this repository: what is older is
    refused.  Raises NotVerified for anything that the TUF client workflow (section 5.3 to 5.6) refuses.
    """
    who = _who(pinned)
    with _translated(who, f"ask {who} for a fresh copy of its repository"):
        trusted = TrustedMetadataSet(pinned.encode(), EnvelopeType.METADATA)
        trusted.reference_time = datetime.fromtimestamp(at_ms / 1000, UTC)
        roots = _trusted_roots(trusted, pinned, listing, who)
        _advance(trusted, listing, last, who)
        targets = trusted.targets.targets
    return _repository(
        trusted,
        roots,
        {path: Target(file.length, file.hashes["sha256"]) for path, file in targets.items() if "sha256" in file.hashes},
    )


def spoken(root: str) -> str:
    """A root's fingerprint to read over a telephone, in any language: eight groups of five digits, some 132 bits."""
    number = int.from_bytes(sha256(root.encode())[:24], "big") % 10**40
    digits = f"{number:040d}"
    return " ".join(digits[i : i + 5] for i in range(0, 40, 5))


def _trusted_roots(trusted: TrustedMetadataSet, pinned: str, listing: Listing, who: str) -> tuple[str, ...]:
    """The roots up to the newest, each signed under the one before; never another one of a number that is trusted.

    Those before the pinned one only name keys that once signed; they count as far as they lead to it.
    """
    hint = f"compare fingerprints with {who} by voice; if they differ, somebody put another repository in its place"
    if pinned not in listing.roots:
        raise refusal(f"this copy does not hold the root of {who} that is trusted here", hint)
    place = listing.roots.index(pinned)
    chain = TrustedMetadataSet(listing.roots[0].encode(), EnvelopeType.METADATA)
    for text in listing.roots[1 : place + 1]:
        chain.update_root(text.encode())
    for text in listing.roots[place + 1 :]:
        trusted.update_root(text.encode())
    return listing.roots


def _advance(trusted: TrustedMetadataSet, listing: Listing, last: Listing | None, who: str) -> None:
    """Timestamp, snapshot, targets, each over what was seen last; as tuf's Updater does it."""
    if last is not None:
        with suppress(tuf_error.RepositoryError):  # expired, or signed by keys that were replaced: the new ones decide
            trusted.update_timestamp(last.timestamp.encode())
    try:
        trusted.update_timestamp(listing.timestamp.encode())
    except tuf_error.EqualVersionNumberError:
        if last is None or listing.timestamp != last.timestamp:
            raise refusal(
                f"two different lists of {who} bear the same number",
                f"one of them is not what {who} published: ask it which",
            ) from None
    if last is not None:
        with suppress(tuf_error.RepositoryError):
            trusted.update_snapshot(last.snapshot.encode(), trusted=True)
    trusted.update_snapshot(listing.snapshot.encode())
    trusted.update_targets(listing.targets.encode())


def _repository(trusted: TrustedMetadataSet, roots: Sequence[str], targets: dict[str, Target]) -> Repository:
    about = _about(trusted.root)
    every = [Metadata[Root].from_bytes(text.encode()).signed for text in roots]
    terms = trusted.root.roles["targets"]
    expires = min(signed.expires for signed in trusted)
    return Repository(
        role=about["role"],
        party=about["party"],
        root=roots[-1],
        version=trusted.root.version,
        keys=tuple(_terms_key(trusted.root, id_) for id_ in sorted(terms.keyids)),
        threshold=terms.threshold,
        ever=tuple(_terms_key(r, id_) for r in every for id_ in sorted(r.roles["targets"].keyids)),
        root_keys=tuple(sorted(trusted.root.roles["root"].keyids)),
        root_threshold=trusted.root.roles["root"].threshold,
        until_ms=int(expires.timestamp() * 1000),
        targets=targets,
    )


def _about(root: Root) -> dict[str, str]:
    about: Any = root.unrecognized_fields.get(ABOUT)
    good = isinstance(about, dict) and set(about) == {"party", "role"} and isinstance(about["party"], str)
    if not good or about["role"] not in ("vendor", "operator"):
        raise refusal("the root does not say whose it is", "a party's repository is made with `caveat party init`")
    return {"party": about["party"], "role": about["role"]}


def _terms_key(root: Root, keyid: str) -> VerifyKey:
    """A key that signs terms as our keys are: Ed25519, its id made of its name and its bytes."""
    key = root.keys[keyid]
    try:
        found = VerifyKey(keyid.rpartition("+")[0], bytes.fromhex(key.keyval["public"]))
    except (BadInput, ValueError, KeyError, TypeError):
        raise refusal(
            f"the key `{keyid}` of the root cannot sign terms", "terms are signed with Ed25519 keys"
        ) from None
    if key.keytype != "ed25519" or key_id(found) != keyid:
        raise refusal(f"the key `{keyid}` of the root is not the key that its name says")
    return found


def _who(pinned: str) -> str:
    with _translated("the trusted root", ""):
        about = _about(Metadata[Root].from_bytes(pinned.encode()).signed)
    return named(about["party"], about["role"])


@contextmanager
def _translated(who: str, hint: str) -> Iterator[None]:
    """tuf's refusals as sentences; each says what an attack of that kind looks like to whoever meets it."""
    try:
        yield
    except tuf_error.RepositoryError as error:
        for kind, sentence in SENTENCES.items():
            if isinstance(error, kind):
                raise refusal(sentence.format(who=who, why=_plain(error)), hint) from None
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise refusal(f"the metadata of {who} cannot be read: {_plain(error)}", hint) from None


SENTENCES: Final[dict[type[Exception], str]] = {
    DeserializationError: "the metadata of {who} cannot be read: a file is cut short or is something else",
    tuf_error.ExpiredMetadataError: "what {who} published has expired ({why}): either this is an old copy, or {who} has "
    "not run `caveat party renew` in time; if neither is so, look at this machine's clock",
    tuf_error.BadVersionNumberError: "this copy is older than what was seen of {who} before ({why}): an old stick, or "
    "somebody holds back what is newer",
    tuf_error.UnsignedMetadataError: "not enough keys of {who} have signed this ({why})",
    tuf_error.LengthOrHashMismatchError: "the files of {who} do not belong together ({why}): they were mixed from "
    "several copies, or changed",
    tuf_error.RepositoryError: "the metadata of {who} do not hold: {why}",
}


def _plain(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return text[:1].lower() + text[1:200]
