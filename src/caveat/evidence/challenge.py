"""A challenge: an outsider's request to open a random sample that neither side could steer.

Commit, then challenge (works over two one-way files):

1. The operator exports a bundle.  Its manifest holds `share`, the digest of a secret R, 32 bytes that derive from a key of
   the house and this very manifest.  M is the manifest's digest.
2. The outsider, who holds M, issues a signed note with V, their own share:

    caveat-challenge/v1
    example.org/caveat                                  origin
    sha256:5f...                                        M
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=         V: random, or what was rolled with dice before witnesses
    300                                                 openings
    1790600000                                          deadline, POSIX seconds
    flagged day                                         strata, or `none`

3. The operator reveals R, and everybody derives S = SHA-256("caveat-challenge/v1\\n" || M || V || R || u64 from || u64 to).
4. For i = 0, 1, ...: x is the first 8 bytes of SHA-256(S || u64 i); skipped if x >= floor(2^64 / W) W, W = to - from; else
   the index from + x mod W, skipped if it came before.  A larger sample begins with the smaller one.

R was fixed before V existed, so the operator cannot grind; V cannot aim, for R was unknown to whoever made it.
Rule of this file: pure; randomness is an argument.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec import Struct

from caveat.canon import b64, digest, unb64
from caveat.errors import BadInput, NotVerified
from caveat.evidence.manifest import Manifest
from caveat.keys import SigningKey, VerifyKey
from caveat.note import open_note, parse_note, sign_note
from caveat.record import Leaf

FORMAT: Final = "caveat-challenge/v1"
STRATA: Final = ("flagged", "day", "meter", "model")
"""flagged: every record that ended `broken`, `aborted`, `stopped` or `unknown`, or spent an exception, is opened besides;
day, meter, model: thirty of each day, of each boot of each seal, of each pair of terms and seal (a model's name is no clear
field of a record)."""
FLAGGED: Final = frozenset({"broken", "aborted", "stopped", "unknown", "withheld"})
PER_GROUP: Final = 30
DEFAULT_OPENINGS: Final = 300
"""No bad one among so many excludes a rate of 1 % at 95 %."""
MOST_OPENINGS: Final = 1_000_000
LAST_S: Final = 253_402_300_800
"""The year 10000 in POSIX seconds: no day lies behind it."""
_LABEL: Final = b"caveat-challenge/v1\n"


class Challenge(Struct, frozen=True):
    """What is asked for.

    manifest     digest of the bundle's manifest (M)       share   the outsider's 32 bytes (V)
    openings     how many, >= 1                            due_s   POSIX seconds
    strata       out of STRATA
    """

    origin: str
    manifest: str
    share: bytes
    openings: int
    due_s: int
    strata: tuple[str, ...] = ()


def share_key(vault_key: bytes) -> bytes:
    """The key from which a house derives its shares."""
    return hmac.digest(vault_key, b"caveat-challenge-share/v1", "sha256")


def operators_share(key: bytes, manifest_without_share: bytes) -> bytes:
    """R: nobody without the key can tell it, and it is fixed with the manifest."""
    return hmac.digest(key, _LABEL + manifest_without_share, "sha256")


def dice_share(rolls: str) -> bytes:
    """V from dice that were rolled before witnesses: decimal digits, at least 20 of them.  Raises BadInput."""
    if not re.fullmatch(r"[0-9]{20,400}", rolls):
        raise BadInput("expected at least 20 decimal digits, as they were rolled")
    return hashlib.sha256(b"dice\n" + rolls.encode()).digest()


def write_challenge(challenge: Challenge, key: SigningKey) -> bytes:
    """The signed note.  Raises BadInput for what cannot be asked."""
    if not 1 <= challenge.openings <= MOST_OPENINGS or not set(challenge.strata) <= set(STRATA):
        raise BadInput(f"expected 1 to {MOST_OPENINGS:,} openings, and strata out of {', '.join(STRATA)}")
    lines = (
        FORMAT,
        challenge.origin,
        challenge.manifest,
        b64(challenge.share),
        str(challenge.openings),
        str(challenge.due_s),
        " ".join(challenge.strata) or "none",
    )
    return sign_note(("\n".join(lines) + "\n").encode(), [key])


def read_challenge(raw: bytes) -> Challenge:
    """What a note asks for, whoever signed it.  Raises NotVerified for what is no challenge."""
    return _parse(parse_note(raw).text)


def open_challenge(raw: bytes, keys: Iterable[VerifyKey]) -> tuple[Challenge, VerifyKey]:
    """The same, once one of these keys signed it, and which.  Raises NotVerified."""
    note = open_note(raw, keys)
    return _parse(note.text), note.by[0][0]


def _parse(text: bytes) -> Challenge:
    lines = text.decode().split("\n")
    if len(lines) != 8 or lines[0] != FORMAT or not all(re.fullmatch(r"[0-9]{1,16}", lines[i]) for i in (4, 5)):
        raise NotVerified(f"expected a challenge that begins with `{FORMAT}`", step="challenge")
    strata = () if lines[6] == "none" else tuple(lines[6].split(" "))
    try:
        share = unb64(lines[3])
    except BadInput:
        raise NotVerified("the challenge's share is not base64", step="challenge") from None
    if len(share) != 32 or not set(strata) <= set(STRATA) or not 1 <= int(lines[4]) <= MOST_OPENINGS:
        raise NotVerified("the challenge asks for what cannot be asked", step="challenge")
    return Challenge(lines[1], lines[2], share, int(lines[4]), int(lines[5]), strata)


def check_shares(challenge: Challenge, manifest: Manifest, data: bytes, share: bytes) -> bytes:
    """S, once both shares are found to be the ones that were committed to.  Raises NotVerified."""
    if challenge.manifest != digest(data) or challenge.origin != manifest.origin:
        raise NotVerified("the challenge is about another bundle", step="challenge")
    if not manifest.share:
        raise NotVerified("the bundle commits to no share: it cannot be challenged fairly", step="challenge")
    if digest(share) != manifest.share:
        raise NotVerified("the operator's share is not the one that the bundle committed to", step="challenge")
    numbers = manifest.start.to_bytes(8, "big") + manifest.to.to_bytes(8, "big")
    return hashlib.sha256(_LABEL + hashlib.sha256(data).digest() + challenge.share + share + numbers).digest()


def drawn(seed: bytes, start: int, to: int) -> Iterator[int]:
    """Indices start <= index < to in the order drawn, each once, until all were."""
    width = to - start
    if width <= 0:
        return
    bound = 2**64 // width * width
    seen: set[int] = set()
    number = 0
    while len(seen) < width:
        x = int.from_bytes(hashlib.sha256(seed + number.to_bytes(8, "big")).digest()[:8], "big")
        number += 1
        index = start + x % width
        if x < bound and index not in seen:
            seen.add(index)
            yield index


def sample(
    challenge: Challenge, seed: bytes, manifest: Manifest, leaves: Iterable[tuple[int, Leaf]]
) -> dict[str, list[int]]:
    """What is to be opened, by stratum: `all` is the sample over the whole range, in the order drawn.

    `leaves` are the records of the range; they are looked at only where there are strata.
    """
    width = manifest.to - manifest.start
    order = drawn(seed, manifest.start, manifest.to)
    chosen: dict[str, list[int]] = {"all": [next(order) for _ in range(min(challenge.openings, width))]}
    if not challenge.strata:
        return chosen
    groups: dict[str, list[int]] = {}
    flagged: list[int] = []
    asked = [GROUPS[stratum] for stratum in challenge.strata if stratum in GROUPS]
    for index, leaf in leaves:
        for name in filter(None, [group(leaf) for group in asked]):
            groups.setdefault(name, []).append(index)
        if leaf.o in FLAGGED or leaf.w:
            flagged.append(index)
    if "flagged" in challenge.strata:
        chosen["flagged"] = flagged
    for name, indices in sorted(groups.items()):
        of_group = drawn(hashlib.sha256(seed + name.encode()).digest(), 0, len(indices))
        chosen[name] = [indices[next(of_group)] for _ in range(min(PER_GROUP, len(indices)))]
    return chosen


def _day(leaf: Leaf) -> str:
    return f"day {leaf.t // 86_400_000}"


def _meter(leaf: Leaf) -> str:
    """The seal and its boot; "" for a record that bears no ticket."""
    return "meter " + " ".join(leaf.m.split(" ")[1:3]) if leaf.m else ""


def _model(leaf: Leaf) -> str:
    """The pair of terms and the seal: as near to a model as what stands in the clear comes."""
    seal = leaf.m.split(" ")[1] if leaf.m.count(" ") > 1 else "-"
    return f"model {leaf.terms[7:19]} {seal}" if leaf.k == "settled" and leaf.terms else ""


GROUPS: Final[dict[str, Callable[[Leaf], str]]] = {"day": _day, "meter": _meter, "model": _model}
"""By stratum: the name of a record's group, "" for a record in none."""
