"""A witness cosigns what continues what it saw, and nothing else."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from caveat.errors import BadInput, NotVerified
from caveat.keys import KeyKind, SigningKey, VerifyKey, new_signing_key, read_verify_key
from caveat.ledger.checkpoint import LogKeys, sign_checkpoint
from caveat.ledger.cosigned import keep, newest_of, size_of, witnessed
from caveat.ledger.tiles import Edge, TreeReader
from caveat.ledger.tree import EMPTY_ROOT
from caveat.ledger.witness import (
    Declined,
    Request,
    Seen,
    consider,
    cosign,
    origin_of,
    read_request,
    with_cosignatures,
    write_request,
)
from caveat.note import TreeHead, open_note, parse_note, sign_note

ORIGIN = "log.example.test/w"
KEYS = LogKeys(new_signing_key(ORIGIN), new_signing_key(ORIGIN, KeyKind.COSIGN_MLDSA))
OFFICE = SigningKey("office.test", b"o" * 32, KeyKind.COSIGN)
AT_S = 1_795_351_642


class Tree:
    """A log of numbered leaves, with its head at every size; `twist` makes another history from there on."""

    def __init__(self, size: int, twist: int = -1) -> None:
        self.files: dict[str, bytes] = {}
        edge = Edge()
        for i in range(size):
            leaf = b"leaf %d" % i if i < twist or twist < 0 else b"other %d" % i
            self.files.update(edge.grow([leaf]))
        self.size = size

    def head(self, size: int) -> TreeHead:
        root = TreeReader(self.files.get, self.size).hash_of(0, size) if size else EMPTY_ROOT
        return TreeHead(ORIGIN, size, root)

    def checkpoint(self, size: int) -> bytes:
        return sign_checkpoint(self.head(size), KEYS, AT_S)

    def request(self, old: int, size: int) -> Request:
        proof = TreeReader(self.files.get, size).consistency(old) if 0 < old < size else []
        return Request(old, tuple(proof), self.checkpoint(size))

    def seen(self, size: int) -> Seen:
        return Seen(size, self.head(size).root)


TREE = Tree(20)
FORK = Tree(20, 7)


def status(request: Request, seen: Seen, keys: tuple[object, ...] = KEYS.verify_keys) -> int:
    try:
        consider(read_request(write_request(request)), seen, keys)  # type: ignore[arg-type]
    except Declined as declined:
        return declined.status
    return 200


CASES: dict[str, tuple[Request, Seen, int]] = {
    "the first": (TREE.request(0, 5), Seen(), 200),
    "the next": (TREE.request(5, 20), TREE.seen(5), 200),
    "the same again": (TREE.request(5, 5), TREE.seen(5), 200),
    "the empty tree": (TREE.request(0, 0), Seen(), 200),
    "from another size": (TREE.request(0, 20), TREE.seen(5), 409),
    "old larger than new": (Request(9, (), TREE.checkpoint(5)), TREE.seen(9), 400),
    "a fork": (FORK.request(9, 20), TREE.seen(9), 422),
    "a fork at one size": (Request(9, (), FORK.checkpoint(9)), TREE.seen(9), 422),
    "a proof that is cut": (Request(5, TREE.request(5, 20).proof[:-1], TREE.checkpoint(20)), TREE.seen(5), 422),
    "a proof from nothing": (Request(0, (b"x" * 32,), TREE.checkpoint(5)), Seen(), 422),
    "a restored backup": (Request(20, (), TREE.checkpoint(9)), TREE.seen(20), 400),
    "a restored backup that asks from there": (TREE.request(5, 9), TREE.seen(20), 409),
}


@pytest.mark.parametrize(("request_", "seen", "wanted"), CASES.values(), ids=CASES.keys())
def test_what_continues_is_cosigned(request_: Request, seen: Seen, wanted: int) -> None:
    assert status(request_, seen) == wanted


def test_whose_log_it_is() -> None:
    assert origin_of(TREE.request(0, 5)) == ORIGIN
    assert status(TREE.request(0, 5), Seen(), ()) == 404
    stranger = (new_signing_key(ORIGIN).verify_key,)
    assert status(TREE.request(0, 5), Seen(), stranger) == 403
    spoilt = TREE.checkpoint(5).replace(b"\n5\n", b"\n6\n", 1)
    assert status(Request(0, (), spoilt), Seen()) == 403
    wrong_root = sign_note(TreeHead(ORIGIN, 0, b"r" * 32).text, KEYS.signing, AT_S)
    assert status(Request(0, (), wrong_root), Seen()) == 422


@pytest.mark.parametrize(
    "body",
    [b"", b"old 1\n", b"old x\n\n", b"old 01\n\nx", b"new 1\n\nx", b"old 1\n!\n\nx", b"old 1\nAAAA\n\nx", b"\xff\n\n"],
)
def test_what_is_no_request(body: bytes) -> None:
    with pytest.raises(Declined) as declined:
        origin_of(read_request(body))
    assert declined.value.status == 400


def test_too_long_a_proof_is_refused() -> None:
    with pytest.raises(Declined):
        read_request(write_request(Request(1, (b"x" * 32,) * 64, TREE.checkpoint(5))))


def test_a_cosignature_stands_on_the_checkpoint() -> None:
    _, text = consider(TREE.request(0, 5), Seen(), KEYS.verify_keys)
    lines = cosign(text, [OFFICE], AT_S)
    note = with_cosignatures(TREE.checkpoint(5), lines, [OFFICE.verify_key])
    opened = open_note(note, [*KEYS.verify_keys, OFFICE.verify_key])
    assert len(opened.by) == 3
    assert with_cosignatures(note, lines, [OFFICE.verify_key]) == note
    with pytest.raises(NotVerified):
        with_cosignatures(TREE.checkpoint(9), lines, [OFFICE.verify_key])
    with pytest.raises(BadInput):
        cosign(text, [OFFICE], 0)


def test_the_order_of_the_answers_of_another_witness() -> None:
    """torchwood's litewitness: its requests, with what it answered in 2025; where the specification moved since (400 for a
    signature that is no base64, 404 for a log that is not known, 422 for another root of one size) or we are stricter (400 for base64 that is not canonical), ours
    is the other answer."""
    path = Path(__file__).parents[1] / "conformance" / "witness" / "add-checkpoint.json"
    moved = {403: {400, 403, 404}, 409: {409, 422}}
    cases = json.loads(path.read_text())
    public = bytes.fromhex(cases["litewitness.txt.setup"][0].rpartition("=")[2])
    origin = f"sigsum.org/v1/tree/{hashlib.sha256(public).hexdigest()}"
    key = VerifyKey(origin, public)
    seen = Seen()
    for case in cases["litewitness.txt"]:
        try:
            request = read_request(case["body"].encode())
            head, _ = consider(request, seen, (key,) if origin_of(request) == origin else ())
            got, seen = 200, Seen(head.size, head.root)
        except Declined as declined:
            got = declined.status
        assert got in moved.get(case["status"], {case["status"]}), case["body"]
    (golang,) = cases["sumdb.txt"]
    request = read_request(golang["body"].encode())
    signer = read_verify_key(cases["sumdb.txt.setup"][1].rpartition(" ")[2])
    assert consider(request, Seen(), [signer])[0].size == 35_225_469


# --- kept beside the log ---


def cosigned(size: int, key: SigningKey) -> bytes:
    checkpoint = TREE.checkpoint(size)
    return with_cosignatures(checkpoint, cosign(parse_note(checkpoint).text, [key], AT_S), [key.verify_key])


def test_what_is_handed_out_is_what_most_have_cosigned(tmp_path: Path) -> None:
    lab = SigningKey("lab.test", b"l" * 32, KeyKind.COSIGN)
    keys = [OFFICE.verify_key, lab.verify_key]
    newest = TREE.checkpoint(20)
    assert witnessed(tmp_path, keys, newest) == newest
    keep(tmp_path, OFFICE.verify_key, cosigned(9, OFFICE))
    assert size_of(witnessed(tmp_path, keys, newest)) == 9
    keep(tmp_path, lab.verify_key, cosigned(5, lab))
    assert size_of(witnessed(tmp_path, keys, newest)) == 9
    keep(tmp_path, lab.verify_key, cosigned(9, lab))
    both = open_note(witnessed(tmp_path, keys, newest), [*KEYS.verify_keys, *keys])
    assert len(both.by) >= 4
    keep(tmp_path, lab.verify_key, cosigned(5, lab))
    assert size_of(newest_of(tmp_path, lab.verify_key)) == 9


def test_a_changed_cosignature_is_passed_over(tmp_path: Path) -> None:
    keep(tmp_path, OFFICE.verify_key, cosigned(9, OFFICE))
    (file,) = (tmp_path / "cosigned").iterdir()
    file.write_bytes(file.read_bytes().replace(b"\n9\n", b"\n8\n", 1))
    newest = TREE.checkpoint(20)
    assert witnessed(tmp_path, [OFFICE.verify_key], newest) == newest


def test_several_witnesses_are_kept_at_once(tmp_path: Path) -> None:
    """Their cosignatures come back in the same moment."""
    keys = [SigningKey(f"w{n}.test", bytes([n]) * 32, KeyKind.COSIGN) for n in range(8)]
    notes = [cosigned(9, key) for key in keys]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            list(pool.map(lambda pair: keep(tmp_path, pair[0].verify_key, pair[1]), zip(keys, notes, strict=True)))
    assert (
        len(open_note(witnessed(tmp_path, [k.verify_key for k in keys], notes[0]), [k.verify_key for k in keys]).by)
        == 8
    )
    assert all(path.is_file() for path in (tmp_path / "cosigned").iterdir())
