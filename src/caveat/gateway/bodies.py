"""Bodies in the vault: kept only where a duty says so, sealed under a key of the home, a file a body.

A body is AES-256-GCM under a key derived from the vault's key and the call's id (NIST SP 800-38D); the call's id and
which body it is are authenticated with it, so files cannot be exchanged for one another.
"""

import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from caveat.errors import NotVerified, Unavailable

NONCE_BYTES = 12


class Bodies:
    """vault/bodies.  `key` is 32 bytes and never leaves keys/."""

    def __init__(self, directory: Path, key: bytes) -> None:
        self._directory = directory
        self._key = key

    def keep(self, call: str, which: str, body: bytes) -> None:
        """Make the body durable.  `which` is "request" or "reply".  Raises Unavailable."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher(call).encrypt(nonce, body, self._label(call, which))
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path(call, which), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(sealed)
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
            return self._cipher(call).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._label(call, which))
        except InvalidTag:
            raise NotVerified(f"the {which} of call `{call}` in the vault was changed") from None

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
        """Keep the body no longer; nothing happens where none is kept."""
        self._path(call, which).unlink(missing_ok=True)

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
