"""Marking profiles: words, ranks, roll-up, and the banner that reads back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import BadInput
from caveat.recognize.markings import NOFORN, PROFILES, REL_TO, UNKNOWN, Marking, key, load_profile

NATIONAL = load_profile("national")
CIVIL = load_profile("civil")

PARSED = {
    "an id": ("top-secret", Marking("top-secret")),
    "a title": ("TOP SECRET", Marking("top-secret")),
    "any case": ("Top Secret", Marking("top-secret")),
    "categories": ("TOP SECRET//SI//NOFORN", Marking("top-secret", ("NOFORN", "SI"))),
    "abbreviations": ("SECRET//OC/NF", Marking("secret", ("NOFORN", "ORCON"))),
    "countries": ("SECRET//REL TO USA, AUS, GBR", Marking("secret", ("REL TO",), ("USA", "AUS", "GBR"))),
    "a group of countries": (
        "SECRET//REL TO FVEY",
        Marking("secret", ("REL TO",), ("USA", "AUS", "CAN", "GBR", "NZL")),
    ),
    "a compartment": ("TOP SECRET//SI-GAMMA", Marking("top-secret", ("SI",))),
    "controlled unclassified": ("CUI//SP-CTI//NOFORN", Marking("cui", ("CTI", "NOFORN"))),
    "another category of it": ("CUI//SP-WATER", Marking("cui", ("CUI-SPECIFIED",))),
    "NATO": ("NATO SECRET//ATOMAL", Marking("nato-secret", ("ATOMAL",))),
    "NATO in French": ("OTAN SECRET", Marking("nato-secret")),
    "EU in both languages": ("CONFIDENTIEL UE/EU CONFIDENTIAL", Marking("eu-confidential")),
    "France": ("Très Secret", Marking("fr-top-secret")),
    "Germany": ("VS-Nur für den Dienstgebrauch", Marking("de-restricted")),
    "Spain": ("SECRETO", Marking("es-top-secret")),
    "the United Kingdom": ("OFFICIAL-SENSITIVE//PERSONAL", Marking("official-sensitive", ("PERSONAL",))),
    "a word that was not known": ("SECRET//unknown", Marking("secret", ("unknown",))),
}
REFUSED = {
    "nothing": "",
    "no level": "PURPLE",
    "a sentence": "the secret of good soup",
    "an unknown caveat": "SECRET//PURPLE",
    "an unknown country": "SECRET//REL TO USA, XYZ",
    "both ways at once": "SECRET//NOFORN//REL TO USA, GBR",
    "an empty category": "SECRET//",
    "very long": "SECRET//" + "A" * 100_000,
}


@pytest.mark.parametrize(("text", "wanted"), PARSED.values(), ids=PARSED)
def test_parse(text, wanted):
    assert NATIONAL.parse(text) == wanted


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refuse(text):
    with pytest.raises(BadInput) as refused:
        NATIONAL.parse(text)
    assert len(refused.value.message) < 200


def test_a_civil_profile_reads_in_four_languages():
    words = ["Strictly Confidential", "STRICTEMENT CONFIDENTIEL", "Streng vertraulich", "ESTRICTAMENTE CONFIDENCIAL"]
    assert {CIVIL.parse(word).level for word in words} == {"restricted"}


def test_another_profile_is_refused():
    with pytest.raises(BadInput):
        load_profile("martian")
    with pytest.raises(BadInput):
        NATIONAL.rank("martian")


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_sound(name):
    """Ranks within the fact's range; no two levels share a word; ids are distinct; a group's countries are countries."""
    profile = load_profile(name)
    assert all(0 <= level.rank <= 15 for level in profile.levels)
    words = [(key(word), level.id) for level in profile.levels for word in (level.title, *level.names, *level.phrases)]
    assert len({word for word, _ in words}) == len(set(words))
    assert len({level.id for level in profile.levels}) == len(profile.levels)
    assert len({c.id for c in profile.words.caveats}) == len(profile.words.caveats)
    assert {code for group in profile.words.groups.values() for code in group.split()} <= profile.countries
    assert set(profile.words.alone) <= {code for level in profile.levels for code in level.portions}


def test_the_order_of_levels():
    order = ["unclassified", "cui", "restricted", "confidential", "secret", "top-secret"]
    assert sorted(order, key=NATIONAL.rank) == order
    assert NATIONAL.rank("nato-secret") == NATIONAL.rank("eu-secret") == NATIONAL.rank("de-secret")
    assert sorted(["state", "public", "restricted", "internal", "confidential"], key=CIVIL.rank) == [
        "public",
        "internal",
        "confidential",
        "restricted",
        "state",
    ]


ROLLED = {
    "none": ([], "UNCLASSIFIED"),
    "the highest level": (["CONFIDENTIAL", "SECRET", "CUI"], "SECRET"),
    "all that restrict": (["SECRET//SI", "SECRET//TK", "CONFIDENTIAL//ORCON"], "SECRET//SI//TK//ORCON"),
    "common countries": (["SECRET//REL TO USA, AUS, GBR", "SECRET//REL TO USA, GBR, CAN"], "SECRET//REL TO USA, GBR"),
    "groups spelled out": (["SECRET//REL TO FVEY", "SECRET//REL TO USA, NZL, FRA"], "SECRET//REL TO USA, NZL"),
    "none in common": (["SECRET//REL TO AUS", "SECRET//REL TO FRA"], "SECRET//NOFORN"),
    "NOFORN wins": (["SECRET//REL TO USA, GBR", "CONFIDENTIAL//NOFORN"], "SECRET//NOFORN"),
    "unmarked pieces do not release": (["SECRET", "SECRET//REL TO USA, GBR"], "SECRET//REL TO USA, GBR"),
}


@pytest.mark.parametrize(("pieces", "wanted"), ROLLED.values(), ids=ROLLED)
def test_roll_up(pieces, wanted):
    whole = NATIONAL.roll_up([NATIONAL.parse(piece) for piece in pieces])
    assert NATIONAL.render(whole) == NATIONAL.render(NATIONAL.parse(wanted)) == wanted


@st.composite
def markings(draw):
    level = draw(st.sampled_from([level.id for level in NATIONAL.levels]))
    caveats = set(draw(st.lists(st.sampled_from(NATIONAL.caveats), max_size=6)))
    rel_to: tuple[str, ...] = ()
    if REL_TO in caveats:
        caveats -= {NOFORN}
        rel_to = NATIONAL.sort(set(draw(st.lists(st.sampled_from(sorted(NATIONAL.countries)), min_size=1, max_size=5))))
    return Marking(level, tuple(sorted(caveats)), rel_to)


@given(markings())
def test_the_banner_reads_back(marking):
    assert NATIONAL.parse(NATIONAL.render(marking)) == marking


@given(st.lists(markings(), min_size=1, max_size=5), st.randoms())
def test_rolling_up_loses_nothing_whatever_the_order(pieces, order):
    whole = NATIONAL.roll_up(pieces)
    mixed = list(pieces)
    order.shuffle(mixed)
    assert NATIONAL.roll_up(mixed) == whole
    assert NATIONAL.rank(whole.level) == max(NATIONAL.rank(piece.level) for piece in pieces)
    assert {c for piece in pieces for c in piece.caveats} - {REL_TO} <= set(whole.caveats)
    assert set(whole.rel_to) <= {c for piece in pieces for c in piece.rel_to}
    assert NATIONAL.parse(NATIONAL.render(whole)) == whole


@given(st.lists(markings(), min_size=1, max_size=3), st.lists(markings(), min_size=1, max_size=3))
def test_a_part_never_releases_what_the_whole_does_not(one, two):
    """Adding pieces can only tighten."""
    less, more = NATIONAL.roll_up(one), NATIONAL.roll_up(one + two)
    assert NATIONAL.rank(more.level) >= NATIONAL.rank(less.level)
    assert set(less.caveats) - {REL_TO} <= set(more.caveats)
    if REL_TO in less.caveats and REL_TO in more.caveats:
        assert set(more.rel_to) <= set(less.rel_to)


def test_unknown_is_among_the_caveats():
    assert UNKNOWN in NATIONAL.caveats
    assert UNKNOWN in CIVIL.caveats
    assert list(NATIONAL.caveats) == sorted(NATIONAL.caveats)


@pytest.mark.parametrize("name", PROFILES)
def test_the_documentation_lists_every_level_and_caveat(name):
    text = (Path(__file__).parents[2] / "docs" / "markings.md").read_text(encoding="utf-8")
    profile = load_profile(name)
    for level in profile.levels:
        assert f"| {level.rank} | `{level.id}` | {level.title} |" in text
    assert ", ".join(f"`{caveat}`" for caveat in profile.caveats) in text
