"""Who may approve exceptions: persons, each named by one party, with keys of their own.

An approver's document is DSSE over the canonical JSON of

    {"name": "Anna Example", "person": "anna", "side": "operator", "v": 1, "vkey": "anna+1a2b3c4d+AQ..."}

signed by a key of the party on whose side the person stands; a party that keeps a repository adds `"root"`, the digest of
its root: then no other root that holds the same key can claim the person.  `vkey` names a key of either kind: Ed25519, or a passkey
(passkeys.py).  Rules of this file: a party names its own side's persons and nobody else's; a person stands on one side;
one key belongs to one person; approvals count persons, not keys; who a vendor named approves under that vendor's terms alone.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from caveat.canon import b64, canonical
from caveat.dsse import Kind, Sealed, Sig, check, join, key_id, pae, read, seal
from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.waivers.passkeys import Assertion, Passkey, challenge, read_approver_key

Side = Literal["operator", "vendor"]
T = TypeVar("T")
A = TypeVar("A", bound="Approver")

PERSON = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")
MOST_BYTES = 1 << 16
KIND = Kind(
    "application/vnd.caveat.approver+json",
    "a signed approver",
    "approver",
    MOST_BYTES,
    "a party makes one with `caveat waiver approver name`",
)


class Approver(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A person who may approve, and one of their keys (`vkey`, as signed notes write it); `root` is the digest of the root
    of the party that names them, "" where it keeps no repository."""

    v: Literal[1]
    person: str
    name: str
    vkey: str
    side: Side
    root: Annotated[str, Meta(pattern="^(sha256:[0-9a-f]{64})?$")] = ""


class Vouched(Approver, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An approver on record.

    by   who named them: parties that keep a repository, by name, then the ids of the keys that signed; never empty.  It
         comes from the signatures and from what is on record, never from the document
    """

    by: tuple[str, ...]


def check_person(person: str) -> str:
    """The word by which a person is known.  Raises BadInput for one of another form."""
    if not PERSON.fullmatch(person):
        raise BadInput(
            "a person is named by 1 to 100 lower-case letters, digits, dots, dashes, underscores or at signs"
        )
    return person


def name_approver(approver: Approver, party: SigningKey) -> bytes:
    """The document by which a party names an approver of its side."""
    check_person(approver.person)
    read_approver_key(approver.vkey)
    return seal(KIND, canonical(msgspec.to_builtins(approver)), [party])


def open_approver(raw: bytes, trust: Mapping[str, Sequence[VerifyKey]]) -> Approver:
    """The approver, once a key of the party on that side has signed.  Raises NotVerified."""
    return open_vouched(raw, trust)[0]


def open_vouched(raw: bytes, trust: Mapping[str, Sequence[VerifyKey]]) -> tuple[Approver, tuple[VerifyKey, ...]]:
    """The same, and the keys of that side that have signed, at least one; what claims to be by one must hold."""
    sealed = read(KIND, raw)
    approver = decoded(KIND, sealed, Approver)
    try:
        check_person(approver.person)
        read_approver_key(approver.vkey)
    except BadInput as error:
        raise NotVerified(f"the approver cannot be read: {error.message}", step="approver") from None
    signed = tuple(dict.fromkeys(key for key in trust.get(approver.side, ()) if _signed(sealed, key)))
    if signed:
        return approver, signed
    raise NotVerified(
        f"the {approver.side} has not signed that `{approver.person}` approves for it",
        step="approver",
        hint=f"whoever holds a key of the {approver.side} runs `caveat waiver approver name`",
    )


def _signed(sealed: Sealed, key: VerifyKey) -> bool:
    """Whether the key has signed.  Raises NotVerified where what claims it does not hold."""
    sig = next((sig for sig in sealed.signatures if sig.keyid == key_id(key)), None)
    if sig is not None:
        check(KIND, sealed, sig, key)
    return sig is not None


def admit(known: Sequence[A], approver: A) -> tuple[A, ...]:
    """Those known and one more.  Raises NotVerified for a key that is another person's, or a person of the other side."""
    public = read_approver_key(approver.vkey).public
    for other in known:
        if other.person == approver.person and other.side != approver.side:
            raise NotVerified(f"`{approver.person}` already approves for the {other.side}", step="approver")
        if other.person != approver.person and read_approver_key(other.vkey).public == public:
            raise NotVerified(
                f"the key `{key_id(read_approver_key(approver.vkey))}` is `{other.person}`'s: two persons never share a key",
                step="approver",
                hint="each person makes a key of their own with `caveat party init`",
            )
    return (*(other for other in known if other.vkey != approver.vkey), approver)


def signers(kind: Kind, sealed: Sealed, approvers: Sequence[Approver], without: Collection[str]) -> dict[str, Side]:
    """The persons whose signatures hold, with their side, but for those in `without`.

    A key that nobody here knows counts for nothing.  Raises NotVerified for a signature that claims a known key and does
    not hold.
    """
    found: dict[str, Side] = {}
    for sig in sealed.signatures:
        claimed = [a for a in approvers if key_id(read_approver_key(a.vkey)) == sig.keyid]
        for approver in claimed:
            check(kind, sealed, sig, read_approver_key(approver.vkey))
            if approver.person not in without:
                found[approver.person] = approver.side
    return found


def unheard(sealed: Sealed, others: Sequence[Vouched]) -> str:
    """Whose signatures are there and count for nothing, as a sentence's end: persons whom another vendor named."""
    claimed = {sig.keyid for sig in sealed.signatures}
    persons = {one.person: one.by[0] for one in others if key_id(read_approver_key(one.vkey)) in claimed}
    return "".join(
        f"; `{person}` does not count here: {by} named them, which is not the vendor of these terms"
        for person, by in sorted(persons.items())
    )


def to_sign(kind: Kind, sealed: Sealed) -> bytes:
    """The message that a signature of either kind is over; a passkey gets `challenge` of it."""
    return pae(kind.payload_type, sealed.payload)


def asserted(kind: Kind, raw: bytes, passkey: Passkey, assertion: Assertion) -> bytes:
    """The document with one signature more, made by a passkey in a browser.  Raises NotVerified for one that does not hold."""
    sealed = read(kind, raw)
    sig = Sig(key_id(passkey), b64(canonical(msgspec.to_builtins(assertion))))
    check(kind, sealed, sig, passkey)
    return join(kind, sealed.payload, [sig], sealed.signatures)


def challenge_of(kind: Kind, raw: bytes) -> bytes:
    """32 bytes: what a page gives the browser, so that a passkey signs the document as it stands.  Raises NotVerified."""
    return challenge(to_sign(kind, read(kind, raw)))


def decoded(kind: Kind, sealed: Sealed, type_: type[T]) -> T:
    """The payload as a value, if it is written in its one canonical form.  Raises NotVerified."""
    try:
        value = msgspec.json.decode(sealed.payload, type=type_)
        same = canonical(msgspec.to_builtins(value)) == sealed.payload
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadInput):
        raise NotVerified(f"the signed text is not {kind.what}", step=kind.step, hint=kind.hint) from None
    if not same:
        raise NotVerified(f"{kind.what} stands there in another form than the canonical one", step=kind.step)
    return value
