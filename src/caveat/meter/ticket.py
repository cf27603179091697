"""A seal's ticket: its signed word that one request reached the model, under which number, and what the engine counted.

One line of ASCII, so that it travels in a header or an SSE comment and stands in a record as it came:

    caveat-meter/v1 seal-1 3 41 0f1e...32 <request> <reply> 31 8 done 200 1795351642000 <prev> <signature>

    seal      the name of its key                  boot, number   1 <= both; numbers go up by one, without a gap
    call      32 hex digits, as records name it    request, reply  keyed digests of the raw bytes, base64url
    in, out   the engine's own token figures, `-` where it gave none
    end       done, cut (the reader went away), failed (the engine did), unknown (the seal died meanwhile)
    status    the engine's HTTP status, 0 where none came
    at        POSIX milliseconds by the seal's clock
    prev      head of the ticket before it, in the order in which calls ended; over restarts too

The signature is Ed25519 over everything before the last space; the ticket's `head` is the SHA-256 of the same bytes.
Rules: bytes are verified, then parsed; a line that we would have written otherwise is no ticket.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from caveat.canon import b64url, unb64url
from caveat.errors import NotVerified
from caveat.keys import SigningKey, VerifyKey

LABEL: Final = "caveat-meter/v1"
START: Final = b64url(bytes(32))
"""The head before a seal's first ticket."""
ENDS: Final = ("done", "cut", "failed", "unknown")
MOST_BYTES: Final = 1024

_HASH = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
"""32 bytes in base64url, the last two bits zero: the one form that we would write."""
_COUNT = r"(?:0|[1-9][0-9]{0,14})"
_LINE: Final = re.compile(
    rf"{LABEL} (?P<seal>[!-~]{{1,120}}) (?P<boot>[1-9][0-9]{{0,9}}) (?P<number>[1-9][0-9]{{0,14}}) (?P<call>[0-9a-f]{{32}}) "
    rf"(?P<request>{_HASH}) (?P<reply>{_HASH}) (?P<tokens_in>-|{_COUNT}) (?P<tokens_out>-|{_COUNT}) (?P<end>{'|'.join(ENDS)}) "
    rf"(?P<status>0|[1-9][0-9]{{2}}) (?P<at_ms>{_COUNT}) (?P<prev>{_HASH}) (?P<signature>[A-Za-z0-9_-]{{85}}[AQgw])"
)


class Ticket(Struct, frozen=True):
    """A ticket, read.  Its signature is checked by `verify`, or by the chain that leads from it to a signed beat.

    tokens_in, tokens_out   None where the engine gave no figure
    signed                  the bytes that the signature is over
    """

    seal: str
    boot: int
    number: int
    call: str
    request: str
    reply: str
    tokens_in: int | None
    tokens_out: int | None
    end: str
    status: int
    at_ms: int
    prev: str
    signature: bytes
    signed: bytes

    @property
    def head(self) -> str:
        """What the next ticket names as `prev`."""
        return head_of(self.signed)

    def verify(self, keys: Iterable[VerifyKey]) -> None:
        """Return if the seal of that name signed it; raise NotVerified otherwise."""
        for key in keys:
            if key.name == self.seal:
                key.verify(self.signed, self.signature)
                return
        raise NotVerified(f"no key of a seal called `{self.seal}` is trusted here", step="seal")


class Counted(Struct, frozen=True):
    """A request that the seal has counted and passed on."""

    boot: int
    number: int
    call: str
    request: str


class Ending(Struct, frozen=True):
    """How a counted request ended."""

    reply: str
    tokens_in: int | None
    tokens_out: int | None
    end: str
    status: int
    at_ms: int


NOBODY_KNOWS: Final = Ending(START, None, None, "unknown", 0, 0)
"""The ending of a request under which the seal died."""


def head_of(signed: bytes) -> str:
    """The head of a ticket, by the bytes that are signed."""
    return b64url(hashlib.sha256(signed).digest())


def make_ticket(key: SigningKey, counted: Counted, ending: Ending, prev: str) -> str:
    """The signed line."""
    figures = " ".join("-" if n is None else str(n) for n in (ending.tokens_in, ending.tokens_out))
    text = (
        f"{LABEL} {key.name} {counted.boot} {counted.number} {counted.call} {counted.request} {ending.reply} {figures} "
        f"{ending.end} {ending.status} {ending.at_ms} {prev}"
    )
    return f"{text} {b64url(key.sign(text.encode('ascii')))}"


def read_ticket(line: str) -> Ticket:
    """The ticket in a line; nothing is verified.  Raises NotVerified for anything but a ticket."""
    found = _LINE.fullmatch(line) if len(line) <= MOST_BYTES else None
    if found is None:
        raise NotVerified("a seal's ticket cannot be read", step="seal")
    return Ticket(
        seal=found["seal"],
        boot=int(found["boot"]),
        number=int(found["number"]),
        call=found["call"],
        request=found["request"],
        reply=found["reply"],
        tokens_in=_figure(found["tokens_in"]),
        tokens_out=_figure(found["tokens_out"]),
        end=found["end"],
        status=int(found["status"]),
        at_ms=int(found["at_ms"]),
        prev=found["prev"],
        signature=unb64url(found["signature"]),
        signed=line[: found.start("signature") - 1].encode("ascii"),
    )


def _figure(text: str) -> int | None:
    return None if text == "-" else int(text)


class BytesDigest:
    """The keyed digest of raw bytes, taken piece by piece.

    The key comes from the call's permit, which only gateway and seal hold, so that no outsider can try guesses.
    """

    def __init__(self, permit: str, which: str) -> None:
        key = hashlib.sha256(f"caveat-digest/v1\n{which}\n{permit}".encode()).digest()
        self._mac = hmac.new(key, digestmod="sha256")

    def update(self, piece: bytes) -> None:
        """Take in the next bytes."""
        self._mac.update(piece)

    def value(self) -> str:
        """As it stands in a ticket."""
        return b64url(self._mac.digest())


def request_digest(permit: str, body: bytes) -> str:
    """The keyed digest of a request's body."""
    mac = BytesDigest(permit, "request")
    mac.update(body)
    return mac.value()
