"""Who an upstream is on the wire: its address, its TLS key, and the model identity made of it.

Rule of this file: once an endpoint's key is known, no byte goes over a connection whose other end holds another key.
So the identity that a record names is the identity of the server that the call went to.
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from yarl import URL

from caveat.canon import digest
from caveat.errors import BadInput

PLAIN = "none"
"""The key of an endpoint without TLS."""

UNKNOWN = "unknown"
"""The key of an endpoint that was not reached yet.  No terms can pin it."""

DEFAULT_PORTS = {"http": 80, "https": 443}


class OtherKey(ssl.SSLCertVerificationError):
    """The endpoint's certificate is valid, but its key is not the one that was known."""


def key_digest(certificate: bytes) -> str:
    """`sha256:` over the SubjectPublicKeyInfo of a DER certificate: it outlives renewals that keep the key."""
    public = x509.load_der_x509_certificate(certificate).public_key()
    return digest(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


class Endpoint:
    """One base URL.  `key` is its TLS key's digest, PLAIN without TLS, UNKNOWN before the first connection.

    `pin` is a key digest that the operator fixed; without one, the first key met is kept until `forget`.
    """

    def __init__(self, base_url: str, *, ca_bundle: Path | None = None, pin: str = "") -> None:
        self.url = URL(base_url)
        secure = self.url.scheme == "https"
        self.key = (pin or UNKNOWN) if secure else PLAIN
        self.tls = self._context(ca_bundle) if secure else None
        self._pin = pin

    def at(self, path: str, query: str) -> URL:
        """The URL of a path (which begins with `/v1/`) under the base; nothing in it is quoted again."""
        return _under(self.url, path, query)

    def identity(self, model: str) -> str:
        """`endpoint:<key>+<the model's name there>`."""
        return f"endpoint:{self.key}+{model}"

    def forget(self) -> None:
        """Take the next key met as the endpoint's; one that the operator pinned stays."""
        if self.tls is not None:
            self.key = self._pin or UNKNOWN

    async def meet(self, timeout_s: float) -> None:
        """Connect once, so that the key is known.  Raises OSError (ssl.SSLError is one) or TimeoutError."""
        if self.tls is None:
            return
        host, port = self.url.host or "", self.url.port or DEFAULT_PORTS["https"]
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port, ssl=self.tls)
        writer.transport.abort()

    def _context(self, ca_bundle: Path | None) -> ssl.SSLContext:
        """A verifying context that notes the key at every handshake; a bundle is then all that is trusted."""
        try:
            context = ssl.create_default_context(cafile=ca_bundle)
        except OSError as error:  # ssl.SSLError is one
            raise BadInput(
                f"cannot read the CA bundle `{ca_bundle}`: {error.strerror or error.args[-1]}",
                hint="`ca_bundle` names a file of PEM certificates",
            ) from None
        context.sslobject_class = _noting(self._met)
        return context

    def _met(self, certificate: bytes) -> None:
        key = key_digest(certificate)
        if self.key == UNKNOWN:
            self.key = key
        elif key != self.key:
            raise OtherKey("the endpoint has another key")


@lru_cache(maxsize=64)
def _under(base: URL, path: str, query: str) -> URL:
    rest = base.raw_path.rstrip("/") + path + (f"?{query}" if query else "")
    return base.origin().join(URL(rest, encoded=True))


def _noting(met: Callable[[bytes], None]) -> type[ssl.SSLObject]:
    """An SSLObject that shows the peer's certificate before any byte is sent over it."""

    class Noting(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            met(cast("bytes", self.getpeercert(binary_form=True)))

    return Noting
