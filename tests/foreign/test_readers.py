"""Logs, bundles, disclosures and receipts of ours, read by tools that nobody here wrote."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
import rfc3161_client
import scitt_cose  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]
from tests.evidence.conftest import Book, members
from tests.evidence.test_export import unzipped
from tests.foreign.tools import BIN, GO, NEEDS_FOREIGN, NEEDS_GO

from caveat import record
from caveat.canon import b64url
from caveat.errors import BadInput
from caveat.evidence.cose import cose_receipts
from caveat.keys import SigningKey, VerifyKey

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def book() -> Book:
    """More than one full tile."""
    return Book().found().day(300)


@pytest.fixture(scope="module")
def directory(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle, unzipped: a tlog-tiles directory."""
    return unzipped(book.bundle(), tmp_path_factory.mktemp("bundle"))


@NEEDS_GO
def test_the_code_behind_sum_golang_org_reads_it(book: Book, directory: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": "/usr/share/gocode",
        "GOCACHE": str(tmp_path / "cache"),
    }
    source = Path(__file__).parent / "sumdb" / "main.go"
    build = [str(GO), "build", "-o", str(tmp_path / "sumdb"), str(source)]
    subprocess.run(build, check=True, env=environment, capture_output=True)
    last = len(book.entries) - 1
    words = [str(directory), book.keys.plain.verify_key.text, "0", "5", "255", "256", str(last)]
    done = subprocess.run([str(tmp_path / "sumdb"), *words], check=True, capture_output=True, text=True)
    assert done.stdout == f"log.example.test/caveat {last + 1} 5\n"
    sparse = unzipped(book.bundle(300, 320), tmp_path / "sparse")
    words = [str(sparse), book.keys.plain.verify_key.text, "300", "319"]
    assert subprocess.run([str(tmp_path / "sumdb"), *words], check=True, capture_output=True).stdout
    other = SigningKey(book.keys.origin, bytes(32)).verify_key.text
    assert subprocess.run(
        [str(tmp_path / "sumdb"), str(sparse), other, "300"], capture_output=True, check=False
    ).returncode


AICS = """
import sys
from pathlib import Path
import aics_tlog as a
directory, vkey, *words = sys.argv[1:]
note = a.parse_note(Path(directory, "checkpoint").read_text())
checked = a.verify_checkpoint(note, a.parse_vkey(vkey), expected_origin=vkey.split("+")[0])
assert checked.ok and checked.log_ok, checked.error
size, root = checked.size, checked.root
reader = a.FileSystemTileReader(directory)
if words[0] == "all":
    a.audit_tiles(reader, size, root)
    words = words[1:]
verified = a.VerifiedTileReader(reader, size, root)
for word in words:
    sys.stdout.write(verified.entry(int(word)).hex() + "\\n")
""".replace("\\\\n", "\\n")


@NEEDS_FOREIGN
def test_aics_tlog_reads_it(book: Book, directory: Path, tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(AICS)
    vkey = book.keys.plain.verify_key.text
    command = [str(BIN / "python"), str(script), str(directory), vkey, "all", "0", "255", "256"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [bytes.fromhex(line) for line in done.stdout.split()] == [book.entries[i].leaf for i in (0, 255, 256)]
    sparse = unzipped(book.bundle(300, 320), tmp_path / "sparse")
    command = [str(BIN / "python"), str(script), str(sparse), vkey, "310"]
    assert (
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        == book.entries[310].leaf.hex()
    )


def test_sd_jwt_reads_our_disclosures(book: Book) -> None:
    """The commitments of one record, signed on demand, are an SD-JWT (RFC 9901) whose disclosures are the record's own."""
    from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
    from jwcrypto.jws import JWS  # type: ignore[import-untyped]

    entry = next(e for e in book.entries if record.read_leaf(e.leaf).k == "opened")
    leaf, aside = record.read_leaf(entry.leaf), record.read_aside(entry.aside)
    key = JWK.generate(kty="EC", crv="P-256")
    signed = JWS(json.dumps({"iss": "x", "_sd": sorted(leaf.c.values()), "_sd_alg": "sha-256"}))
    signed.add_signature(key, alg="ES256", protected=json.dumps({"alg": "ES256", "typ": "example+sd-jwt"}))
    text = "~".join([signed.serialize(compact=True), *aside.d, ""])
    payload = SDJWTVerifier(text, lambda _issuer, _headers: key).get_verified_payload()
    assert {name: value for name, value in payload.items() if name != "iss"} == record.disclosed(leaf, aside.d)
    spoilt = text.replace(aside.d[0], b64url(b'["AAAA","who",{"caller":"x"}]'))
    seen = SDJWTVerifier(spoilt, lambda _issuer, _headers: key)
    assert seen.get_verified_payload().get("who", {}).get("caller") != "x"


def pem(key: VerifyKey) -> bytes:
    return Ed25519PublicKey.from_public_bytes(key.public).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_scitt_cose_reads_our_receipts(book: Book) -> None:
    source, key = book.source(), book.keys.plain
    receipts = dict(cose_receipts(source, 0, len(book.entries), key))
    for index in (0, 1, 255, 256, len(book.entries) - 1):
        leaf = book.entries[index].leaf
        result = scitt_cose.verify_receipt(
            receipts[index], leaf_entry_hex=leaf.hex(), log_public_key_pem=pem(key.verify_key)
        )
        assert not result.errors, result
        other = scitt_cose.verify_receipt(
            receipts[index], leaf_entry_hex=(leaf + b" ").hex(), log_public_key_pem=pem(key.verify_key)
        )
        assert other.errors
    stranger = SigningKey("x", bytes(32)).verify_key
    leaf = book.entries[0].leaf
    assert scitt_cose.verify_receipt(receipts[0], leaf_entry_hex=leaf.hex(), log_public_key_pem=pem(stranger)).errors
    with pytest.raises(BadInput):
        list(cose_receipts(source, 0, len(book.entries) + 1, key))


CONFIG = """
[ca]
default_ca = tsa
[tsa]
default_tsa = tsa1
[tsa1]
serial = ./serial
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[ext]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:false
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def openssl(at: Path, *words: str) -> None:
    done = subprocess.run(["openssl", *words], cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_timestamp_over_a_checkpoint(book: Book, tmp_path: Path) -> None:
    """RFC 3161, without a network: openssl stamps and checks, and rfc3161-client reads the same token."""
    (tmp_path / "tsa.cnf").write_text(CONFIG)
    (tmp_path / "serial").write_text("01\n")
    openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca",
            "-days", "9")  # fmt: skip
    openssl(
        tmp_path, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa"
    )
    openssl(tmp_path, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "9",
            "-out", "tsa.pem", "-extfile", "tsa.cnf", "-extensions", "ext")  # fmt: skip
    checkpoint = members(book.bundle())["checkpoint"]
    (tmp_path / "checkpoint").write_bytes(checkpoint)
    openssl(tmp_path, "ts", "-query", "-data", "checkpoint", "-sha256", "-cert", "-out", "q.tsq")
    openssl(tmp_path, "ts", "-reply", "-queryfile", "q.tsq", "-config", "tsa.cnf", "-section", "tsa1", "-out", "r.tsr")
    openssl(
        tmp_path, "ts", "-verify", "-data", "checkpoint", "-in", "r.tsr", "-CAfile", "ca.pem", "-untrusted", "tsa.pem"
    )
    token = rfc3161_client.decode_timestamp_response((tmp_path / "r.tsr").read_bytes())
    root = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    verifier = rfc3161_client.VerifierBuilder().add_root_certificate(root).build()
    assert verifier.verify(token, hashlib.sha256(checkpoint).digest())
    with pytest.raises(rfc3161_client.VerificationError):
        verifier.verify(token, hashlib.sha256(checkpoint + b" ").digest())
