"""Talks between two parties, from one party's side: its own directory, what it knows of the other, and the next step.

Rules of this file: a step is taken only on a fresh, verified look at the other party's repository; what is published is
our own files and a new list, the list last; signed terms are opened with both parties' keys and thresholds before anybody
signs or lists them.
"""

import os
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from caveat.canon import digest, sha256
from caveat.errors import BadInput, NotVerified, Refused
from caveat.gateway.home.files import write_once
from caveat.gateway.parties.directory import Folder, PartyDir, hand, steps_in
from caveat.gateway.parties.pending import pending_bytes
from caveat.gateway.parties.signing import signed_by_us
from caveat.keys import SigningKey
from caveat.talks.draft import read_draft
from caveat.talks.publishing import DAY_MS, LIST_DAYS, finish, make_targets, signers
from caveat.talks.state import OTHER, Talk, check_move, derive, may, onto
from caveat.talks.steps import Attached, Role, Step, Taken, Verb, attached_path, open_step, sign_step, step_path
from caveat.terms.document import Draft, SignedTerms, Terms
from caveat.terms.ending import sign_ending
from caveat.terms.listing import Listing, Repository, Target, terms_path
from caveat.terms.repository import look
from caveat.terms.sign import claimed_terms, open_terms, payload_of

NO_EXPIRY = 0
"""A time at which nothing has expired: to read what was said, whoever has stopped renewing since."""


class Offered(Struct, frozen=True):
    """What goes with a step, as the person gave it."""

    note: str = ""
    until_ms: int = 0
    attached: Mapping[str, bytes] = {}
    patch: str = ""
    from_step: str = ""


class Session:
    """One party at the table, alone with its directory as long as it lives.  Raises BadInput, NotVerified, Refused,
    Unavailable: a sentence and what to do."""

    def __init__(self, party: PartyDir, theirs: Path | None = None, keys: Sequence[Path] = ()) -> None:
        self.party = party
        weakref.finalize(self, os.close, party.lock())
        self.now_ms = time.time_ns() // 1_000_000
        self.listing = party.folder.listing()
        self.own = look(self.listing.roots[0], self.listing, NO_EXPIRY)
        self.role: Role = "vendor" if self.own.role == "vendor" else "operator"
        self._keys = keys
        self.pending: Path | None = None
        self.waits = False
        if theirs is not None:
            party.take(Folder(theirs), self.now_ms)
        self.known = party.known(OTHER[self.role])
        self.other = self._other(NO_EXPIRY)

    def _other(self, at_ms: int) -> Repository | None:
        if self.known is None or self.known.listing is None:
            return None
        return look(self.known.root, self.known.listing, at_ms)

    def steps(self) -> tuple[Taken, ...]:
        """Both parties' steps that are known here."""
        theirs = steps_in(self.party.mirror(OTHER[self.role]), self.other) if self.other else ()
        return (*steps_in(self.party.folder, self.own), *theirs)

    def talks(self) -> tuple[Talk, ...]:
        """Every talk, by the terms' id."""
        steps = self.steps()
        return tuple(derive(name, steps, self.now_ms) for name in sorted({one.step.talk for one in steps}))

    def talk(self, name: str = "") -> Talk:
        """One of them; the only one where no name is given."""
        talks = self.talks()
        found = [talk for talk in talks if not name or talk.talk == name]
        if len(found) != 1:
            names = ", ".join(f"`{talk.talk}`" for talk in talks) or "none yet"
            raise BadInput(f"expected one of the talks there are ({names})", hint="name the one that is meant")
        return found[0]

    def propose(self, verb: Verb, draft: Draft, offered: Offered) -> Taken:
        """Put a text on the table: request, offer or counter."""
        talk = self._ready(derive(draft.id, self.steps(), self.now_ms), verb, offered)
        step = self._step(talk, verb, offered, _named(draft), draft.yaml.decode())
        return self._take(talk, step, offered)

    def accept(self, name: str, offered: Offered) -> Taken:
        """Accept what is on the table; nothing is signed yet but the step."""
        talk = self._ready(self.talk(name), "accept", offered)
        return self._take(talk, self._step(talk, "accept", offered, _named(self.on_table(talk))), offered)

    def terminate(self, name: str, offered: Offered) -> Taken:
        """End the talks, or, where they were finalized, the terms: they are listed no more, and the step bears our signed
        word that this pair ends."""
        talk = self._ready(self.talk(name), "terminate", offered)
        assert talk.proposed is not None  # there is no state to terminate before a proposal
        on_table = talk.proposed.step
        files: dict[str, bytes | None] = {}
        ending = ""
        if talk.state == "FINALIZED":
            path = terms_path(on_table.terms)
            pair = claimed_terms(SignedTerms(self.party.folder.read(path, self.own.targets[path])))
            ending = sign_ending(pair, self._first_key(), offered.note).decode()
            files[path] = None
        step = self._step(talk, "terminate", offered, (on_table.terms, on_table.digest), ending)
        return self._take(talk, step, offered, files)

    def agree(self, name: str, offered: Offered, elsewhere: bytes = b"") -> Taken:
        """Sign the text on the table; the operator, who signs second, lists the signed terms at once.  `elsewhere` are these
        terms with signatures that other holders of our keys have made."""
        talk = self._ready(self.talk(name), "agree", offered)
        draft = self.on_table(talk)
        earlier = elsewhere or (talk.steps[-1].step.document.encode() if self.role == "operator" else b"")
        signed = signed_by_us(draft, self.terms_keys(), self.own, SignedTerms(earlier) if earlier else None)
        files: dict[str, bytes | None] = {}
        if self.role == "operator":
            self.opened(signed.raw)
            files[terms_path(draft.name)] = signed.raw
        step = self._step(talk, "agree", offered, _named(draft), signed.raw.decode())
        return self._take(talk, step, offered, files)

    def finalize(self, name: str, offered: Offered) -> Taken:
        """List the terms that both have signed; the operator must list them already."""
        talk = self._ready(self.talk(name), "finalize", offered)
        agreed = talk.steps[-1].step
        raw, path = agreed.document.encode(), terms_path(agreed.terms)
        self.opened(raw)
        listed = self.other.targets.get(path) if self.other else None
        if listed is None or listed.sha256 != sha256(raw).hex():
            raise NotVerified(
                f"the operator does not list the terms `{agreed.terms}` that it signed",
                step="talks",
                hint="the operator runs `caveat terms agree` again and hands its repository over",
            )
        step = self._step(talk, "finalize", offered, (agreed.terms, agreed.digest))
        return self._take(talk, step, offered, {path: raw})

    def adoption(self, name: str) -> bytes:
        """What puts the finalized terms in force in a home: the signed terms, and what both repositories list."""
        talk = self.talk(name)
        if talk.finalized is None:
            raise Refused(
                f"talks about `{talk.talk}` are {talk.state}, and nothing of them is finalized",
                code="state",
                hint=may(talk, OTHER[self.role] if not talk.may(self.role) else self.role),
            )
        path = terms_path(talk.finalized[0])
        if path not in self.own.targets:
            raise NotVerified(
                f"our own repository does not list `{path}`", step="talks", hint="`caveat terms agree` lists it"
            )
        raw = self.party.folder.read(path, self.own.targets[path])
        listings: dict[str, Listing] = {self.own.party: self.listing}
        if self.other is not None and self.known is not None and self.known.listing is not None:
            listings[self.other.party] = self.known.listing
        return msgspec.json.encode({"caveat_adoption": 1, "terms": raw.decode(), "listings": listings})

    def finalized(self, name: str) -> bytes:
        """The signed terms that were finalized last and not terminated since.  Raises Refused."""
        talk = self.talk(name)
        if talk.finalized is None or terms_path(talk.finalized[0]) not in self.own.targets:
            why = f"talks about `{talk.talk}` are {talk.state}, and nothing of them is finalized and listed here"
            raise Refused(why, code="state", hint=may(talk, self.role))
        path = terms_path(talk.finalized[0])
        return self.party.folder.read(path, self.own.targets[path])

    def ending(self, name: str) -> bytes:
        """The signed word that these terms end, out of the newest step that terminated them."""
        talk = self.talk(name)
        for taken in reversed(talk.steps):
            if taken.step.verb == "terminate" and taken.step.document:
                return taken.step.document.encode()
        raise Refused(
            f"talks about `{talk.talk}` are {talk.state}, and no party has ended the terms",
            code="state",
            hint=f"to stop by your own word, leave out --party: `caveat terms end {talk.talk}`",
        )

    def on_table(self, talk: Talk) -> Draft:
        """The proposed text, compiled here and found to have the digest that the step gives."""
        assert talk.proposed is not None
        step = talk.proposed.step
        draft = read_draft(step.document.encode())
        if _named(draft) != (step.terms, step.digest):
            raise NotVerified(
                f"the proposed text is not `{step.terms}` with the digest that its step gives",
                step="talks",
                hint=f"the {step.by} proposes it again with this version of Caveat",
            )
        return draft

    def opened(self, raw: bytes) -> Terms:
        """Signed terms, opened with both parties' keys."""
        if self.other is None:
            raise BadInput(f"nothing of the {OTHER[self.role]} is known here", hint="`--theirs DIRECTORY` brings it")
        both = {self.own.role: self.own, self.other.role: self.other}
        trust = {role: one.keys for role, one in both.items()}
        return open_terms(SignedTerms(raw), trust, {role: one.threshold for role, one in both.items()})

    def terms_keys(self) -> tuple[SigningKey, ...]:
        """Our terms keys that are at hand."""
        wanted = {key.text for key in self.own.keys}
        return tuple(key for key in self.party.signing_keys(self._keys) if key.verify_key.text in wanted)

    def _first_key(self) -> SigningKey:
        keys = self.terms_keys()
        if not keys:
            raise BadInput("no terms key of this party is at hand", hint="name its file with `--key`")
        return keys[0]

    def hand(self, to: Path) -> None:
        """Copy our repository to where the other party can take it."""
        hand(self.party.folder, self.own, self.listing, to)

    def _ready(self, talk: Talk, verb: Verb, offered: Offered) -> Talk:
        if self.other is not None:
            self._other(self.now_ms)  # nobody answers what may long have been taken back
        talk = onto(talk, offered.from_step) if offered.from_step else talk
        check_move(talk, verb, self.role, self.now_ms)
        return talk

    def _step(self, talk: Talk, verb: Verb, offered: Offered, about: tuple[str, str], document: str = "") -> Step:
        return Step(
            v=1,
            verb=verb,
            by=self.role,
            talk=talk.talk,
            after=talk.steps[-1].id if talk.steps else "",
            terms=about[0],
            digest=about[1],
            at_ms=self.now_ms,
            until_ms=offered.until_ms,
            note=offered.note,
            document=document,
            patch=offered.patch,
            attached=tuple(Attached(name, digest(data)) for name, data in offered.attached.items()),
        )

    def _take(self, talk: Talk, step: Step, offered: Offered, files: Mapping[str, bytes | None] | None = None) -> Taken:
        """Sign the step and publish it with what goes with it."""
        self._first_key()
        keys = self.terms_keys()
        raw = sign_step(step, keys)
        taken = open_step(raw, self.own.keys)
        derive(talk.talk, (*self.steps(), taken), self.now_ms)
        with_it = {attached_path(one): offered.attached[one.name] for one in step.attached}
        self.publish({**(files or {}), **with_it, step_path(step, len(talk.steps) + 1): raw}, keys)
        return taken

    def publish(self, files: Mapping[str, bytes | None], keys: Sequence[SigningKey], days: int = LIST_DAYS) -> None:
        """List these files beside the others, those that are None no more: the files first, then the list."""
        until_ms, root = self.now_ms + days * DAY_MS, self.listing.roots[-1]
        targets = make_targets(root, files, keys, until_ms, self.listing)
        if self.pending is not None and len(signers(targets, root)[0]) < self.own.threshold:
            write_once(self.pending, pending_bytes(self.own.party, root, targets, files), mode=0o644)
            self.waits = True
            return
        self.finish(targets, files, keys)

    def finish(self, targets: str, files: Mapping[str, bytes | None], keys: Sequence[SigningKey]) -> None:
        """Publish a list that enough keys have signed.  Raises NotVerified where it is not the next one of ours."""
        listing = finish(self.listing.roots, targets, keys)
        look(self.listing.roots[0], listing, self.now_ms, self.listing)
        for path, data in files.items():
            if data is None:
                continue
            self.party.folder.keep(path, Target(len(data), sha256(data).hex()), data)
        self.party.folder.publish(listing)
        self.listing = listing
        self.own = look(listing.roots[0], listing, self.now_ms)

    def step_file(self, taken: Taken) -> bytes:
        """The step's own file."""
        for path, target in self.own.targets.items():
            if path.startswith(f"talks/{taken.step.talk}/"):
                raw = self.party.folder.read(path, target)
                if open_step(raw, self.own.ever).id == taken.id:
                    return raw
        raise NotVerified("the step is not listed", step="talks")


def _named(draft: Draft) -> tuple[str, str]:
    return draft.name, digest(payload_of(draft))
