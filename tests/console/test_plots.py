"""Plots: the hours under the bars are those of the viewer's zone, and the picture says of which."""

from datetime import UTC, date
from itertools import pairwise

import pytest
from tests.console.browser import visitor
from tests.console.visiting import visiting

from caveat.console.plots import bars, step_of
from caveat.console.series import daily, series, within
from caveat.console.values import Count
from caveat.console.zones import begins, days, end_ms, moment_ms, stamp, zone_of

DAY = 1_767_225_600  # 2026-01-01, midnight UTC


def test_hours_are_those_of_the_zone():
    day = series((), 3600, 24, DAY + 23 * 3600)
    labels, major = day.labels(zone_of("Asia/Kolkata"))
    assert labels[:2] == ["05:30", "06:30"]
    assert major == ["06:30", "12:30", "18:30", "00:30"]
    assert day.labels(zone_of("Europe/Paris"))[1] == ["06:00", "12:00", "18:00", "00:00"]
    assert day.labels()[1] == ["00:00", "06:00", "12:00", "18:00"]
    assert b">Europe/Paris<" in bars(day.values, day.labels(), "light", zone_of("Europe/Paris"))


@pytest.mark.parametrize(("most", "step"), [(0, 1), (2, 1), (3, 2), (6, 5), (11, 10), (46, 50), (1_000_001, 1_000_000)])
def test_numbers_up_the_side_are_round(most, step):
    assert step_of(most) == step


def test_days_are_those_of_the_zone():
    """A call at 23:30 UTC is one of the next day in Auckland and of the same in New York; days of 23 and 25 hours count."""
    late = (Count(DAY + 23 * 3600, "c", "denied", 2),)
    now = DAY + 3 * 86_400
    for name, place in (("Pacific/Auckland", -3), ("America/New_York", -3), ("UTC", -4)):
        zone = zone_of(name)
        found = daily(late, 28, now, zone)
        assert found.values["denied"][place] == 2, name
        assert found.total("denied") == 2
    assert daily(late, 2, now, UTC).total("denied") == 0
    spring = days(3, begins(date(2026, 3, 30), zone_of("Europe/Paris")), zone_of("Europe/Paris"))
    assert [b - a for a, b in pairwise(spring)] == [86_400, 23 * 3600]
    assert daily((), 28, DAY, zone_of("Europe/Paris")).labels(zone_of("Europe/Paris"), "fr")[0][-1] == "1 janv."


@pytest.mark.parametrize(
    ("name", "beyond"), [("Asia/Kolkata", 1800), ("Asia/Kathmandu", 2700), ("Australia/Adelaide", 1800)]
)
def test_a_day_that_begins_within_an_hour_has_its_own_calls(name, beyond):
    """Of an hour in which a day begins, the calls before that are the day's before."""
    zone, now = zone_of(name), DAY + 3 * 86_400
    starts = days(5, now, zone)
    quarters = within(5, now, zone)
    assert len(quarters) == 5 * (beyond // 900)
    first = starts[2] // 3600 * 3600
    hours = (Count(first, "c", "denied", 7),)
    late = (Count(quarters[2 * (beyond // 900)], "c", "denied", 3),)
    assert daily(hours, 5, now, zone, late).values["denied"] == (0, 4, 3, 0, 0)
    assert within(5, now, zone_of("Europe/Paris")) == ()
    edge = (Count(quarters[0], "c", "denied", 2),)  # its hour begins before the first day, and is not counted
    assert daily((), 5, now, zone, edge).values["denied"] == (2, 0, 0, 0, 0)


def test_what_a_viewer_writes_is_a_time_of_their_zone():
    paris = zone_of("Europe/Paris")
    assert moment_ms("2026-07-01T12:00", paris) == moment_ms("2026-07-01T10:00", UTC)
    assert end_ms("2026-07-01", paris) == moment_ms("2026-07-01T22:00", UTC)
    assert stamp(end_ms("2026-07-01", paris)) == "2026-07-01T22:00:00Z"
    assert moment_ms("no day", paris) == end_ms("9999-12-31", paris) == end_ms("", paris) == 0
    assert stamp(0) == ""


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../../etc/passwd", "Europe", "/etc/localtime", "A" * 500, "<b>"])
def test_a_zone_that_is_none_is_utc(name):
    assert zone_of(name) is UTC


def test_the_browser_tells_its_zone(chromium, gateway):
    with visitor(chromium, gateway, "viewer", timezone_id="Europe/Paris") as page:
        page.goto("/console/now")
        assert ">Europe/Paris<" in page.request.get("/console/now/day.svg?theme=light&v=0").text()
    with visiting(gateway, "viewer") as client:
        assert ">UTC<" in client.get("/console/now/day.svg?theme=light").text
