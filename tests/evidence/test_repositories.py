"""Evidence of a house whose parties keep repositories: both verifiers find that the rule was kept, or that it was not."""

import json
from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import NOW_MS, TERMS, Book, check, trust_text
from tests.evidence.second import SCRIPT
from tests.talks.party import Party

from caveat.canon import digest
from caveat.cli.ceremony import new_root_key
from caveat.errors import NotVerified
from caveat.evidence.trust import read_trust
from caveat.facts import Caller
from caveat.register import CallerKey
from caveat.talks.publishing import DAY_MS, Charter, make_root
from caveat.terms.document import SignedTerms
from caveat.terms.listing import listing_bytes
from caveat.terms.parse import parse_terms
from caveat.terms.sign import open_terms, sign_terms

DRAFT = parse_terms(TERMS.format(version=1, effect="forbid").encode())
PATH = f"terms/{DRAFT.name}.json"


class Two:
    """Labs and the ministry, which wants two of three keys, and a log that has begun."""

    def __init__(self) -> None:
        self.labs = Party("vendor", 1, at=NOW_MS)
        self.ministry = Party("operator", 100, terms=3, sign=2, at=NOW_MS)
        self.signed = self.sign(*self.labs.terms_keys, *self.ministry.terms_keys[:2])
        self.keys = [(p.role, k.verify_key.text) for p in (self.labs, self.ministry) for k in p.terms_keys]
        self.book = Book()
        self.book.control("log.opened", "log", b'{"gateway":"gw1"}')
        clerk = CallerKey("caller", digest(b"secret"), Caller("clerk-7"))
        self.book.control("key.new", "clerk-7", msgspec.json.encode(clerk))
        for party in (self.labs, self.ministry):
            self.book.control("party.rooted", party.name, party.roots[0].encode())

    def sign(self, *keys: Any) -> bytes:
        return sign_terms(DRAFT, *keys).raw

    def see(self, party: Party, files: dict[str, bytes] | None = None) -> None:
        """On record: what the party lists now."""
        if files:
            party.list(files, at=NOW_MS)
        self.book.control("party.seen", party.name, listing_bytes(party.listing))

    def adopt(self, signed: bytes = b"") -> None:
        """As a gateway would, or as somebody who holds the log's key could."""
        trust = {p.role: [k.verify_key for k in p.terms_keys] for p in (self.labs, self.ministry)}
        self.book.use(open_terms(SignedTerms(self.signed), trust))
        self.book.control("terms.adopted", DRAFT.name, signed or self.signed)
        self.book.day()

    def report(self) -> Any:
        lines = [f"party {role} {text}" for role, text in self.keys]
        logs = [line for line in trust_text(self.book.keys).split("\n") if line.startswith("log ")]
        trust = read_trust("\n".join([*logs, "quorum none", *lines, ""]).encode())
        return check(self.book.bundle(), trust)


def test_terms_that_both_repositories_list_verify():
    two = Two()
    two.see(two.labs, {PATH: two.signed})
    two.see(two.ministry, {PATH: two.signed})
    two.adopt()
    two.labs.rotate(new_terms=55)
    two.see(two.labs, {"talks/office/001-offer.json": b"{}"})
    report = two.report()
    assert report.verified, report.sentences()


def test_the_second_verifier_reads_roots_with_post_quantum_keys():
    signers = [new_root_key(f"labs.test/root-{n}", "ml-dsa-65")[0] for n in (1, 2)]
    terms = Party("vendor", 1).terms_keys[0].verify_key
    charter = Charter("labs.test", "vendor", tuple(s.public_key for s in signers), 2, (terms,), 1)
    root = make_root(charter, signers, NOW_MS)
    assert SCRIPT.tuf(root, "root")["version"] == 1
    with pytest.raises(SCRIPT.No):
        SCRIPT.tuf(root.replace('"version":1', '"version":2'), "root")


def only_one_lists(two: Two) -> None:
    two.see(two.labs)
    two.see(two.ministry, {PATH: two.signed})
    two.adopt()


def nothing_was_looked_at(two: Two) -> None:
    two.adopt()


def one_key_of_two(two: Two) -> None:
    signed = two.sign(*two.labs.terms_keys, two.ministry.terms_keys[0])
    two.see(two.labs, {PATH: signed})
    two.see(two.ministry, {PATH: signed})
    two.adopt(signed)


def an_older_list_again(two: Two) -> None:
    first = two.labs.listing
    two.see(two.labs, {PATH: two.signed})
    two.labs.listing = first
    two.see(two.labs)


def a_list_that_had_expired(two: Two) -> None:
    two.labs.list({PATH: two.signed}, at=NOW_MS - 200 * DAY_MS)
    two.see(two.labs)


def a_list_that_nobody_signed(two: Two) -> None:
    listing = two.labs.list({PATH: two.signed}, at=NOW_MS)
    value = json.loads(listing.timestamp)
    value["signed"]["version"] += 1
    two.labs.listing = msgspec.structs.replace(listing, timestamp=json.dumps(value))
    two.see(two.labs)


def another_partys_root(two: Two) -> None:
    thief = Party("vendor", 77, at=NOW_MS)
    two.see(thief)


BROKEN = [
    only_one_lists,
    nothing_was_looked_at,
    one_key_of_two,
    an_older_list_again,
    a_list_that_had_expired,
    a_list_that_nobody_signed,
    another_partys_root,
]


@pytest.mark.parametrize("breaks", BROKEN)
def test_a_log_that_broke_the_rule_is_refused_by_both(breaks):
    """Whoever holds the log's key can write such records; neither fold believes them."""
    two = Two()
    breaks(two)
    with pytest.raises(NotVerified):
        two.book.bundle()
    second = SCRIPT.Register()
    with pytest.raises(SCRIPT.No):
        for index, entry in enumerate(two.book.entries):
            leaf = SCRIPT.read_leaf(entry.leaf)
            if leaf.k == "control":
                second.add(index, leaf, two.book.documents.get(leaf.doc, b""))
