"""Redaction profiles: data that says what is opened."""

import pytest
from tests.evidence.conftest import FACTS

from caveat.errors import BadInput
from caveat.evidence.profiles import PROFILES, profile, read_profiles
from caveat.facts import grouped

EVERYTHING = {*grouped(FACTS), "decision", "request", "answer", "duties", "upstream"}
SHOWN = {
    "full": EVERYTHING,
    "audit": EVERYTHING - {"request", "answer"},
    "counts": {"decision"},
    "none": set[str](),
}


def test_the_profiles_that_ship() -> None:
    assert set(PROFILES) == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_profile_shows(name: str) -> None:
    """Of all commitments that records of today have."""
    assert {field for field in EVERYTHING if profile(name).shows(field)} == SHOWN[name]
    assert profile(name).says


@pytest.mark.parametrize("name", ["audit", "counts", "none"])
def test_a_commitment_of_tomorrow_stays_closed(name: str) -> None:
    assert not profile(name).shows("retina")
    assert profile("full").shows("retina")


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(BadInput, match="expected a profile out of full"):
        profile("everything")


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"\xff",
        b'{"a":{"says":""}}',
        b'{"a":{"says":"","opens":[1],"closes":[]}}',
        b'{"a":{"says":"","opens":[],"closes":[],"x":1}}',
    ],
)
def test_profiles_that_do_not_read_are_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        read_profiles(data)
