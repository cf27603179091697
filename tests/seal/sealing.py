"""What tests of the seal need: a folder as a vendor gives it, permits, a seal that runs in its own process."""

import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from msgspec.structs import replace
from tests.gateway.process import ended

from caveat.canon import sha256
from caveat.keys import KeyKind, SigningKey
from caveat.ledger.checkpoint import LogKeys, sign_checkpoint
from caveat.ledger.proof import prove_consistency
from caveat.ledger.tree import fold, leaf_hash
from caveat.meter.beat import Beat, claimed_beat
from caveat.meter.ticket import Ticket, read_ticket
from caveat.note import TreeHead
from caveat.seal.newest import add_checkpoint
from caveat.seal.permit import NO_RECORDS, Permit, body_digest, issue

MODEL = "weights:sha256:" + "ab" * 32
CHAT = "/v1/chat/completions"
BODY = b'{"model":"small","messages":[{"role":"user","content":"hello"}]}'


def seeded(name: str, what: str = "", kind: KeyKind = KeyKind.NOTE) -> SigningKey:
    """A key that is the same in every run."""
    return SigningKey(name, hashlib.sha256((what or name).encode()).digest(), kind)


SEAL = seeded("labs.example.test/seal-1")
PERMITS = seeded("gw1.permits")
LOG = LogKeys(seeded("log.example.test"), seeded("log.example.test", "lattice", KeyKind.COSIGN_MLDSA))


def settings_text(address: str, /, **more: str) -> str:
    """`seal.toml` before the engine at that address."""
    lines = {
        "model": f'"{MODEL}"',
        "permits": json.dumps([PERMITS.verify_key.text]),
        "log": json.dumps([key.text for key in LOG.verify_keys]),
        "address": '"127.0.0.1:0"',
        **more,
    }
    return "\n".join(f"{k} = {v}" for k, v in lines.items()) + f'\n[engine]\naddress = "{address}"\n'


def make_folder(folder: Path, text: str, key: SigningKey = SEAL) -> Path:
    """A seal's folder."""
    folder.mkdir(exist_ok=True)
    (folder / "seal.toml").write_text(text)
    (folder / "seal.key").touch(0o600)
    (folder / "seal.key").write_text(key.text + "\n")
    return folder


def permit(body: bytes = BODY, **changes: Any) -> Permit:
    """A permit that is good for a chat call, but for `changes`."""
    now = int(time.time())
    plain = Permit(
        iss=PERMITS.name, aud=SEAL.name, iat=now, exp=now + 30, jti=secrets.token_hex(16), htm="POST", htp=CHAT,
        dig=body_digest(body), mdl=MODEL, trm="office@1 sha256:00", cls=("office.work",), dut=(), max=0, chk=NO_RECORDS,
    )  # fmt: skip
    return replace(plain, **changes)


def token(body: bytes = BODY, key: SigningKey = PERMITS, **changes: Any) -> str:
    """The same, signed."""
    return issue(permit(body, **changes), key)


PAGES = "/caveat-seal/v1/"


def word(page: str, body: bytes = b"") -> dict[str, str]:
    """The header with which the gateway says something to the seal itself."""
    return {"caveat-permit": token(body, htp=PAGES + page, mdl="control")}


class Leaves:
    """A log of nothing in particular, of which checkpoints are wanted."""

    def __init__(self, *leaves: bytes, keys: LogKeys = LOG) -> None:
        self.hashes = [leaf_hash(leaf) for leaf in leaves]
        self.keys = keys

    def root(self, start: int, end: int) -> bytes:
        return fold(self.hashes[start:end])

    def checkpoint(self, size: int) -> bytes:
        return sign_checkpoint(TreeHead(self.keys.origin, size, self.root(0, size)), self.keys, 1)

    def handed_in(self, old: int, size: int) -> bytes:
        proof = prove_consistency(self.root, old, size) if 0 < old < size else []
        return add_checkpoint(old, proof, self.checkpoint(size))

    def add(self, count: int) -> "Leaves":
        self.hashes += [sha256(b"leaf %d" % n) for n in range(len(self.hashes), len(self.hashes) + count)]
        return self


class RunningSeal:
    """A seal in its own process."""

    def __init__(self, address: str, process: subprocess.Popen[bytes]) -> None:
        self.address = address
        self.process = process
        self.http = httpx.Client(base_url=address, timeout=30, trust_env=False)

    def call(self, permit: str, body: bytes = BODY, path: str = CHAT, **headers: str) -> httpx.Response:
        headers = {"content-type": "application/json", **({"caveat-permit": permit} if permit else {}), **headers}
        return self.http.post(path, content=body, headers=headers)

    def report(self) -> list[tuple[Beat, tuple[Ticket, ...]]]:
        lines = self.http.get("/caveat-seal/v1/report").json()["lines"]
        return [(claimed_beat(one["note"].encode()), tuple(map(read_ticket, one["tickets"]))) for one in lines]

    def beat(self) -> list[tuple[Beat, tuple[Ticket, ...]]]:
        self.http.post(PAGES + "beat", headers=word("beat")).raise_for_status()
        return self.report()


@contextmanager
def running_seal(folder: Path) -> Iterator[RunningSeal]:
    """A seal over a folder, stopped in order at the end unless it is gone already."""
    process = subprocess.Popen(
        [sys.executable, "-m", "caveat.seal", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        told = json.loads(process.stdout.readline() or b"{}")
        assert "address" in told, told
        seal = RunningSeal(told["address"], process)
        with closing(seal.http):
            yield seal
    finally:
        process.terminate()
        with ended(process), suppress(subprocess.TimeoutExpired):
            process.wait(60)


def sse_ticket(raw: bytes) -> tuple[bytes, Ticket]:
    """A stream's bytes before its comment, and the ticket in it."""
    body, mark, rest = raw.rpartition(b"\n: caveat-seal ")
    assert mark
    return body, read_ticket(rest.decode().strip())
