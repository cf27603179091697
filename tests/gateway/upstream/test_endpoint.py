"""An endpoint is its address and the digest of its TLS key."""

import hashlib

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caveat.gateway.upstream.endpoint import UNKNOWN, Endpoint, key_digest


def test_digest_is_over_the_public_key_alone(authority):
    """Two certificates of one key have one digest (RFC 7469 section 2.4 pins the same bytes)."""
    public = authority.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    wanted = "sha256:" + hashlib.sha256(public).hexdigest()
    assert key_digest(authority.certificate.public_bytes(Encoding.DER)) == wanted


def test_identity_names_the_key_and_the_model():
    assert Endpoint("http://127.0.0.1:1").identity("m") == "endpoint:none+m"
    assert Endpoint("https://127.0.0.1:1").identity("m") == "endpoint:unknown+m"
    assert Endpoint("https://127.0.0.1:1", pin="sha256:ab").identity("m") == "endpoint:sha256:ab+m"


def test_forgotten_key_is_unknown_again_and_a_pinned_one_stays():
    free, pinned, plain = (
        Endpoint("https://127.0.0.1:1"),
        Endpoint("https://127.0.0.1:1", pin="sha256:ab"),
        Endpoint("http://127.0.0.1:1"),
    )
    free.key = "sha256:cd"
    for endpoint in (free, pinned, plain):
        endpoint.forget()
    assert (free.key, pinned.key, plain.key) == (UNKNOWN, "sha256:ab", "none")


def test_url_keeps_every_byte_of_path_and_query():
    endpoint = Endpoint("http://127.0.0.1:1/a%2Fb/")
    assert str(endpoint.at("/v1/messages", "beta=true")) == "http://127.0.0.1:1/a%2Fb/v1/messages?beta=true"
    assert str(endpoint.at("/v1/messages", "")) == "http://127.0.0.1:1/a%2Fb/v1/messages"
