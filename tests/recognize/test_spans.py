"""Findings of one kind that overlap."""

from hypothesis import given
from hypothesis import strategies as st

from caveat.recognize.finding import Finding
from caveat.recognize.spans import Covered, surest

findings = st.builds(
    lambda category, start, size, per_mille: Finding(category, "/a", start, start + size, per_mille, "r@1"),
    st.sampled_from(["x_inj", "x_cyb"]),
    st.integers(0, 60),
    st.integers(1, 20),
    st.integers(1, 1000),
)


def overlap(one, other):
    return one.category == other.category and one.start < other.end and other.start < one.end


@given(st.lists(findings))
def test_those_kept_do_not_overlap_and_lose_nothing(some):
    kept = surest(some)
    assert not any(overlap(one, other) for i, one in enumerate(kept) for other in kept[:i])
    for finding in some:
        (over,) = (k for k in kept if overlap(k, finding))
        assert over.start <= finding.start
        assert finding.end <= over.end
        assert finding.per_mille <= over.per_mille
    assert {k.per_mille for k in kept} <= {f.per_mille for f in some}


@given(st.lists(findings), findings)
def test_what_is_covered(some, asked):
    wanted = any(overlap(kept, asked) and kept.per_mille >= asked.per_mille for kept in surest(some)[-1:])
    if len(surest(some)) <= 1:
        assert Covered(some).holds(asked) == wanted
    assert not Covered(some).holds(asked) or any(overlap(finding, asked) for finding in surest(some))
    assert all(Covered(some).holds(finding) for finding in some)


def test_kinds_stay_apart():
    """Another category, value or recognizer is another finding."""
    one = Finding("marking.secret", "/a", 0, 9, 1000, "r@1", "SECRET")
    others = [
        Finding("marking.cui", "/a", 0, 9, 1000, "r@1", "SECRET"),
        Finding("marking.secret", "/a", 0, 9, 1000, "r@1", "SECRET//NOFORN"),
        Finding("marking.secret", "/a", 0, 9, 1000, "s@1", "SECRET"),
    ]
    assert not any(Covered([one]).holds(other) for other in others)
    assert len(surest([one, *others])) == 4
