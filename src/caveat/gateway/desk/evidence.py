"""The console's port for evidence: a bundle is prepared beside the home's pages, looked at, and only then on record and let go.

Rules of this file: nothing leaves that was not shown line by line first; the number is on record before the bundle can be
fetched; what was prepared and then overtaken by another export is refused, for its place in the sequence is gone.
"""

import asyncio
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from caveat.errors import BadInput, CaveatError, Refused
from caveat.evidence.bundle import open_bundle
from caveat.evidence.export import export
from caveat.evidence.profiles import PROFILES
from caveat.evidence.view import view_text
from caveat.gateway.desk.verbs import Verbs
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.files import write_whole
from caveat.gateway.house.founding import house_keys
from caveat.gateway.house.house import House
from caveat.gateway.index.ask import Lists
from caveat.gateway.index.follow import Index
from caveat.gateway.proof import challenges
from caveat.gateway.proof.answering import share_key_of
from caveat.gateway.proof.exporting import exports_of, next_order, on_record
from caveat.gateway.proof.trusting import source_of, trust_text
from caveat.register.exports import read_export, write_export

ID = re.compile(r"[0-9a-f]{16}")
KEPT_BESIDE = ("trust", "report.html", "report", "json")
RECEIVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")


class Evidence:
    """Over one house."""

    def __init__(self, home: Home, house: House, index: Index, lists: Lists, verbs: Verbs) -> None:
        self._home = home
        self._verbs = verbs
        self._verifying: dict[str, asyncio.Task[None]] = {}
        self._house = house
        self._index = index
        self._lists = lists
        self._documents = Documents(home.control)
        self._out = home.console / "bundles"

    def past(self) -> Sequence[dict[str, Any]]:
        """Every numbered bundle that left, newest first, by the ledger's word."""
        rows = []
        for line in self._lists.controls(("evidence.exported",), most=200):
            if line.doc:
                receiver, one = read_export(self._documents.read(line.doc))
                rows.append({"receiver": receiver, "export": one, "at": line.at, "at_ms": line.at_ms})
        return rows

    def profiles(self) -> Sequence[str]:
        """Names of the redaction profiles."""
        return tuple(PROFILES)

    def prepared(self) -> Sequence[dict[str, Any]]:
        """Bundles that lie here: waiting to be let go, or let go."""
        kept = sorted(self._out.glob("*.json")) if self._out.exists() else []
        return [
            {
                **msgspec.json.decode(path.read_bytes()),
                "id": path.stem,
                "released": self._zip(path.stem).exists(),
                "verified": self._verified(path.stem),
            }
            for path in kept
        ]

    async def prepare(self, receiver: str, profile: str) -> str:
        """Make a receiver's next bundle, to be looked at; its id here."""
        if not RECEIVER.fullmatch(receiver):
            raise BadInput("a receiver is a word: letters, digits, dots, dashes, underscores or at signs")
        if profile not in self.profiles():
            raise BadInput(f"expected a profile of {', '.join(self.profiles())}")
        return await asyncio.to_thread(self._prepare, receiver, profile)

    def _prepare(self, receiver: str, profile: str) -> str:
        keys, _ = house_keys(self._home, self._house.settings.gateway.origin)
        source = source_of(self._home, self._index.reader)
        source = msgspec.structs.replace(source, controls=None)
        order = next_order(exports_of(self._index.reader, self._documents, receiver), receiver, profile)
        order = msgspec.structs.replace(order, share_key=share_key_of(self._home), check=True)
        id_ = secrets.token_hex(8)
        self._out.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._part(id_).open("xb") as file:
            manifest = export(source, order, keys.plain, file)
        about = {
            "receiver": receiver,
            "profile": profile,
            "number": manifest.number,
            "start": manifest.start,
            "to": manifest.to,
            "at_ms": self._house.now_ms(),
            "checkpoint": source.checkpoint.decode(),
        }
        (self._out / f"{id_}.json").write_bytes(msgspec.json.encode(about))
        return id_

    def view(self, id_: str, most: int) -> tuple[Sequence[str], int]:
        """The first lines of the release view, and how many there are."""
        path = self._zip(id_) if self._zip(self._known(id_)).exists() else self._part(id_)
        lines, n = [], 0
        with path.open("rb") as file:
            for line in view_text(file, id_):
                n += 1
                if n <= most:
                    lines.append(line)
        return lines, n

    async def release(self, id_: str) -> None:
        """Put the bundle's number on record, then let it be fetched.  Raises NotVerified where its place is gone."""
        about = msgspec.json.decode((self._out / f"{self._known(id_)}.json").read_bytes())
        if self._zip(id_).exists():
            return
        with self._part(id_).open("rb") as file:
            manifest = open_bundle(file).manifest
        document = write_export(about["receiver"], on_record(manifest, about["checkpoint"].encode()))
        await self._house.amend("evidence.exported", about["receiver"], document)
        self._part(id_).rename(self._zip(id_))

    def bundle(self, id_: str) -> Path:
        """The file of a bundle that was let go.  Raises Refused for one that was not."""
        path = self._zip(self._known(id_))
        if not path.exists():
            raise Refused(
                "this bundle was not let go yet", code="role_missing", hint="read what leaves, then release it"
            )
        return path

    def drop(self, id_: str) -> None:
        """Throw a prepared bundle away."""
        self._known(id_)
        for path in (self._part(id_), self._zip(id_), *(self._beside(id_, what) for what in KEPT_BESIDE)):
            path.unlink(missing_ok=True)

    def challenges(self) -> Sequence[dict[str, Any]]:
        """Challenges on record with their answers, newest first."""
        lines = self._lists.controls((challenges.CHALLENGED, challenges.ANSWERED), most=200)
        bundles = {one["export"].manifest: f"{one['receiver']}, {one['export'].number}" for one in self.past()}
        return challenges.listed(lines, self._documents, bundles, self._house.now_ms())

    async def challenged(self, note: bytes) -> None:
        """Put a challenge that came in on record.  Raises NotVerified."""
        await challenges.put_challenge(self._house, note)

    def verify(self, id_: str, language: str = "en") -> None:
        """Begin to verify a bundle that was let go, unless that runs."""
        self.bundle(id_)
        if not self._runs(id_):
            self._verifying[id_] = asyncio.get_running_loop().create_task(self._verify(id_, language))

    def report(self, id_: str) -> Path:
        """The report of its last verification, a page of its own.  Raises Refused where there is none."""
        path = self._beside(self._known(id_), "report.html")
        if self._runs(id_) or not path.exists():
            raise Refused("this bundle was not verified here yet", code="not_found", status=404)
        return path

    async def _verify(self, id_: str, language: str) -> None:
        trust, page = self._beside(id_, "trust"), self._beside(id_, "report.html")
        await asyncio.to_thread(write_whole, trust, self.trust().encode())
        words = ("verify", str(self._zip(id_)), "--trust", str(trust), "--report", str(page), "--language", language)
        try:
            told = await self._verbs.ask(*words, seconds=3600.0)
            failed = [step["number"] for step in told["steps"] if step["outcome"] == "failed"]
            kept: dict[str, Any] = {"state": "verified" if told["verified"] else "not", "failed": failed}
        except CaveatError:
            kept = {"state": "broken"}
        kept["at_ms"] = self._house.now_ms()
        await asyncio.to_thread(write_whole, self._beside(id_, "report"), msgspec.json.encode(kept))

    def _verified(self, id_: str) -> dict[str, Any]:
        """What the last verification found; `state` is never, runs, verified, not or broken (it came to no end)."""
        if self._runs(id_):
            return {"state": "runs"}
        try:
            told: dict[str, Any] = msgspec.json.decode(self._beside(id_, "report").read_bytes())
        except (OSError, msgspec.DecodeError):
            return {"state": "never"}
        return told

    def _runs(self, id_: str) -> bool:
        return id_ in self._verifying and not self._verifying[id_].done()

    def trust(self) -> str:
        """The trust file for verifiers."""
        keys, _ = house_keys(self._home, self._house.settings.gateway.origin)
        return trust_text(keys.verify_keys, self._house.view.register)

    def _known(self, id_: str) -> str:
        if not ID.fullmatch(id_) or not (self._out / f"{id_}.json").exists():
            raise Refused("there is no such bundle", code="not_found", status=404)
        return id_

    def _part(self, id_: str) -> Path:
        return self._out / f"{id_}.part"

    def _beside(self, id_: str, what: str) -> Path:
        return self._out / f"{id_}.{what}"

    def _zip(self, id_: str) -> Path:
        return self._out / f"{id_}.zip"
