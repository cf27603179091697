"""Banner lines and portion marks: where a marking stands, and where only its word does."""

import pytest
from tests.recognize.reading import EVASIONS, prose, seen_by

from caveat.recognize.banners import HORIZON, Banners
from caveat.recognize.markings import load_profile

NATIONAL = Banners(load_profile("national"))
CIVIL = Banners(load_profile("civil"))

MARKED = {
    "a banner": ("TOP SECRET//SI//NOFORN", "TOP SECRET//SI//NOFORN"),
    "between paragraphs": ("Hello.\nSECRET//REL TO USA, AUS, GBR\nThe convoy left.", "SECRET//REL TO USA, AUS, GBR"),
    "in one line with the text": (
        "Summarise: TOP SECRET//SI//NOFORN The convoy left at noon.",
        "TOP SECRET//SI//NOFORN",
    ),
    "closed up in lower case": ("summarise secret//noforn the convoy", "SECRET//NOFORN"),
    "a line of its own": ("Report\n\n   SECRET   \n\nThe convoy", "SECRET"),
    "decorated": ("*** CONFIDENTIAL ***\nText", "CONFIDENTIAL"),
    "in HTML": ("<p><b>SECRET</b></p>\ntext", "SECRET"),
    "with its page": ("CONFIDENTIAL - Page 3 of 12", "CONFIDENTIAL"),
    "after a label": ("Classification: Secret\nText", "SECRET"),
    "after a French label": ("Niveau de classification : Très secret", "TRÈS SECRET"),
    "after a German label": ("Einstufung: VS-Vertraulich", "VS-VERTRAULICH"),
    "after a Spanish label": ("Clasificación: Confidencial", "CONFIDENCIAL"),
    "as a value of JSON": ('{\n  "classification": "SECRET",\n  "text": ""\n}', "SECRET"),
    "as a subject": ("Subject: [CONFIDENTIAL] Figures of May", "CONFIDENTIAL"),
    "as a French subject": ("Objet : RE: [CONFIDENTIEL] Chiffres", "CONFIDENTIEL DÉFENSE"),
    "a portion": ("(S//NF) The convoy left at noon.", "SECRET//NOFORN"),
    "a portion in the text": ("One. (TS//SI//REL TO USA, GBR) Two.", "TOP SECRET//SI//REL TO USA, GBR"),
    "a portion alone": ("(TS) The convoy left.", "TOP SECRET"),
    "NATO": ("NATO SECRET\n\ntext", "NATO SECRET"),
    "NATO in another's document": ("//COSMIC TOP SECRET//ATOMAL//\ntext", "COSMIC TOP SECRET//ATOMAL"),
    "EU": ("RESTREINT UE/EU RESTRICTED", "EU RESTRICTED"),
    "the United Kingdom": ("OFFICIAL-SENSITIVE COMMERCIAL", "OFFICIAL-SENSITIVE//COMMERCIAL"),
    "France": ("CONFIDENTIEL DÉFENSE\nSPÉCIAL FRANCE", "CONFIDENTIEL DÉFENSE"),
    "France with its caveat": ("SECRET//SPÉCIAL FRANCE", "SECRET//SPECIAL FRANCE"),
    "Germany": ("VS – Nur für den Dienstgebrauch", "VS-NUR FÜR DEN DIENSTGEBRAUCH"),
    "Spain": ("SECRETO\nEl convoy salió.", "SECRETO"),
    "controlled unclassified": ("CUI//SP-CTI//NOFORN", "CUI//NOFORN//CTI"),
    "an unknown word": ("SECRET//PURPLE//NOFORN", "SECRET//NOFORN//unknown"),
    "an unknown word at the end": ("SECRET//PURPLE", "SECRET//unknown"),
    "an unknown country": ("SECRET//REL TO USA, XQZ\n", "SECRET//unknown"),
    "slashes forgotten": ("SECRET NOFORN", "SECRET//NOFORN"),
    "several, rolled up": ("SECRET//SI\nx\n(S//NF) y", "SECRET//SI//NOFORN"),
    "spaced out": ("T O P  S E C R E T // S I // N O F O R N", "TOP SECRET//SI//NOFORN"),
    "without spaces": ("TOPSECRET//SI//NOFORN", "TOP SECRET//SI//NOFORN"),
    "escaped by a program": ('"TOP SECRET//SI//NOFORN\\nThe convoy"', "TOP SECRET//SI//NOFORN"),
    "a line escaped by a program": ('{"body": "Hello\\nNATO SECRET\\nThe convoy"}', "NATO SECRET"),
}

HONEST = [
    "the secret of good soup",
    "The Secret Garden",
    "CONFIDENTIAL sources said that talks were failing",
    "Confidential sources said so.",
    "Le secret professionnel lie le médecin.",
    "Das ist streng geheim, sagte sie.",
    "It was a top secret meeting // or so they said",
    "Is this secret or public?",
    "my secret // do not commit",
    "SECRET = os.environ['SECRET']",
    "    SECRET,",
    "public:\nprivate:\nprotected:",
    "public // internal use",
    "Levels:\n- PUBLIC\n- INTERNAL\n- CONFIDENTIAL\n- SECRET",
    '[\n  "PUBLIC",\n  "SECRET"\n]',
    "1. SECRET\n2. TOP SECRET",
    "Top Secret",
    "Secret",
    "Internal",
    "a) one (c) three (s) more",
    "Copyright (C) 2024",
    "TypeScript (TS) is a language",
    "controlled unclassified information (CUI)",
    "See https://secret//path and http://example.org/confidential//noise",
    "This email and any attachments are confidential and intended for the addressee.",
    "Restricted stock units vest over four years.",
    "He classified the sample as restricted: no dogs.",
    "SECRET SANTA",
    "VICTORIA'S SECRET",
    "UNCLASSIFIED ADS\nbuy and sell",
]


@pytest.mark.parametrize(("text", "wanted"), MARKED.values(), ids=MARKED)
def test_marked(text, wanted):
    profile = NATIONAL.profile
    values = [f.value for f in findings(text)]
    assert values
    assert profile.render(profile.roll_up([profile.parse(value) for value in values])) == wanted


def findings(text, recognizer=NATIONAL):
    from caveat.recognize.panel import Panel

    return [f for f in Panel([recognizer]).recognize_text(text, "user") if f.category.startswith("marking.")]


@pytest.mark.parametrize("text", HONEST)
def test_honest(text):
    assert findings(text) == []
    assert findings(text, CIVIL) == []


CIVIL_MARKED = {
    "CONFIDENTIAL": "CONFIDENTIAL",
    "Intro\nFor internal use only\n": "INTERNAL",
    "Strictly Confidential": "RESTRICTED",
    "TLP:RED": "RESTRICTED",
    "TLP:AMBER+STRICT": "RESTRICTED",
    "TLP:CLEAR": "PUBLIC",
    "Confidentialité : interne": "INTERNAL",
    "STRENG VERTRAULICH": "RESTRICTED",
    "USO INTERNO": "INTERNAL",
    "CONFIDENTIAL//NDA": "CONFIDENTIAL//NDA",
    "TOP SECRET//SI//NOFORN": "STATE CLASSIFIED//STATE CONTROL//NOFORN",
    "NATO RESTRICTED": "STATE CLASSIFIED",
    "(S//NF) The convoy": "STATE CLASSIFIED//NOFORN",
}


@pytest.mark.parametrize(("text", "wanted"), CIVIL_MARKED.items())
def test_a_civil_profile_sees_its_own_and_a_states(text, wanted):
    assert [f.value for f in findings(text, CIVIL)] == [wanted]


def test_the_finding_points_at_the_banner():
    text = "Dear all,\n\nTOP SECRET//SI//NOFORN\n\nThe convoy"
    assert seen_by(NATIONAL, text) == {"marking.top-secret": ("TOP SECRET//SI//NOFORN", 1000)}


def test_one_finding_a_level_however_many_marks():
    text = "(S//NF) one\n(S//SI) two\n(C//NF) three\n" * 50
    assert sorted((f.category, f.value) for f in findings(text)) == [
        ("marking.confidential", "CONFIDENTIAL//NOFORN"),
        ("marking.secret", "SECRET//SI//NOFORN"),
    ]


@pytest.mark.parametrize("evade", EVASIONS.values(), ids=EVASIONS)
def test_evaded(evade):
    banner = "TOP SECRET//SI//NOFORN"
    text = f"{prose(80)}\n{evade(banner)}\n{prose(80)}"
    (found,) = findings(text)
    assert found.value == banner
    assert evade(banner).startswith(text[found.start : found.end][:4])


@pytest.mark.parametrize("voice", ["system", "user", "model", "tool", "definition", "field"])
def test_a_marking_counts_in_every_voice(voice):
    assert "marking.secret" in seen_by(NATIONAL, "SECRET//NOFORN", voice)


def test_no_banner_is_longer_than_the_horizon():
    banner = "TOP SECRET//" + "/".join(c.id for c in NATIONAL.profile.words.caveats if c.id != "REL TO")
    (found,) = findings(banner)
    assert found.end - found.start <= HORIZON + 64
    assert len(banner) > HORIZON
