"""What a check-up says of the parties' repositories."""

import pytest
from tests.register.test_repositories import BOTH, MINISTRY, ROOTED, folded
from tests.talks.party import NOW

from caveat.gateway.checkup.parties import look_at_parties
from caveat.register import Register
from caveat.talks.publishing import DAY_MS

TIMES = {
    "fresh": (NOW, "good", "may be believed until"),
    "soon over": (NOW + 170 * DAY_MS, "doubt", "expires on"),
    "over": (NOW + 181 * DAY_MS, "doubt", "new terms cannot be adopted with it"),
}


@pytest.mark.parametrize("name", TIMES)
def test_how_long_a_list_may_be_believed(name):
    at, level, says = TIMES[name]
    found = list(look_at_parties(BOTH, at))
    assert [one[0] for one in found] == [level, level]
    assert all(says in one[1] for one in found)
    assert "labs.test (the vendor)" in found[0][1]
    assert (level == "good") == (found[0][2] == "")


def test_a_root_alone_and_no_repository():
    assert list(look_at_parties(Register(), NOW)) == []
    (seen, other) = look_at_parties(folded(*ROOTED), NOW)
    assert seen[0] == other[0] == "doubt"
    assert MINISTRY.name in other[1]
