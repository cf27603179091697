"""A PKCS#11 token for tests: the one that PYKCS11LIB names, else one of SoftHSM's, made for the test."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "4711"


def plug_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token with an EC key under the id 2; skips, with the reason, where this machine has none."""
    if os.environ.get("PYKCS11LIB"):
        return
    tool = shutil.which("softhsm2-util")
    if tool is None or not LIBRARY.is_file():
        pytest.skip(
            "no PKCS#11 token: set PYKCS11LIB and CAVEAT_PIN, or install softhsm2 (`script/test` does, as root)"
        )
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
    monkeypatch.setenv("PYKCS11LIB", str(LIBRARY))
    monkeypatch.setenv("CAVEAT_PIN", PIN)
    key = folder / "key.pem"
    key.write_bytes(_key())
    for words in (
        ("--init-token", "--free", "--label", "safe", "--so-pin", "0815", "--pin", PIN),
        ("--import", str(key), "--token", "safe", "--label", "root", "--id", "02", "--pin", PIN),
    ):
        subprocess.run([tool, *words], check=True, capture_output=True, timeout=60)


def _key() -> bytes:
    made = ec.generate_private_key(ec.SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
