"""Persons who may approve: named by their party, each with a key of their own."""

from caveat.gateway.exceptions.acts import trust_approver
from caveat.gateway.house.founding import SAMPLES, party_key
from caveat.keys import new_signing_key
from caveat.waivers.approvers import Approver, name_approver


def named(gateway, person, side="operator"):
    """A new key of that person, who may approve from here on."""
    key = new_signing_key(person)
    trusted(gateway, person, key.verify_key.text, side)
    return key


def trusted(gateway, person, key_text, side="operator"):
    """The person may approve with a key that is there already, from here on."""
    approver = Approver(1, person, f"{person.title()} Example", key_text, side)
    gateway.run(trust_approver(gateway.house, name_approver(approver, party_key(gateway.home, SAMPLES[side]))))
