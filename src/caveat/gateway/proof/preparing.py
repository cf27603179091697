"""A receiver's next bundle, prepared in the home: made, looked at, and only then on record and let go.

    console/bundles/ID.json   what it is        ID.part   the bundle, not let go        ID.zip   the same, once it was

Rules of this file: making one takes long, so whoever serves calls lets a process of its own do it (`caveat evidence
prepare`); the number is on record before the bundle can be fetched; what was prepared and then overtaken by another export
is refused, for its place in the sequence is gone.
"""

import re
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from caveat.errors import BadInput, Refused
from caveat.evidence.bundle import open_bundle
from caveat.evidence.export import export
from caveat.evidence.profiles import profile as profile_of
from caveat.evidence.view import view_text
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.files import write_whole
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.house.house import House
from caveat.gateway.proof.answering import share_key_of
from caveat.gateway.proof.exporting import exports_of, next_order, on_record
from caveat.gateway.proof.trusting import source_of
from caveat.ledger.reader import LedgerReader
from caveat.register.exports import write_export

ID = re.compile(r"[0-9a-f]{16}")
RECEIVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")


class Prepared(Struct, frozen=True):
    """A bundle that was prepared; `start`, `to` are its records, `checkpoint` the one that it stands on."""

    receiver: str
    profile: str
    number: int
    start: int
    to: int
    at_ms: int
    checkpoint: str


def check_order(receiver: str, profile: str) -> None:
    """Raises BadInput for a receiver or a profile that is none."""
    if not RECEIVER.fullmatch(receiver):
        raise BadInput("a receiver is a word: letters, digits, dots, dashes, underscores or at signs")
    profile_of(profile)


class Bundles:
    """Those of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._out = home.console / "bundles"

    def prepare(self, receiver: str, profile: str) -> str:
        """Make a receiver's next bundle; its id here.  Raises BadInput, NotVerified."""
        check_order(receiver, profile)
        home, reader = self._home, LedgerReader(self._home.ledger, self._home.vault)
        keys, _ = house_keys(home, home.settings().gateway.origin)
        source = msgspec.structs.replace(source_of(home, reader), controls=None)
        order = next_order(exports_of(reader, Documents(home.control), receiver), receiver, profile)
        order = msgspec.structs.replace(order, share_key=share_key_of(home), check=True)
        id_ = secrets.token_hex(8)
        self._out.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.part(id_).open("xb") as file:
            made = export(source, order, keys.plain, file)
        now_ms = time.time_ns() // 1_000_000
        about = Prepared(receiver, profile, made.number or 0, made.start, made.to, now_ms, source.checkpoint.decode())
        write_whole(self.beside(id_, "json"), msgspec.json.encode(about))
        return id_

    def all(self) -> Sequence[tuple[str, Prepared]]:
        """Ids and what they are, in the order of their ids."""
        kept = sorted(self._out.glob("*.json")) if self._out.exists() else []
        return [(path.stem, msgspec.json.decode(path.read_bytes(), type=Prepared)) for path in kept]

    def listed(self) -> list[dict[str, Any]]:
        """The same with whether each was let go."""
        return [
            {"id": id_, "released": self.zip(id_).exists(), **msgspec.to_builtins(about)} for id_, about in self.all()
        ]

    def view(self, id_: str, most: int) -> tuple[list[str], int]:
        """The first lines of the release view, and how many there are."""
        lines, n = [], 0
        with self.file(id_).open("rb") as file:
            for line in view_text(file, id_):
                n += 1
                if n <= most:
                    lines.append(line)
        return lines, n

    async def release(self, house: House, id_: str) -> None:
        """Put the bundle's number on record, then let it be fetched.  Raises NotVerified where its place is gone."""
        about = msgspec.json.decode(self.beside(self.known(id_), "json").read_bytes(), type=Prepared)
        if self.zip(id_).exists():
            return
        with self.part(id_).open("rb") as file:
            manifest = open_bundle(file).manifest
        document = write_export(about.receiver, on_record(manifest, about.checkpoint.encode()))
        await house.amend("evidence.exported", about.receiver, document)
        self.part(id_).rename(self.zip(id_))

    def released(self, id_: str) -> Path:
        """The file of a bundle that was let go.  Raises Refused for one that was not."""
        path = self.zip(self.known(id_))
        if not path.exists():
            raise Refused(
                "this bundle was not let go yet", code="role_missing", hint="read what leaves, then release it"
            )
        return path

    def file(self, id_: str) -> Path:
        """Its file, let go or not."""
        return self.zip(id_) if self.zip(self.known(id_)).exists() else self.part(id_)

    def drop(self, id_: str, kept_beside: Sequence[str] = ()) -> None:
        """Throw it away, with what lies beside it."""
        self.known(id_)
        for path in (self.part(id_), self.zip(id_), *(self.beside(id_, what) for what in (*kept_beside, "json"))):
            path.unlink(missing_ok=True)

    def known(self, id_: str) -> str:
        """The id, where there is such a bundle.  Raises Refused `not_found`."""
        if not ID.fullmatch(id_) or not self.beside(id_, "json").exists():
            raise Refused("there is no such bundle", code="not_found", status=404)
        return id_

    def part(self, id_: str) -> Path:
        """Where it lies before it is let go."""
        return self.beside(id_, "part")

    def zip(self, id_: str) -> Path:
        """Where it lies afterwards."""
        return self.beside(id_, "zip")

    def beside(self, id_: str, what: str) -> Path:
        """A file of it."""
        return self._out / f"{id_}.{what}"
