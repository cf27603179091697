"""What the tests of the edge share: a certificate authority made for one run, and TLS servers under it."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Authority(NamedTuple):
    """A CA; `bundle` is its certificate as a PEM file."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    bundle: Path

    def server(self, folder: Path, key: ec.EllipticCurvePrivateKey | None = None) -> ssl.SSLContext:
        """A TLS server's context for 127.0.0.1, with a fresh key unless one is given."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        leaf = _certificate("server", key, self.key, issuer=self.certificate.subject, extension=loopback)
        chain = folder / f"server-{leaf.serial_number}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain.write_bytes(leaf.public_bytes(Encoding.PEM) + private)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain)
        return context


def _certificate(name, key, signer, *, extension, issuer=None):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    is_ca = isinstance(extension, x509.BasicConstraints)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(extension, critical=is_ca)
    )
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate("test CA", key, key, extension=x509.BasicConstraints(ca=True, path_length=0))
    bundle = tmp_path_factory.mktemp("ca") / "ca.pem"
    bundle.write_bytes(certificate.public_bytes(Encoding.PEM))
    return Authority(key, certificate, bundle)
