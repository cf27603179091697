"""Who may approve: persons named by their own party, each with keys of their own."""

import pytest
from tests.waivers.persons import ANNA, BEN, OPERATOR, TRUST, VENDOR, VERA, approver, key, named

from caveat.errors import BadInput, NotVerified
from caveat.waivers.approvers import Approver, admit, check_person, name_approver, open_approver


def test_each_party_names_persons_of_its_own_side():
    assert open_approver(named(ANNA), TRUST) == ANNA
    assert open_approver(named(VERA), TRUST) == VERA


@pytest.mark.parametrize("forger", [OPERATOR, key("stranger")])
def test_nobody_names_persons_of_the_other_side(forger):
    """Else an operator could invent the vendor's approver."""
    with pytest.raises(NotVerified, match="the vendor has not signed"):
        open_approver(name_approver(VERA, forger), TRUST)


def test_a_signature_that_was_moved_to_another_person_does_not_hold():
    anna, ben = (one.split(b'"payload":"')[1].split(b'"')[0] for one in (named(ANNA), named(BEN)))
    moved = named(ANNA).replace(anna, ben)
    with pytest.raises(NotVerified, match="does not hold"):
        open_approver(moved, TRUST)


def test_two_persons_never_share_a_key():
    twin = Approver(1, "twin", "Twin", ANNA.vkey, "operator")
    with pytest.raises(NotVerified, match="two persons never share a key"):
        admit((ANNA, BEN), twin)


def test_a_key_under_another_name_is_still_the_same_key():
    renamed = key("anna").verify_key
    other = type(renamed)("other-name", renamed.public)
    with pytest.raises(NotVerified, match="two persons never share a key"):
        admit((ANNA,), Approver(1, "twin", "Twin", other.text, "operator"))


def test_a_person_stands_on_one_side():
    with pytest.raises(NotVerified, match="already approves for the operator"):
        admit((ANNA,), approver("anna", "vendor", 1))


def test_a_person_may_have_several_keys_and_a_key_is_known_once():
    spare = approver("anna", number=1)
    known = admit(admit(admit((), ANNA), spare), ANNA)
    assert known == (spare, ANNA)


@pytest.mark.parametrize("person", ["", "Anna", "anna b", "-anna", "a" * 101, "anna\n"])
def test_a_person_is_a_plain_word(person):
    with pytest.raises(BadInput, match="a person is named by"):
        check_person(person)


@pytest.mark.parametrize("vkey", ["", "anna", VENDOR.verify_key.text[:-4]])
def test_a_key_that_is_none_is_refused(vkey):
    with pytest.raises(BadInput):
        name_approver(Approver(1, "anna", "Anna", vkey, "operator"), OPERATOR)
