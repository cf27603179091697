"""A party's repository, made: root, targets, snapshot and timestamp, signed with the party's keys.

Rules of this file: pure; time and keys are arguments.  The party's *root keys* say which keys count, and are used only
then, so they can lie in a safe; its *terms keys* sign terms, steps in talks and lists.  A root that replaces another is
signed by enough keys of both (TUF specification, section 6.1).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from securesystemslib.signer import Key, Signature, Signer, SSlibKey
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from caveat.dsse import key_id
from caveat.errors import BadInput, NotVerified, Unavailable
from caveat.keys import SigningKey, VerifyKey
from caveat.terms.listing import STEP, Listing
from caveat.terms.repository import ABOUT

ROOT_DAYS: Final = 1826
"""Five years: the root is renewed at a ceremony."""
LIST_DAYS: Final = 180
"""How long a list may be believed: who holds it back for longer is found out."""
DAY_MS: Final = 86_400_000
WRITE: Final = JSONSerializer(compact=True)


class Charter(Struct, frozen=True):
    """What a root says: whose it is, which keys count, how many of them it takes."""

    party: str
    role: str
    root_keys: tuple[Key, ...]
    root_threshold: int
    terms_keys: tuple[VerifyKey, ...]
    terms_threshold: int


class KeySigner(Signer):
    """A signing key of ours, as tuf wants one."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    @property
    def public_key(self) -> SSlibKey:
        return public(self._key.verify_key)

    def sign(self, payload: bytes) -> Signature:
        return Signature(key_id(self._key.verify_key), self._key.sign(payload).hex())

    @classmethod
    def from_priv_key_uri(cls, *_: object) -> "KeySigner":
        raise NotImplementedError


def public(key: VerifyKey) -> SSlibKey:
    """A verify key as TUF metadata hold it, under its own id (`name+hhhhhhhh`)."""
    return SSlibKey(key_id(key), "ed25519", "ed25519", {"public": key.public.hex()})


def charter_of(root: str) -> Charter:
    """What a root says, unverified."""
    signed = Metadata[Root].from_bytes(root.encode()).signed
    about = signed.unrecognized_fields[ABOUT]
    ids = {role: sorted(signed.roles[role].keyids) for role in ("root", "targets")}
    terms = [VerifyKey(i.rpartition("+")[0], bytes.fromhex(signed.keys[i].keyval["public"])) for i in ids["targets"]]
    return Charter(
        party=about["party"],
        role=about["role"],
        root_keys=tuple(signed.keys[i] for i in ids["root"]),
        root_threshold=signed.roles["root"].threshold,
        terms_keys=tuple(terms),
        terms_threshold=signed.roles["targets"].threshold,
    )


def make_root(charter: Charter, signers: Sequence[Signer], at_ms: int, before: str = "") -> str:
    """The root of a charter, the next after `before`.  Raises BadInput for a charter that cannot work, NotVerified where
    too few keys sign it."""
    _check(charter)
    old = Metadata[Root].from_bytes(before.encode()) if before else None
    keys = {key.keyid: key for key in (*charter.root_keys, *map(public, charter.terms_keys))}
    terms = [key_id(key) for key in charter.terms_keys]
    root = Root(
        version=old.signed.version + 1 if old else 1,
        expires=_expires(at_ms + ROOT_DAYS * DAY_MS),
        keys=keys,
        roles={
            "root": Role([key.keyid for key in charter.root_keys], charter.root_threshold),
            "targets": Role(terms, charter.terms_threshold),
            "snapshot": Role(terms, 1),
            "timestamp": Role(terms, 1),
        },
        consistent_snapshot=True,
        unrecognized_fields={ABOUT: {"party": charter.party, "role": charter.role}},
    )
    made = Metadata(root)
    wanted = {key.keyid for key in charter.root_keys} | (set(old.signed.roles["root"].keyids) if old else set())
    for signer in signers:
        if signer.public_key.keyid in wanted:
            _add_signature(made, signer)
    for name, judge in (("the new", root), ("the old", old.signed if old else root)):
        result = judge.get_verification_result("root", made.signed_bytes, made.signatures)
        if not result:
            raise NotVerified(
                f"{len(result.signed)} of {result.threshold} keys of {name} root have signed",
                step=STEP,
                hint="bring the files of these keys too: " + ", ".join(f"`{i}`" for i in sorted(result.unsigned)),
            )
    return made.to_bytes(WRITE).decode()


def _add_signature(made: Metadata[Root], signer: Signer) -> None:
    """Raises Unavailable where a token does not sign."""
    try:
        made.sign(signer, append=True)
    except UnsignedMetadataError:
        raise Unavailable(
            f"the key `{signer.public_key.keyid}` could not sign",
            hint="look at the token: is it plugged in, is its PIN right?",
        ) from None


def make_listing(
    roots: Sequence[str],
    files: Mapping[str, bytes | None],
    keys: Sequence[SigningKey],
    until_ms: int,
    last: Listing | None = None,
) -> Listing:
    """The listing after `last`, to be believed until then, with these files in it beside those that were listed before,
    and without those that are None.  Raises NotVerified where too few of the keys that the newest root names are among
    `keys`."""
    return finish(roots, make_targets(roots[-1], files, keys, until_ms, last), keys)


def make_targets(
    root: str, files: Mapping[str, bytes | None], keys: Sequence[SigningKey], until_ms: int, last: Listing | None = None
) -> str:
    """The list alone, signed by those of the keys that count, however few: others may sign it elsewhere."""
    before = Metadata[Targets].from_bytes(last.targets.encode()).signed if last else None
    listed = dict(before.targets) if before else {}
    for path, data in files.items():
        listed.pop(path, None)
        if data is not None:
            listed[path] = TargetFile.from_data(path, data, ["sha256"])
    version = before.version + 1 if before else 1
    made = Metadata(Targets(version, expires=_expires(until_ms), targets=listed))
    return add_keys(made.to_bytes(WRITE).decode(), root, keys)


def add_keys(targets: str, root: str, keys: Sequence[SigningKey]) -> str:
    """The list with further signatures under it, each by a key that counts."""
    made = Metadata[Targets].from_bytes(targets.encode())
    counts = Metadata[Root].from_bytes(root.encode()).signed.roles["targets"].keyids
    for key in keys:
        if key_id(key.verify_key) in counts:
            made.sign(KeySigner(key), append=True)
    return made.to_bytes(WRITE).decode()


def signers(targets: str, root: str) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Which keys have signed the list, which have not, and how many it takes."""
    made = Metadata[Targets].from_bytes(targets.encode())
    judge = Metadata[Root].from_bytes(root.encode()).signed
    result = judge.get_verification_result("targets", made.signed_bytes, made.signatures)
    return tuple(sorted(result.signed)), tuple(sorted(result.unsigned)), result.threshold


def finish(roots: Sequence[str], targets: str, keys: Sequence[SigningKey]) -> Listing:
    """The listing around a list that enough keys have signed; one key signs the rest.  Raises NotVerified."""
    signed, unsigned, threshold = signers(targets, roots[-1])
    if len(signed) < threshold:
        raise NotVerified(
            f"{len(signed)} of {threshold} terms keys have signed",
            step=STEP,
            hint=f"`--pending FILE` lets others sign elsewhere; or bring these keys with `--key`: {_quoted(unsigned)}",
        )
    root = Metadata[Root].from_bytes(roots[-1].encode()).signed
    made = Metadata[Targets].from_bytes(targets.encode()).signed
    meta = MetaFile.from_data(made.version, targets.encode(), ["sha256"])
    snapshot = _signed(root, Metadata(Snapshot(made.version, expires=made.expires, meta={"targets.json": meta})), keys)
    newest = MetaFile.from_data(made.version, snapshot.encode(), ["sha256"])
    timestamp = _signed(root, Metadata(Timestamp(made.version, expires=made.expires, snapshot_meta=newest)), keys)
    return Listing(tuple(roots), timestamp, snapshot, targets)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _signed(root: Root, made: "Metadata[Snapshot] | Metadata[Timestamp]", keys: Sequence[SigningKey]) -> str:
    role = made.signed.type
    for key in keys:
        if key_id(key.verify_key) in root.roles[role].keyids:
            made.sign(KeySigner(key), append=True)
    if not root.get_verification_result(role, made.signed_bytes, made.signatures):
        raise NotVerified(
            f"no terms key that counts is at hand for the {role}", step=STEP, hint="name its file with `--key`"
        )
    return made.to_bytes(WRITE).decode()


def _check(charter: Charter) -> None:
    for what, keys, threshold in (
        ("root", [key.keyid for key in charter.root_keys], charter.root_threshold),
        ("terms", [key_id(key) for key in charter.terms_keys], charter.terms_threshold),
    ):
        if not 1 <= threshold <= len(keys):
            raise BadInput(
                f"{threshold} of {len(keys)} {what} keys is no threshold", hint="at least 1, at most all keys"
            )
        if len(set(keys)) != len(keys):
            raise BadInput(f"one {what} key stands there twice")
    terms = {key.public.hex() for key in charter.terms_keys}
    if len(terms) != len(charter.terms_keys):
        raise BadInput("one terms key stands there under two names")
    if terms & {str(key.keyval.get("public")) for key in charter.root_keys if isinstance(key, SSlibKey)}:
        raise BadInput("a root key cannot be a terms key as well", hint="root keys lie in a safe, terms keys are used")


def _expires(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).replace(microsecond=0)
