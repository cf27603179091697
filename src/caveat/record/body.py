"""A body in a record: its length and a keyed digest, and the case that a caller names, as a digest too."""

import hmac
from typing import Any

from caveat.canon import digest
from caveat.record.commit import derived


def case_mark(case: str) -> str:
    """What stands in a record, and in the index, for the case that a caller names: the digest of its words, so that who
    knows them finds the call, and nobody reads them there; "" for none."""
    return digest(case.strip().encode()) if case.strip() else ""


class BodyDigest:
    """A body's length and keyed digest, taken piece by piece: no dictionary of guesses can be tried without `key`."""

    def __init__(self, key: bytes) -> None:
        self._mac = hmac.new(derived(key, "body"), digestmod="sha256")
        self._length = 0

    def update(self, piece: bytes) -> None:
        """Take in the next bytes of the body."""
        self._mac.update(piece)
        self._length += len(piece)

    def copy(self) -> "BodyDigest":
        """The same so far, to go on with apart."""
        other = BodyDigest.__new__(BodyDigest)
        other._mac, other._length = self._mac.copy(), self._length  # noqa: SLF001 - it is one of ours
        return other

    def value(self) -> dict[str, Any]:
        """`{"len": bytes so far, "hmac": hex}`, as it is committed."""
        return {"len": self._length, "hmac": self._mac.hexdigest()}


def body_digest(body: bytes, key: bytes) -> dict[str, Any]:
    """The same of a whole body."""
    return {"len": len(body), "hmac": hmac.digest(derived(key, "body"), body, "sha256").hex()}
