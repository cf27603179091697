"""The operator adopts terms that the vendor never signed: alone, with a made-up vendor, or with the signature of another text.

What detects it: the fold refuses what a party did not sign; a vendor whom the ledger trusts and the outsider does not is found
with the trust file; a signature is over exact bytes.
"""

import base64
import json

import msgspec
from tests.cheats.owner import check, failures, history, put_in
from tests.evidence.conftest import OPERATOR, TERMS, VENDOR, seeded, terms_of

from caveat.register import PartyKey
from caveat.terms.document import SignedTerms
from caveat.terms.parse import parse_terms
from caveat.terms.sign import open_terms, sign_terms


def forced(signed: bytes) -> dict[int, str]:
    """The terms put on record all the same."""
    return failures(check(put_in(history(2), "terms.adopted", "office", signed)))


def test_one_signature_is_no_pair() -> None:
    draft = parse_terms(TERMS.format(version=2, effect="hold").encode())
    for one in (VENDOR, OPERATOR):
        assert "has not signed these terms" in forced(sign_terms(draft, one).raw)[6]


def test_a_signature_of_another_text() -> None:
    """The vendor's signature on version 1 is put under version 2."""
    one, two = json.loads(terms_of(1)), json.loads(terms_of(2, "hold"))
    two["signatures"] = one["signatures"]
    assert "does not hold" in forced(msgspec.json.encode(two))[6]


def test_terms_whose_policy_is_not_their_text() -> None:
    """The text forbids; the compiled policy beside it was made to hold instead."""
    envelope = json.loads(terms_of(2, "forbid"))
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload["cedar"] = payload["cedar"].replace('@effect("forbid")', '@effect("hold")')
    envelope["payload"] = base64.b64encode(json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()).decode()
    assert 6 in forced(json.dumps(envelope).encode())


def test_a_vendor_of_the_operators_own() -> None:
    mine = seeded("labs.example.test/terms", "made up")
    book = history(2)
    book.control("party.trusted", "x", msgspec.json.encode(PartyKey("vendor", mine.name, mine.verify_key.text)))
    draft = parse_terms(TERMS.format(version=2, effect="hold").encode())
    signed = sign_terms(draft, mine, OPERATOR).raw
    trust = {"vendor": [mine.verify_key], "operator": [OPERATOR.verify_key]}
    book.use(open_terms(SignedTerms(signed), trust))
    book.control("terms.adopted", "office", signed)
    book.call()
    assert "the vendor has not signed" in failures(check(book.bundle()))[7]
