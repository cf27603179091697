"""Bodies in the vault: kept only where a duty says so or a person is to see them, sealed, a file a body.

    "CVBODY2" LF   u64 until_ms, big-endian   nonce   the body's own key, wrapped   nonce   the body

Each is AES-256-GCM (NIST SP 800-38D): the body under a key drawn for it alone, that key under one derived from the vault's key
and the call's id.  The call's id, which body it is and until when it is kept (POSIX ms, 0 for no end) are authenticated, so
files cannot be exchanged for one another.  A body is destroyed by overwriting its own key: what a disk keeps of the rest opens
no more (a copy of the whole file does: make none).  Bodies without that head are from before there was one.
"""

import hmac
import os
import secrets
import struct
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from caveat.errors import NotVerified, Unavailable

NONCE_BYTES = 12
KEY_BYTES = 32
TAG_BYTES = 16
MAGIC = b"CVBODY2\n"
_HEAD = struct.Struct(f">{len(MAGIC)}sQ{NONCE_BYTES}s{KEY_BYTES + TAG_BYTES}s{NONCE_BYTES}s")


class Bodies:
    """vault/bodies.  `key` is 32 bytes and never leaves keys/."""

    def __init__(self, directory: Path, key: bytes) -> None:
        self._directory = directory
        self._key = key

    def keep(self, call: str, which: str, body: bytes, until_ms: int = 0) -> None:
        """Make the body durable, to be destroyed at that time (0: never by itself).  Raises Unavailable."""
        own = secrets.token_bytes(KEY_BYTES)
        nonces = secrets.token_bytes(NONCE_BYTES), secrets.token_bytes(NONCE_BYTES)
        label = self._label(call, which)
        wrapped = self._cipher(call).encrypt(nonces[0], own, label + str(until_ms).encode())
        sealed = AESGCM(own).encrypt(nonces[1], body, label)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path(call, which), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(_HEAD.pack(MAGIC, until_ms, nonces[0], wrapped, nonces[1]) + sealed)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable(f"the vault did not take a body: {error.strerror}", code="ledger_unavailable") from None

    def read(self, call: str, which: str) -> bytes:
        """The body.  Raises NotVerified where it is not kept, or was changed."""
        try:
            sealed = self._path(call, which).read_bytes()
        except OSError:
            raise NotVerified(f"the vault keeps no {which} of call `{call}`") from None
        try:
            return self._opened(call, which, sealed)
        except (InvalidTag, struct.error):
            raise NotVerified(f"the {which} of call `{call}` in the vault was changed") from None

    def _opened(self, call: str, which: str, sealed: bytes) -> bytes:
        label = self._label(call, which)
        if not sealed.startswith(MAGIC):
            return self._cipher(call).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], label)
        _, until_ms, nonce, wrapped, second = _HEAD.unpack(sealed[: _HEAD.size])
        own = self._cipher(call).decrypt(nonce, wrapped, label + str(until_ms).encode())
        return AESGCM(own).decrypt(second, sealed[_HEAD.size :], label)

    def due(self, at_ms: int) -> tuple[tuple[str, str], ...]:
        """What has been kept as long as it may: call and which body."""
        files = self._directory.glob("*.*")
        return tuple(sorted((path.stem, path.suffix[1:]) for path in files if 0 < _until(path) <= at_ms))

    def kept(self, which: str) -> tuple[str, ...]:
        """Ids of the calls of which such a body is kept."""
        return tuple(sorted(path.stem for path in self._directory.glob(f"*.{which}")))

    def keeps(self, call: str, which: str) -> bool:
        """Whether such a body of the call is kept."""
        return self._path(call, which).exists()

    def secret(self, label: str) -> bytes:
        """32 bytes for another use in this home, which tell nothing of the key."""
        return hmac.digest(self._key, f"caveat-secret/v1\n{label}\n".encode(), "sha256")

    def drop(self, call: str, which: str) -> None:
        """Destroy the body: its own key is overwritten before the file goes.  Nothing happens where none is kept.

        A crash in between leaves a file that opens no more and still says until when it was kept: the next sweep takes it.
        """
        path = self._path(call, which)
        try:
            with path.open("r+b") as file:
                kept = len(MAGIC) + 8 if file.read(len(MAGIC)) == MAGIC else 0
                file.seek(kept)
                file.write(secrets.token_bytes(_HEAD.size - kept))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            return
        path.unlink(missing_ok=True)

    def salt(self, call: str) -> bytes:
        """32 bytes that are this call's alone, and tell nothing of the key."""
        return hmac.digest(self._key, f"caveat-body-salt/v1\n{call}\n".encode(), "sha256")

    def _cipher(self, call: str) -> AESGCM:
        return AESGCM(hmac.digest(self._key, call.encode(), "sha256"))

    def _path(self, call: str, which: str) -> Path:
        return self._directory / f"{call}.{which}"

    @staticmethod
    def _label(call: str, which: str) -> bytes:
        return f"caveat-body/v1\n{call}\n{which}\n".encode()


def _until(path: Path) -> int:
    """Until when a file is kept, 0 for no end."""
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC) + 8)
    except OSError:
        return 0
    return int.from_bytes(head[len(MAGIC) :], "big") if head.startswith(MAGIC) and len(head) == len(MAGIC) + 8 else 0
