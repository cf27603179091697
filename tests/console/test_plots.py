"""Plots: the hours under the bars are those of the viewer's zone, and the picture says of which."""

from datetime import UTC

import pytest
from tests.console.browser import visitor
from tests.console.visiting import visiting

from caveat.console.plots import bars, zone_of
from caveat.console.series import series

DAY = 1_767_225_600  # 2026-01-01, midnight UTC


def test_hours_are_those_of_the_zone():
    day = series((), 3600, 24, DAY + 23 * 3600)
    labels, major = day.labels(zone_of("Asia/Kolkata"))
    assert labels[:2] == ["05:30", "06:30"]
    assert major == ["06:30", "12:30", "18:30", "00:30"]
    assert day.labels(zone_of("Europe/Paris"))[1] == ["06:00", "12:00", "18:00", "00:00"]
    assert day.labels()[1] == ["00:00", "06:00", "12:00", "18:00"]
    assert b">Europe/Paris<" in bars(day.values, day.labels(), "light", zone_of("Europe/Paris"))


def test_days_are_counted_in_utc_and_bear_its_dates():
    days = series((), 86_400, 28, DAY)
    assert days.labels(zone_of("Pacific/Auckland")) == days.labels(UTC)


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../../etc/passwd", "Europe", "/etc/localtime", "A" * 500, "<b>"])
def test_a_zone_that_is_none_is_utc(name):
    assert zone_of(name) is UTC


def test_the_browser_tells_its_zone(chromium, gateway):
    with visitor(chromium, gateway, "viewer", timezone_id="Europe/Paris") as page:
        page.goto("/console/now")
        assert ">Europe/Paris<" in page.request.get("/console/now/day.svg?theme=light&v=0").text()
    with visiting(gateway, "viewer") as client:
        assert ">UTC<" in client.get("/console/now/day.svg?theme=light").text
