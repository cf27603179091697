"""One step in talks about terms, signed by the party that takes it.

DSSE over the canonical JSON of a Step:

    {"after": "sha256:<the step that it answers>", "at_ms": 1790000000000, "attached": [{"digest": "sha256:..", "name":
     "impact.json"}], "by": "vendor", "digest": "sha256:<the pair's digest>", "document": "<YAML, or signed terms>",
     "note": "why", "patch": "", "talk": "institutional-use", "terms": "institutional-use@2", "until_ms": 0,
     "v": 1, "verb": "offer"}

Rules of this file: pure; a step names the one before it by digest, so none can be dropped, swapped or used in other
talks; bytes are verified before they are parsed.  Which step may follow which is talks/state.py's.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from caveat.canon import canonical, digest
from caveat.dsse import Kind, check, key_id, read, seal
from caveat.errors import NotVerified
from caveat.keys import SigningKey, VerifyKey

MAX_BYTES: Final = 1 << 24
STEP: Final = "talks"
KIND: Final = Kind(
    "application/vnd.caveat.step+json",
    "a step in talks",
    STEP,
    MAX_BYTES,
    "steps are made with `caveat terms offer` and so on",
)

Verb = Literal["request", "offer", "counter", "accept", "agree", "finalize", "terminate"]
Role = Literal["vendor", "operator"]
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
Ms = Annotated[int, Meta(ge=0, le=2**52)]


class Attached(Struct, frozen=True, forbid_unknown_fields=True):
    """A file that goes with a step, such as an impact statement: its name and digest."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
    digest: Digest


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """What a party says in talks.

    talk      the terms' id
    after     the digest of the step that it answers, "" for the first of all
    terms     id@version that it is about, and the digest that its pair of signatures has or will have
    document  the proposed text (request, offer, counter), the signed terms (agree), the signed ending (terminate)
    patch     what a counter-offer changes, as YAML
    until_ms  until when the other party may answer; 0 for no deadline
    """

    v: Literal[1]
    verb: Verb
    by: Role
    talk: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
    after: Annotated[str, Meta(pattern="^(sha256:[0-9a-f]{64})?$")]
    terms: Annotated[str, Meta(max_length=120)]
    digest: Digest
    at_ms: Ms
    until_ms: Ms = 0
    note: Annotated[str, Meta(max_length=4000)] = ""
    document: str = ""
    patch: str = ""
    attached: Annotated[tuple[Attached, ...], Meta(max_length=16)] = ()


class Taken(Struct, frozen=True):
    """A step whose signature was checked; `id` is the digest of its bytes, which the next step names."""

    step: Step
    id: str
    key: str


def sign_step(step: Step, keys: Sequence[SigningKey]) -> bytes:
    """The step as a file, signed."""
    return seal(KIND, canonical(msgspec.to_builtins(step)), keys)


def open_step(raw: bytes, keys: Sequence[VerifyKey]) -> Taken:
    """The step, once one of the party's keys has signed it.  Raises NotVerified."""
    sealed = read(KIND, raw)
    known = {key_id(key): key for key in keys}
    signer = next((sig for sig in sealed.signatures if sig.keyid in known), None)
    if signer is None:
        names = ", ".join(f"`{sig.keyid}`" for sig in sealed.signatures[:4]) or "nobody"
        raise NotVerified(
            f"a step in talks is signed by {names}, and by no key of the party that lists it",
            step=STEP,
            hint="whoever took the step signs it with a terms key of their own",
        )
    check(KIND, sealed, signer, known[signer.keyid])
    try:
        step = msgspec.json.decode(sealed.payload, type=Step)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotVerified(f"a signed step in talks does not read as one: {error}", step=STEP) from None
    return Taken(step, digest(sealed.payload), signer.keyid)


def step_path(step: Step, depth: int) -> str:
    """Where a repository lists a step: `talks/institutional-use/003-accept.json`."""
    return f"talks/{step.talk}/{depth:03}-{step.verb}.json"


def attached_path(attached: Attached) -> str:
    """Where a repository lists what goes with a step."""
    return f"attached/{attached.digest.removeprefix('sha256:')[:16]}-{attached.name}"
