"""How long terms hold follows from their lease, a time and a count; what a document says about it is checked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.making import ANYTHING, draft

from caveat.errors import BadInput
from caveat.terms.lease import FOREVER, Continuity, Lease, LeaseRule, bound_of, phase_of, warning
from caveat.terms.lint import lint

DAY = 86_400_000
LEASE = Lease(100 * DAY, 1_000)
GRANT = Continuity(days=10, calls=50)
BOTH = Continuity(days=10, calls=50, after=("lapse", "revocation"))


def revoked(by: str) -> Lease:
    return Lease(100 * DAY, 1_000, revoked_by=by)


def counted(lapsed_ms: int) -> Lease:
    """A lease of which it is on record that it is over."""
    return Lease(100 * DAY, 1_000, lapsed_ms=max(lapsed_ms, 1))


PHASES = {
    "no lease": (None, None, 10**15, 10**9, "running"),
    "the last moment": (LEASE, None, 100 * DAY - 1, 999, "running"),
    "its date": (LEASE, None, 100 * DAY, 0, "lapsed"),
    "its count": (LEASE, None, 0, 1_000, "lapsed"),
    "its date, with continuity": (LEASE, GRANT, 100 * DAY, 0, "continuity"),
    "its count, with continuity": (LEASE, GRANT, 0, 1_000, "continuity"),
    "the last moment of continuity": (LEASE, GRANT, 110 * DAY - 1, 1_049, "continuity"),
    "continuity over by date": (LEASE, GRANT, 110 * DAY, 0, "lapsed"),
    "continuity over by count": (LEASE, GRANT, 0, 1_050, "lapsed"),
    "a count with continuity in days alone": (LEASE, Continuity(days=10), 0, 1_000, "lapsed"),
    "a count, its days from the record of the lapse": (counted(0), GRANT, 10 * DAY, 1_000, "continuity"),
    "a count, its days over": (counted(0), GRANT, 10 * DAY + 1, 1_000, "lapsed"),
    "a count, its calls over before its days": (counted(0), GRANT, DAY, 1_050, "lapsed"),
    "a count, a continuity of calls alone": (counted(0), Continuity(calls=50), 99 * DAY, 1_049, "continuity"),
    "a date, on record long after": (counted(105 * DAY), GRANT, 110 * DAY, 0, "lapsed"),
    "a revocation, continuity after a lapse": (revoked("vendor"), GRANT, 100 * DAY, 0, "lapsed"),
    "the vendor's revocation": (revoked("vendor"), BOTH, 100 * DAY, 0, "continuity"),
    "the operator's own": (revoked("operator"), BOTH, 100 * DAY, 0, "lapsed"),
    "a date alone": (Lease(until_ms=5), None, 4, 10**12, "running"),
    "a count alone": (Lease(calls=5), None, 10**15, 4, "running"),
}


@pytest.mark.parametrize("row", PHASES.values(), ids=PHASES.keys())
def test_what_terms_allow_at_a_time_and_a_count(row) -> None:
    lease, continuity, at_ms, used, wanted = row
    assert phase_of(lease, continuity, at_ms, used) == wanted


@given(st.integers(0, 120 * DAY), st.integers(0, 1_100), st.sampled_from([None, GRANT, BOTH]))
def test_a_phase_lasts_exactly_as_long_as_its_bound(at_ms, used, continuity) -> None:
    phase = phase_of(LEASE, continuity, at_ms, used)
    if phase != "lapsed":
        assert bound_of(phase, LEASE, continuity).holds(at_ms, used)


@given(st.integers(0, 120 * DAY), st.integers(0, 1_100), st.integers(0, 20 * DAY), st.integers(0, 200))
def test_later_or_more_calls_never_allow_more(at_ms, used, later, more) -> None:
    order = ["running", "continuity", "lapsed"]
    now, then = phase_of(LEASE, GRANT, at_ms, used), phase_of(LEASE, GRANT, at_ms + later, used + more)
    assert order.index(now) <= order.index(then)


NEAR = {
    "far": (31 * DAY, 1_000, 0, ""),
    "30 days": (30 * DAY, 1_000, 1, "in 30 days"),
    "7 days": (7 * DAY, 1_000, 2, "in 7 days"),
    "1 day": (DAY, 1_000, 3, "in 1 day"),
    "within two hours": (3_600_000, 1_000, 3, "in 2 hours"),
    "20 per cent": (99 * DAY, 200, 1, "after 200 more calls"),
    "5 per cent": (99 * DAY, 50, 2, "after 50 more calls"),
    "1 per cent": (99 * DAY, 10, 3, "after 10 more calls"),
    "both": (DAY, 50, 3, "in 1 day or after 50 more calls"),
    "over by date": (0, 50, 4, "has lapsed"),
    "over by count": (DAY, 0, 4, "by its count"),
}


@pytest.mark.parametrize("row", NEAR.values(), ids=NEAR.keys())
def test_warnings_come_at_30_7_and_1_day_and_at_20_5_and_1_per_cent(row) -> None:
    left_ms, left, urgency, words = row
    level, says = warning(LEASE, LEASE.until_ms - left_ms, LEASE.calls - left)
    assert level == urgency
    assert words in says


def test_a_document_says_how_long_it_holds() -> None:
    made = draft(
        ANYTHING,
        lease={"until": "2027-06-30", "calls": 100},
        continuity={"days": 14, "calls": 5, "purposes": ["drafting"], "after": ["revocation", "lapse"]},
        wind_down={"cut_after_s": 60},
    )
    assert made.lease == LeaseRule(1_814_400_000_000, 100)
    assert made.continuity == Continuity(14, 5, ("drafting",), ("revocation", "lapse"))
    assert made.cut_after_s == 60
    assert made.own_lease == Lease(1_814_400_000_000, 100)
    assert draft(ANYTHING).own_lease is None
    assert draft(ANYTHING, lease={"calls": 7}).lease == LeaseRule(FOREVER, 7)


WRONG = {
    "neither day nor count": ({"lease": {}}, "names a day"),
    "no day": ({"lease": {"until": "2027-02-30"}}, "no day"),
    "a count of none": ({"lease": {"calls": 0}}, "calls"),
    "a count in words": ({"lease": {"calls": "many"}}, "calls"),
    "an unknown key": ({"lease": {"untill": "2027-06-30"}}, "no key `untill`"),
    "continuity of nothing": ({"lease": {"calls": 7}, "continuity": {}}, "grants nothing"),
    "continuity without a lease": ({"continuity": {"days": 3}}, "needs a `lease`"),
    "a purpose of no list": ({"lease": {"calls": 7}, "continuity": {"days": 3, "purposes": ["war"]}}, "`war`"),
    "after what?": ({"lease": {"calls": 7}, "continuity": {"days": 3, "after": ["lunch"]}}, "`lunch` is not one of"),
    "a wind-down of no number": ({"wind_down": {"cut_after_s": -1}}, "cut_after_s"),
}


@pytest.mark.parametrize("row", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_meant_is_refused_with_its_line(row) -> None:
    blocks, words = row
    with pytest.raises(BadInput, match=words) as refused:
        draft(ANYTHING, **blocks)
    assert refused.value.message.startswith("line ")


def test_lint_speaks_of_the_lease() -> None:
    made = draft(ANYTHING, lease={"until": "2027-06-30"})
    codes = {remark.code: remark for remark in lint(made, made.valid_from_ms)}
    assert "lease-uncounted" in codes
    assert "lease-over" in {remark.code for remark in lint(made, 1_814_400_000_000)}
    assert "lease-soon" in {remark.code for remark in lint(made, 1_814_400_000_000 - 7 * DAY)}
    assert "lease-uncounted" not in {r.code for r in lint(draft(ANYTHING, lease={"calls": 7}), made.valid_from_ms)}
