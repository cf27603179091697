"""The profile `guarded`: one day of a log in 8,192 bytes, for networks out of which nothing else may go.

    caveat-guarded/v1
    example.org/caveat
    day 2026-11-25
    number 000012
    size 0000000070000                     records of the log at the day's end
    root Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=
    before 0000000061000                   records at the end of the day before
    opened 0000000004500                   then each count, always all of them, always so wide
    ...
    seal 3f0a...16 hex boot 0000000003 calls 0000000004400 tokens-in ... tokens-out ...     eight rows, zeros where unused
    proof AAAA...                          48 rows: that the log of the day before is its beginning
    pad ........                           up to the fixed size

Rules of this file: one statement a day, for a day that is over, whether anything happened or not: size, number and schedule
tell nothing; no time but the day; no record, no name of a caller, no word of a clause; the signature is Ed25519 alone, which
leaves its signer no choice of bytes (ML-DSA signatures are drawn anew each time).  The counts are the gateway's own: leaves
are inspected on site, where the statement is made again and compared byte by byte.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from caveat.canon import b64, unb64
from caveat.errors import BadInput, NotVerified
from caveat.keys import KeyKind, SigningKey, VerifyKey
from caveat.ledger.proof import verify_consistency
from caveat.ledger.tree import HASH_BYTES
from caveat.meter.beat import Beat
from caveat.note import open_note, sign_note
from caveat.record import ENDINGS, Leaf

FORMAT: Final = "caveat-guarded/v1"
SIZE: Final = 8_192
MOST_SEALS: Final = 8
PROOF_ROWS: Final = 48
WIDE: Final = 13
COUNTS: Final = ("opened", *ENDINGS, "refused", "control", "tokens-in", "tokens-out")
DAY_MS: Final = 86_400_000
_NOTHING: Final = bytes(HASH_BYTES)


class Day(Struct, frozen=True):
    """What a statement says of one day.

    day      of UTC, by the gateway's clock         number   1 for the log's first day
    size, root, before   of the log at the day's end, and how large it was at the day's beginning
    counts   by COUNTS                              seals    (16 hex of SHA-256 of the name, boot, calls, tokens in, out)
    proof    from `before` to `size`, without its padding
    """

    origin: str
    day: str
    number: int
    size: int
    root: bytes
    before: int
    counts: tuple[int, ...]
    seals: tuple[tuple[str, int, int, int, int], ...]
    proof: tuple[bytes, ...]


def counted(leaves: Iterable[Leaf]) -> tuple[int, ...]:
    """The counts of one day's records."""
    found: Counter[str] = Counter()
    for leaf in leaves:
        found[leaf.o if leaf.k == "settled" else leaf.k] += 1
        if leaf.tok is not None:
            found["tokens-in"] += leaf.tok[0]
            found["tokens-out"] += leaf.tok[1]
    return tuple(found[name] for name in COUNTS)


def seal_rows(beats: Iterable[Beat]) -> tuple[tuple[str, int, int, int, int], ...]:
    """The newest beat of each seal, as rows.  Raises BadInput for more than fit."""
    rows = sorted((hashlib.sha256(b.seal.encode()).hexdigest()[:16], b.boot, b.total, *b.tokens) for b in beats)
    if len(rows) > MOST_SEALS:
        raise BadInput(f"a guarded statement holds {MOST_SEALS} seals, and this log has {len(rows)}")
    return tuple(rows)


def write_guarded(day: Day, signer: SigningKey) -> bytes:
    """The statement, SIZE bytes: the same for the same day."""
    if len(day.proof) > PROOF_ROWS:
        raise BadInput(f"the proof has more than {PROOF_ROWS} hashes")
    text = _text(day)
    bare = len(sign_note((text + "pad \n").encode(), [signer]))
    if bare > SIZE:
        raise BadInput("the log's name is too long for a guarded statement")
    return sign_note(f"{text}pad {'.' * (SIZE - bare)}\n".encode(), [signer])


def _text(day: Day) -> str:
    seals = [*day.seals, *[("0" * 16, 0, 0, 0, 0)] * (MOST_SEALS - len(day.seals))]
    proof = [*day.proof, *[_NOTHING] * (PROOF_ROWS - len(day.proof))]
    lines = [
        FORMAT,
        day.origin,
        f"day {day.day}",
        f"number {day.number:06d}",
        f"size {_wide(day.size)}",
        f"root {b64(day.root)}",
        f"before {_wide(day.before)}",
        *(f"{name} {_wide(count)}" for name, count in zip(COUNTS, day.counts, strict=True)),
        *(
            f"seal {name} boot {_wide(boot)} calls {_wide(calls)} tokens-in {_wide(tin)} tokens-out {_wide(tout)}"
            for name, boot, calls, tin, tout in seals
        ),
        *(f"proof {b64(digest)}" for digest in proof),
    ]
    return "\n".join(lines) + "\n"


def _wide(number: int) -> str:
    if not 0 <= number < 10**WIDE:
        raise BadInput("a count does not fit into a guarded statement")
    return f"{number:0{WIDE}d}"


def open_guarded(data: bytes, keys: Sequence[VerifyKey]) -> Day:
    """What the statement says, once the log's Ed25519 key signed it.  Raises NotVerified, also for any other way of writing
    the same: there is no room for a message in it."""
    if len(data) != SIZE:
        raise NotVerified(f"expected a guarded statement of {SIZE} bytes, got {len(data)}", step="guarded")
    plain = [key for key in keys if key.kind is KeyKind.NOTE]
    opened = open_note(data, plain)
    try:
        day = _parse(opened.text.decode().split("\n"))
    except (ValueError, IndexError, BadInput):
        raise NotVerified("the guarded statement cannot be read", step="guarded") from None
    body = opened.text.decode()
    head, _, pad = body.rpartition("pad ")
    if head != _text(day) or pad.strip(".") != "\n" or opened.by[0][0].name != day.origin or len(opened.by) != 1:
        raise NotVerified("the guarded statement is not written in its one form", step="guarded")
    if day.proof and not 0 < day.before < day.size:
        raise NotVerified("the guarded statement has a proof where none is needed", step="guarded")
    return day


def _parse(lines: list[str]) -> Day:
    values = [line.split(" ") for line in lines]
    at = 7 + len(COUNTS)
    seals = [row for row in values[at : at + MOST_SEALS] if row[1] != "0" * 16]
    hashes = [unb64(row[1]) for row in values[at + MOST_SEALS : at + MOST_SEALS + PROOF_ROWS]]
    return Day(
        origin=lines[1],
        day=values[2][1],
        number=int(values[3][1]),
        size=int(values[4][1]),
        root=unb64(values[5][1]),
        before=int(values[6][1]),
        counts=tuple(int(row[1]) for row in values[7:at]),
        seals=tuple((row[1], int(row[3]), int(row[5]), int(row[7]), int(row[9])) for row in seals),
        proof=tuple(digest for digest in hashes if digest != _NOTHING),
    )


def follows(day: Day, before: Day) -> None:
    """Return if a day's statement is the one behind another: next number, the same log, which only grew.  Raises
    NotVerified."""
    if day.origin != before.origin:
        raise NotVerified("the statements are of two logs", step="guarded")
    if day.number != before.number + 1:
        raise NotVerified(
            f"number {before.number + 1} is due behind number {before.number}, got {day.number}", step="guarded"
        )
    if day.before != before.size:
        raise NotVerified(
            f"the log had {before.size} records at the end of that day, and {day.before} are said", step="guarded"
        )
    if before.size in {0, day.size}:
        if before.size and day.root != before.root:
            raise NotVerified("two roots for one size: the log has forked", step="guarded")
        return
    verify_consistency(before.size, day.size, before.root, day.root, day.proof)
