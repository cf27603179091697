"""The page that a party attaches: whole by itself, and safe to open."""

from html.parser import HTMLParser

import pytest

from caveat.talks.impact import Call, Changed, Impact, Tally
from caveat.talks.impact_page import impact_page

NASTY = '<script>alert(1)</script>&"'


def statement(count: int = 30) -> Impact:
    tally = Tally()
    for n in range(count):
        kind = "deny to allow" if n % 2 else "allow to hold"
        call = Call(f"{n:032x}", 1, NASTY if n == 3 else f"c{n}", "drafting")
        tally.note(Changed(call, kind, ("no.secrets",), "deny: no.secrets", "allow: work"))
    tally.cannot("the facts `why` were withheld", "f" * 32)
    tally.same = 1_000
    return tally.impact(terms="office@2", digest="sha256:1", from_ms=0, until_ms=86_400_000, engine="cedarpy/1")


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data):
        self.said.append(data)


@pytest.fixture(scope="module")
def page():
    reader = Reader()
    reader.feed(impact_page(statement()))
    return reader


def test_nothing_is_loaded_and_nothing_runs(page):
    assert page.links == []
    assert "script" not in page.tags
    assert "url(" not in impact_page(statement())


def test_the_numbers_stand_in_it(page):
    said = " ".join(page.said)
    assert "Of 1,031 calls" in said
    assert "1970-01-02 00:00 UTC" in said
    assert "the facts `why` were withheld" in said
    assert page.tags.count("svg") == 4
    assert "and 10 more, in the JSON statement" in said


def test_bars_are_in_proportion():
    page = impact_page(statement(3))
    assert page.count("<rect") == 2 + 2 + 2 + 3


def test_a_statement_of_nothing():
    page = impact_page(Tally().impact(terms="a@1", digest="", from_ms=0, until_ms=1, engine=""))
    assert "None changes." in page
    assert "<svg" not in page
