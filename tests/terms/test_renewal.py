"""A renewal is a signed note of a few hundred bytes, and nothing else passes for one."""

import pytest
from tests.making import ANYTHING, terms

from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey
from caveat.note import sign_note
from caveat.terms.lease import FOREVER, Lease
from caveat.terms.renewal import open_renewal, sign_renewal

DAY = 86_400_000
NOW = 1_800_000_000_000
TERMS = terms(ANYTHING, lease={"calls": 100})


def key(name: str) -> SigningKey:
    return SigningKey(f"{name}.example.test/terms", name.encode().ljust(32, b"."))


VENDOR, OPERATOR, STRANGER = key("labs"), key("ministry"), key("stranger")
TRUST = {"vendor": [VENDOR.verify_key], "operator": [OPERATOR.verify_key]}


def signed(by: SigningKey = VENDOR, until_ms: int = NOW + 30 * DAY, calls: int = 500) -> bytes:
    return sign_renewal(TERMS, by, issued_ms=NOW, until_ms=until_ms, calls=calls)


def test_a_renewal_is_small_and_reads_as_it_was_meant() -> None:
    note = signed()
    assert len(note) < 400
    renewal = open_renewal(note, TRUST)
    assert (renewal.name, renewal.digest, renewal.key) == ("trial@1", TERMS.digest, VENDOR.name)
    assert renewal.lease == Lease(NOW + 30 * DAY, 500, NOW)
    assert open_renewal(signed(calls=FOREVER), TRUST).calls == FOREVER
    assert open_renewal(signed(until_ms=FOREVER), TRUST).until_ms == FOREVER


@pytest.mark.parametrize("by", [OPERATOR, STRANGER], ids=["the operator", "a stranger"])
def test_only_the_vendor_renews(by: SigningKey) -> None:
    with pytest.raises(NotVerified) as refused:
        open_renewal(signed(by), TRUST)
    assert "vendor" in refused.value.message or "trusted key" in refused.value.message


def test_one_bit_changed_or_a_byte_missing_is_refused() -> None:
    note = signed()
    for cut in range(len(note)):
        with pytest.raises(NotVerified):
            open_renewal(note[:cut], TRUST)
    for place in range(note.index(b"\n\n")):
        changed = bytearray(note)
        changed[place] ^= 1
        with pytest.raises(NotVerified):
            open_renewal(bytes(changed), TRUST)


TEXTS = {
    "another kind of note": "caveat-end/v1\ntrial@1\nsha256:0\nwhy\n",
    "a line more": "caveat-renewal/v1\na@1\nsha256:0\nissued 2027-01-01T00:00:00Z\nuntil -\ncalls 5\nmore\n",
    "a line less": "caveat-renewal/v1\na@1\nsha256:0\nissued 2027-01-01T00:00:00Z\nuntil -\n",
    "lines in another order": "caveat-renewal/v1\na@1\nsha256:0\nuntil -\nissued 2027-01-01T00:00:00Z\ncalls 5\n",
    "no time": "caveat-renewal/v1\na@1\nsha256:0\nissued soon\nuntil -\ncalls 5\n",
    "a negative count": "caveat-renewal/v1\na@1\nsha256:0\nissued 2027-01-01T00:00:00Z\nuntil -\ncalls -5\n",
    "a count with a zero before it": "caveat-renewal/v1\na@1\nsha256:0\nissued 2027-01-01T00:00:00Z\nuntil -\ncalls 05\n",
    "a count beyond all": f"caveat-renewal/v1\na@1\nsha256:0\nissued 2027-01-01T00:00:00Z\nuntil -\ncalls {10**30}\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_what_the_vendor_signed_but_is_no_renewal_is_refused(text: str) -> None:
    with pytest.raises(NotVerified, match="renewal"):
        open_renewal(sign_note(text.encode(), [VENDOR]), TRUST)


def test_nobody_signs_a_renewal_of_nothing() -> None:
    with pytest.raises(BadInput, match="names a day"):
        signed(until_ms=FOREVER, calls=FOREVER)
    with pytest.raises(BadInput, match="lies in the past"):
        signed(until_ms=NOW - 1)
    with pytest.raises(BadInput, match="no lease"):
        sign_renewal(terms(ANYTHING), VENDOR, issued_ms=NOW, until_ms=NOW + DAY, calls=5)
