"""Leases in the register: begun by adoption, prolonged by the vendor's word, shortened by either's."""

import hashlib

import msgspec
import pytest
from tests.making import ANYTHING, document

from caveat import record
from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.keys import SigningKey
from caveat.register import PartyKey, Register, fold
from caveat.terms.document import SignedTerms
from caveat.terms.ending import sign_ending
from caveat.terms.lease import FOREVER, Lease
from caveat.terms.parse import parse_terms
from caveat.terms.renewal import sign_renewal
from caveat.terms.sign import claimed_terms, sign_terms

DAY = 86_400_000
NOW = 1_770_000_000_000
UNTIL = 1_782_864_000_000  # the end of 2026-06-30


def key(name: str) -> SigningKey:
    return SigningKey(f"{name}.example.test/terms", hashlib.sha256(name.encode()).digest())


VENDOR, OPERATOR = key("labs"), key("ministry")


def signed(version: int = 1, **more: object) -> bytes:
    blocks = {"lease": {"until": "2026-06-30", "calls": 100}, **more}
    yaml = document(ANYTHING, version=version, **{k: v for k, v in blocks.items() if v})
    return sign_terms(parse_terms(yaml), VENDOR, OPERATOR).raw


def folded(register: Register, what: str, of: str, document_: bytes = b"", at_ms: int = NOW) -> Register:
    doc = digest(document_) if document_ else ""
    leaf = record.read_leaf(record.control(what=what, of=of, doc=doc, gateway="gw1", at_ms=at_ms).leaf)
    return fold(register, leaf, register.size, document_)


def founded(terms: bytes) -> Register:
    register = Register()
    for role, signer in (("vendor", VENDOR), ("operator", OPERATOR)):
        party = msgspec.json.encode(PartyKey(role, signer.name, signer.verify_key.text))
        register = folded(register, "party.trusted", role, party)
    return folded(register, "terms.adopted", "trial@1", terms)


def renewal(of: bytes, issued_ms: int = NOW, by: SigningKey = VENDOR, **bounds: int) -> bytes:
    bounds = {"until_ms": issued_ms + 90 * DAY, "calls": 5_000, **bounds}
    return sign_renewal(claimed_terms(SignedTerms(of)), by, issued_ms=issued_ms, **bounds)


def ending(of: bytes, by: SigningKey, ends_ms: int = 0) -> bytes:
    return sign_ending(claimed_terms(SignedTerms(of)), by, "The talks have failed.", ends_ms)


FIRST = signed()
PAIR = claimed_terms(SignedTerms(FIRST)).digest
BEGUN = founded(FIRST)


def test_a_pair_begins_with_its_own_lease() -> None:
    assert BEGUN.leases == {PAIR: Lease(UNTIL, 100)}
    assert founded(signed(lease=None)).leases == {}


def test_the_vendor_prolongs_it_again_and_again() -> None:
    once = folded(BEGUN, "terms.renewed", "trial", renewal(FIRST))
    assert once.leases == {PAIR: Lease(NOW + 90 * DAY, 5_000, NOW)}
    assert once.fence != BEGUN.fence
    twice = folded(once, "terms.renewed", "trial", renewal(FIRST, NOW + DAY, calls=FOREVER))
    assert twice.leases == {PAIR: Lease(NOW + 91 * DAY, FOREVER, NOW + DAY)}


OTHER = signed(2)
REFUSED = {
    "by the operator": ("trial", renewal(FIRST, by=OPERATOR), "only the vendor"),
    "by a stranger": ("trial", renewal(FIRST, by=key("stranger")), "trusted key"),
    "for another pair": ("trial", renewal(OTHER), "another pair, `trial@2`"),
    "for terms that are not in force": ("office", renewal(FIRST), "no terms called `office`"),
    "expired": ("trial", renewal(FIRST, NOW - 100 * DAY, until_ms=NOW - DAY), "has expired"),
    "replayed": ("trial", renewal(FIRST, NOW + DAY), "not newer"),
    "an older one": ("trial", renewal(FIRST, NOW), "not newer"),
    "truncated": ("trial", renewal(FIRST)[:-20], "malformed"),
    "empty": ("trial", b"", "malformed"),
    "50 MB": ("trial", b"x" * 50_000_000, "malformed"),
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_prolong_is_refused_with_a_sentence(row: tuple[str, bytes, str]) -> None:
    of, note, words = row
    renewed = folded(BEGUN, "terms.renewed", "trial", renewal(FIRST, NOW + DAY))
    with pytest.raises(NotVerified, match=words):
        folded(renewed, "terms.renewed", of, note)


def test_another_versions_lease_is_its_own() -> None:
    renewed = folded(BEGUN, "terms.renewed", "trial", renewal(FIRST))
    second = folded(renewed, "terms.adopted", "trial@2", OTHER)
    assert second.leases == {claimed_terms(SignedTerms(OTHER)).digest: Lease(UNTIL, 100)}
    with pytest.raises(NotVerified, match="another pair"):
        folded(second, "terms.renewed", "trial", renewal(FIRST, NOW + DAY))


def test_who_stops_and_adopts_again_does_not_get_the_first_lease_back() -> None:
    shorter = folded(BEGUN, "terms.renewed", "trial", renewal(FIRST, until_ms=NOW + DAY, calls=5))
    stopped = folded(shorter, "terms.ended", "trial")
    assert folded(stopped, "terms.adopted", "trial@1", FIRST).leases == shorter.leases


def test_that_a_lease_is_over_goes_on_record_once_and_a_renewal_begins_anew() -> None:
    over = folded(BEGUN, "lease.lapsed", "trial", at_ms=NOW + DAY)
    assert over.leases == {PAIR: Lease(UNTIL, 100, lapsed_ms=NOW + DAY)}
    assert over.fence != BEGUN.fence
    with pytest.raises(NotVerified, match="on record already"):
        folded(over, "lease.lapsed", "trial")
    assert folded(over, "terms.renewed", "trial", renewal(FIRST)).leases[PAIR].lapsed_ms == 0


def test_no_lease_is_over_before_its_day_and_none_that_is_not_there() -> None:
    dated = founded(signed(lease={"until": "2026-06-30"}))
    with pytest.raises(NotVerified, match="runs until 2026-07-01"):
        folded(dated, "lease.lapsed", "trial", at_ms=UNTIL - 1)
    assert folded(dated, "lease.lapsed", "trial", at_ms=UNTIL).leases
    for register, name in ((founded(signed(lease=None)), "trial"), (BEGUN, "office")):
        with pytest.raises(NotVerified, match="nothing lapses"):
            folded(register, "lease.lapsed", name)


@pytest.mark.parametrize("by", [VENDOR, OPERATOR], ids=["vendor", "operator"])
def test_notice_shortens_the_lease_to_its_day(by: SigningKey) -> None:
    noticed = folded(BEGUN, "terms.ended", "trial", ending(FIRST, by, NOW + 5 * DAY))
    role = "vendor" if by is VENDOR else "operator"
    assert noticed.leases == {PAIR: Lease(NOW + 5 * DAY, 100, revoked_by=role)}
    assert "trial" in noticed.terms
    assert noticed.fence != BEGUN.fence
    with pytest.raises(NotVerified, match="has revoked"):
        folded(noticed, "terms.renewed", "trial", renewal(FIRST))
    late = folded(BEGUN, "terms.ended", "trial", ending(FIRST, by, UNTIL + 9 * DAY))
    assert late.leases[PAIR].until_ms == UNTIL  # notice never prolongs


def test_a_revocation_leaves_the_continuity_that_both_signed_for_it() -> None:
    terms = signed(continuity={"days": 14, "after": ["revocation"]})
    pair = claimed_terms(SignedTerms(terms)).digest
    vendor = folded(founded(terms), "terms.ended", "trial", ending(terms, VENDOR))
    assert vendor.leases == {pair: Lease(NOW, 100, revoked_by="vendor")}
    operator = folded(founded(terms), "terms.ended", "trial", ending(terms, OPERATOR))
    assert (operator.terms, operator.leases) == ({}, {})
    over = folded(vendor, "terms.ended", "trial")
    assert over.terms == {}
    with pytest.raises(NotVerified, match="for good"):
        folded(over, "terms.adopted", "trial@1", terms)


def test_a_revocation_without_continuity_ends_the_terms_there() -> None:
    ended = folded(BEGUN, "terms.ended", "trial", ending(FIRST, VENDOR))
    assert (ended.terms, ended.leases, ended.closed) == ({}, {}, frozenset({PAIR}))
