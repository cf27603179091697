"""A burst passes, then a steady trickle."""

import pytest

from caveat.errors import Refused
from caveat.gateway.control.pace import Pace


def passed(pace, now_s, times):
    count = 0
    for _ in range(times):
        try:
            pace.take(now_s)
        except Refused as error:
            assert (error.code, error.status) == ("rate_limited", 429)
        else:
            count += 1
    return count


@pytest.mark.parametrize("start", [0.0, -5.0, 1e9])
def test_a_burst_then_a_trickle(start):
    pace = Pace(3, 0.5)
    assert passed(pace, start, 10) == 3
    assert passed(pace, start + 1.9, 10) == 0
    assert passed(pace, start + 2.0, 10) == 1
    assert passed(pace, start + 4.0, 10) == 1
    assert passed(pace, start + 1000.0, 10) == 3
