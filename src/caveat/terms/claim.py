"""What is said about terms, kept apart from what holds: a statement with its source, its chain and its standing.

    {"about":"institutional-use","by":"A ministry official","clause":"persons.surveillance","digest":"","disputes":"",
     "how":"paraphrased","link":"https://news.example/1","review":"Is this so?","said":"2026-02-14",
     "says":"The restriction was lifted.","standing":"reported","through":["Example Wire","Example Daily"],"v":1}

Standings, from the strongest:

    signed      a party's key has signed the claim (DSSE over the same bytes); nobody can declare that
    stated      a party of these terms has said it itself, to whoever puts it on record
    reported    somebody passes on that it was said
    disputed    another claim says that it is not so
    unverified  nobody knows where it comes from, or nobody has looked

Rules of this file: a claim of whatever standing changes nothing that a decision stands on, a signed one neither: terms
change by signed terms, renewals and endings, which are documents of their own.  Two claims that go back to one source, to
one link or to one file count as one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from caveat.canon import canonical, digest
from caveat.dsse import Kind, check, key_id, seal
from caveat.dsse import read as read_envelope
from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.terms.moment import moment_ms

Standing = Literal["signed", "stated", "reported", "disputed", "unverified"]
Declared = Literal["stated", "reported", "disputed", "unverified"]
STANDINGS: tuple[Standing, ...] = ("signed", "stated", "reported", "disputed", "unverified")

MOST_BYTES = 1 << 15
STEP = "claim"
KIND = Kind("application/vnd.caveat.claim+json", "a signed claim", STEP, MOST_BYTES)
ID = re.compile(r"c-[0-9a-f]{16}")
DIGEST = re.compile(r"|sha256:[0-9a-f]{64}")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")

Line = Annotated[str, Meta(max_length=200)]
Sentence = Annotated[str, Meta(min_length=1, max_length=2000)]


class Claim(Struct, frozen=True, forbid_unknown_fields=True):
    """One statement.

    about    id of the terms, with or without version       clause   the clause that it is about, "" for the whole
    says     the statement        how  in its words or in others'
    by       who said it, "" where nobody is named
    through  who passed it on, from the source outwards
    said     the day or time (UTC)
    link, digest   where it can be read; the SHA-256 of a file
    standing       as declared; `standing_of` says what counts
    disputes       id of a claim that this one says is not so
    review         what a person should look into, "" for nothing
    """

    v: Literal[1]
    about: Annotated[str, Meta(min_length=1, max_length=80)]
    says: Sentence
    how: Literal["quoted", "paraphrased"]
    said: str
    standing: Declared = "unverified"
    clause: Annotated[str, Meta(max_length=80)] = ""
    by: Line = ""
    through: Annotated[tuple[Line, ...], Meta(max_length=16)] = ()
    link: Annotated[str, Meta(max_length=1000)] = ""
    digest: str = ""
    disputes: str = ""
    review: Line = ""

    @property
    def source(self) -> str:
        """Who it goes back to: who said it, else who passed it on first; "" where nobody is named."""
        return self.by or next(iter(self.through), "")


class Recorded(Struct, frozen=True):
    """A claim on record.  `key` is the party's key that has signed it, "" where none has; `index` its record."""

    id: str
    claim: Claim
    index: int
    key: str = ""
    role: str = ""


def claim_bytes(claim: Claim) -> bytes:
    """The document of a claim that nobody signs.  Raises BadInput for one that does not hold together."""
    _check(claim)
    return canonical(msgspec.to_builtins(claim))


def sign_claim(claim: Claim, key: SigningKey) -> bytes:
    """The same, signed by a party."""
    return seal(KIND, claim_bytes(claim), [key])


def claim_id(document: bytes) -> str:
    """How a claim is called: by what its document says."""
    return "c-" + digest(document).removeprefix("sha256:")[:16]


def open_claim(document: bytes, trust: Mapping[str, Sequence[VerifyKey]], index: int) -> Recorded:
    """The claim in a document, signed or not.  Raises NotVerified: a signature that does not hold, a form that is none."""
    if len(document) > MOST_BYTES:
        raise _no(f"a claim has at most {MOST_BYTES} bytes")
    if b'"payloadType"' not in document:
        return Recorded(claim_id(document), _read(document), index)
    sealed = read_envelope(KIND, document)
    for role, keys in trust.items():
        for key in keys:
            for sig in sealed.signatures:
                if sig.keyid == key_id(key):
                    check(KIND, sealed, sig, key)
                    return Recorded(claim_id(document), _read(sealed.payload), index, key.name, role)
    raise _no("no party of these terms has signed the claim; without its signature it can be put on record unsigned")


def standing_of(one: Recorded, claims: Mapping[str, Recorded]) -> Standing:
    """What the claim counts for: a signature, or what was declared, unless another claim disputes it."""
    if one.key:
        return "signed"
    if any(other.claim.disputes == one.id for other in claims.values()):
        return "disputed"
    return one.claim.standing


def sources(claims: Iterable[Recorded]) -> list[list[Recorded]]:
    """The claims in groups that go back to one source each."""
    groups: list[tuple[set[tuple[str, str]], list[Recorded]]] = []
    for one in claims:
        marks = _marks(one)
        mine: tuple[set[tuple[str, str]], list[Recorded]] = (marks, [one])
        for group in [group for group in groups if group[0] & marks]:
            groups.remove(group)
            mine = (mine[0] | group[0], [*group[1], *mine[1]])
        groups.append(mine)
    return [members for _, members in groups]


def _marks(one: Recorded) -> set[tuple[str, str]]:
    """By what a claim is known to go back to the same as another."""
    claim = one.claim
    source = " ".join((one.key or claim.source).casefold().split())
    found = {("source", source), ("link", claim.link), ("file", claim.digest)}
    return {mark for mark in found if mark[1]} or {("claim", one.id)}


def _read(payload: bytes) -> Claim:
    try:
        claim = msgspec.json.decode(payload, type=Claim)
        _check(claim)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no(f"this is no claim: {error}") from None
    except BadInput as error:
        raise _no(error.message) from None
    if canonical(msgspec.to_builtins(claim)) != payload:
        raise _no("a claim is not in canonical form")
    return claim


def _check(claim: Claim) -> None:
    moment_ms(claim.said)
    for text in (claim.says, claim.by, claim.review, claim.link, *claim.through):
        if CONTROL.search(text):
            raise BadInput("a claim holds a control character, or one that turns the direction of writing")
    if not DIGEST.fullmatch(claim.digest):
        raise BadInput("expected the digest of a file as `sha256:` and 64 hex digits")
    if claim.disputes and not ID.fullmatch(claim.disputes):
        raise BadInput(f"`{claim.disputes[:40]}` is no claim's id: expected `c-` and 16 hex digits")
    if claim.standing == "stated" and (not claim.by or claim.through):
        raise BadInput(
            "only what a party has said itself is `stated`",
            hint="name the party with `--by`; what others pass on is `reported`",
        )
    if claim.standing == "reported" and not claim.source:
        raise BadInput("a report names who said it or who passed it on", hint="else its standing is `unverified`")


def _no(why: str) -> NotVerified:
    return NotVerified(why, step=STEP)
