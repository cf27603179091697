"""The console's port for evidence: bundles (proof/preparing.py says how they are prepared and let go), challenges, reports.

Rules of this file: nothing leaves that was not shown line by line first; what takes long runs in processes of their own.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from caveat.errors import CaveatError, Refused
from caveat.evidence.profiles import PROFILES
from caveat.gateway.desk.verbs import Verbs
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.files import write_whole
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.house.house import House
from caveat.gateway.index.ask import Lists
from caveat.gateway.index.follow import Index
from caveat.gateway.proof import challenges, verdicts
from caveat.gateway.proof.preparing import Bundles, check_order
from caveat.gateway.proof.trusting import trust_text
from caveat.register.exports import read_export

KEPT_BESIDE = ("trust", "report.html", "report")


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
        self._bundles = Bundles(home)

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
        return [{**one, "verified": self._verified(one["id"])} for one in self._bundles.listed()]

    async def prepare(self, receiver: str, profile: str) -> str:
        """Make a receiver's next bundle, to be looked at, in a process of its own; its id here."""
        check_order(receiver, profile)
        words = ("evidence", "prepare", receiver, "--profile", profile, "--home", str(self._home.path))
        return str((await self._verbs.ask(*words, seconds=3600.0))["id"])

    def view(self, id_: str, most: int) -> tuple[Sequence[str], int]:
        """The first lines of the release view, and how many there are."""
        return self._bundles.view(id_, most)

    async def release(self, id_: str) -> None:
        """Put the bundle's number on record, then let it be fetched.  Raises NotVerified where its place is gone."""
        await self._bundles.release(self._house, id_)

    def bundle(self, id_: str) -> Path:
        """The file of a bundle that was let go.  Raises Refused for one that was not."""
        return self._bundles.released(id_)

    def drop(self, id_: str) -> None:
        """Throw a prepared bundle away."""
        self._bundles.drop(id_, KEPT_BESIDE)

    def challenges(self) -> Sequence[dict[str, Any]]:
        """Challenges on record with their answers, newest first."""
        lines = self._lists.controls((challenges.CHALLENGED, challenges.ANSWERED), most=200)
        return challenges.listed(lines, self._documents, self._named(), self._house.now_ms())

    def verdicts(self) -> Sequence[dict[str, Any]]:
        """Verdicts on record that were made elsewhere, newest first."""
        lines = self._lists.controls((verdicts.JUDGED,), most=200)
        return verdicts.judged(lines, self._documents, self._named(), self._house.view.register)

    async def judged(self, note: bytes) -> None:
        """Put a verdict that came in on record.  Raises NotVerified."""
        await verdicts.put_verdict(self._house, note)

    def _named(self) -> dict[str, str]:
        """Bundles that left, by the digest of their manifest."""
        return {one["export"].manifest: f"{one['receiver']}, {one['export'].number}" for one in self.past()}

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
        path = self._bundles.beside(self._bundles.known(id_), "report.html")
        if self._runs(id_) or not path.exists():
            raise Refused("this bundle was not verified here yet", code="not_found", status=404)
        return path

    async def _verify(self, id_: str, language: str) -> None:
        trust, page = self._bundles.beside(id_, "trust"), self._bundles.beside(id_, "report.html")
        await asyncio.to_thread(write_whole, trust, self.trust().encode())
        words = (
            "verify",
            str(self._bundles.zip(id_)),
            "--trust",
            str(trust),
            "--report",
            str(page),
            "--language",
            language,
        )
        try:
            told = await self._verbs.ask(*words, seconds=3600.0)
            failed = [step["number"] for step in told["steps"] if step["outcome"] == "failed"]
            kept: dict[str, Any] = {"state": "verified" if told["verified"] else "not", "failed": failed}
        except CaveatError:
            kept = {"state": "broken"}
        kept["at_ms"] = self._house.now_ms()
        await asyncio.to_thread(write_whole, self._bundles.beside(id_, "report"), msgspec.json.encode(kept))

    def _verified(self, id_: str) -> dict[str, Any]:
        """What the last verification found; `state` is never, runs, verified, not or broken (it came to no end)."""
        if self._runs(id_):
            return {"state": "runs"}
        try:
            told: dict[str, Any] = msgspec.json.decode(self._bundles.beside(id_, "report").read_bytes())
        except (OSError, msgspec.DecodeError):
            return {"state": "never"}
        return told

    def _runs(self, id_: str) -> bool:
        return id_ in self._verifying and not self._verifying[id_].done()

    def trust(self) -> str:
        """The trust file for verifiers."""
        keys, _ = house_keys(self._home, self._house.settings.gateway.origin)
        return trust_text(keys.verify_keys, self._house.view.register)
