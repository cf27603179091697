"""A waiver is in force once two persons who are not its requester have signed it, and never wider than its clauses."""

import itertools
from typing import Any

import msgspec
import pytest
from tests.waivers.persons import (
    ANNA,
    APPROVERS,
    BEN,
    DAY,
    NOW,
    TERMS,
    VERA,
    agreed,
    approver,
    asked,
    key,
    request,
)

from caveat.canon import b64, canonical, unb64
from caveat.dsse import seal
from caveat.errors import BadInput, NotVerified
from caveat.waivers.signed import KIND, approve, make_request, missing, open_waiver, read_request


def signed(raw, *keys):
    for one in keys:
        raw = approve(raw, one)
    return raw


def opened(raw, *, approvers=APPROVERS, terms=(TERMS,), at_ms=NOW):
    return open_waiver(raw, approvers, terms, at_ms)


def test_two_persons_in_any_order():
    for first, second in itertools.permutations(("anna", "ben")):
        waiver = opened(signed(asked(), key(first), key(second)))
        assert (waiver.approvers, waiver.clauses, waiver.terms) == (("anna", "ben"), ("no.secrets",), TERMS.digest)
        assert waiver.id == read_request(asked()).id


LACKING = {
    "nobody": ((), "and has 0"),
    "one person": (("anna",), "and has 1"),
    "the requester and one person": (("anna", "carl"), "and has 1"),
    "a stranger and one person": (("anna", "zoe"), "and has 1"),
}


@pytest.mark.parametrize("name", LACKING)
def test_too_few_persons(name):
    persons, says = LACKING[name]
    with pytest.raises(NotVerified, match=says):
        opened(signed(asked(), *map(key, persons)))


def test_two_keys_of_one_person_count_once():
    both = (*APPROVERS, approver("anna", number=1))
    with pytest.raises(NotVerified, match="and has 1"):
        opened(signed(asked(), key("anna"), key("anna", 1)), approvers=both)


def test_a_signature_over_another_waiver_is_refused():
    """An approval cannot be cut out of one document and put into another."""
    other = msgspec.json.decode(signed(asked(nonce="1" * 32), key("anna"), key("ben")))
    swapped = {**other, "payload": msgspec.json.decode(asked())["payload"]}
    with pytest.raises(NotVerified, match="does not hold"):
        opened(msgspec.json.encode(swapped))


def test_a_word_that_was_changed_after_the_approvals_is_refused():
    envelope = msgspec.json.decode(signed(asked(), key("anna"), key("ben")))
    wider = unb64(envelope["payload"]).replace(b'"max_uses":3', b'"max_uses":9')
    with pytest.raises(NotVerified, match="does not hold"):
        opened(msgspec.json.encode({**envelope, "payload": b64(wider)}))


def test_the_terms_can_demand_the_vendor():
    terms = agreed(waivers={"approvers": 2, "vendor": 1})
    raw = make_request(request(terms=terms.digest), terms.draft)
    with pytest.raises(NotVerified, match="an approver from the vendor's side"):
        opened(signed(raw, key("anna"), key("ben")), terms=(terms,))
    assert opened(signed(raw, key("anna"), key("vera")), terms=(terms,)).approvers == ("anna", "vera")


def test_the_terms_can_demand_three():
    terms = agreed(waivers={"approvers": 3})
    raw = signed(make_request(request(terms=terms.digest), terms.draft), key("anna"), key("vera"))
    assert missing(raw, APPROVERS, terms.draft) == "3 approvers who are not its requester, and has 2"
    assert missing(signed(raw, key("ben")), APPROVERS, terms.draft) == ""


def test_another_version_of_the_terms_is_another_agreement():
    with pytest.raises(NotVerified, match="for terms that are not in force"):
        opened(signed(asked(), key("anna"), key("ben")), terms=(agreed(version=2),))
    with pytest.raises(NotVerified, match="for terms that are not in force"):
        opened(signed(asked(), key("anna"), key("ben")), terms=())


def test_an_expired_one_is_refused():
    with pytest.raises(NotVerified, match="has expired"):
        opened(signed(asked(), key("anna"), key("ben")), at_ms=NOW + 7 * DAY)


NOT_GRANTED: dict[str, Any] = {
    "a clause that is not waivable": ({"clauses": ("never",)}, "no waiver can lift the clause `never`"),
    "one of two": ({"clauses": ("no.secrets", "never")}, "no waiver can lift the clause `never`"),
    "a permit": ({"clauses": ("all",)}, "no waiver can lift the clause `all`"),
    "a clause that is not there": ({"clauses": ("no.such",)}, "have no clause `no.such`"),
    "a promise": ({"clauses": ("good.faith",)}, "no waiver can lift the clause `good.faith`"),
    "a purpose that is not there": ({"purposes": ("war",)}, "name no purpose `war`"),
    "a model that is not there": ({"models": ("huge",)}, "name no model `huge`"),
    "no time": ({"until_ms": NOW}, "ends after it begins"),
    "too long": ({"until_ms": NOW + 367 * DAY}, "at most 366 days"),
}


@pytest.mark.parametrize("name", NOT_GRANTED)
def test_what_nobody_can_grant(name):
    """Neither asked for here, nor granted where someone else made the document."""
    changes, says = NOT_GRANTED[name]
    with pytest.raises(BadInput, match=says):
        asked(**changes)
    forged = seal(KIND, canonical(msgspec.to_builtins(request(**changes))), [key("anna"), key("ben")])
    with pytest.raises(NotVerified, match=says):
        opened(forged)


FORMS: dict[str, dict[str, Any]] = {
    "no uses": {"max_uses": 0},
    "no clause": {"clauses": []},
    "an unknown field": {"also": 1},
    "a requester of another form": {"requester": "Carl"},
    "an older format": {"v": 0},
    "no reason": {"reason": ""},
}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_no_request(name):
    value = {**msgspec.to_builtins(request()), **FORMS[name]}
    with pytest.raises(NotVerified, match="is not a signed waiver"):
        read_request(seal(KIND, canonical(value), []))


def test_a_payload_in_another_form_than_the_canonical_is_refused():
    loose = msgspec.json.encode(msgspec.to_builtins(request())) + b" "
    with pytest.raises(NotVerified, match="another form"):
        read_request(seal(KIND, loose, []))


def test_a_removed_approver_counts_no_more():
    with pytest.raises(NotVerified, match="and has 1"):
        opened(signed(asked(), key("anna"), key("ben")), approvers=(ANNA, VERA))
    assert BEN not in (ANNA, VERA)
