"""The block `seals:`: read with its keys checked, and found by model."""

import pytest
from tests.making import ANYTHING, document, draft

from caveat.errors import BadInput
from caveat.keys import KeyKind, new_signing_key
from caveat.terms.parse import parse_terms

SEAL = new_signing_key("labs.example.test/seal-1").verify_key.text
PERMITS = new_signing_key("gw1.permits").verify_key.text
OTHER = new_signing_key("gw1.permits", KeyKind.COSIGN).verify_key.text


def row(**changes):
    return {"vkey": SEAL, "models": ["small"], "permits": [PERMITS], **changes}


def test_seals_are_found_by_the_model_that_they_stand_before():
    models = [{"alias": "small", "identity": "any"}, {"alias": "large", "identity": "any"}]
    made = draft(ANYTHING, models=models, seals=[row()])
    assert [seal.name for seal in made.seals_of("small")] == ["labs.example.test/seal-1"]
    assert made.seals_of("large") == ()
    assert made.seals_of("small")[0].permits == (PERMITS,)


def test_terms_without_the_block_demand_none():
    assert draft(ANYTHING).seals_of("small") == ()


@pytest.mark.parametrize(
    ("case", "rows", "words"),
    [
        ("no key", [row(vkey="labs")], "cannot be read"),
        (
            "a key changed by one character",
            [row(vkey=SEAL[:-2] + ("A=" if SEAL[-2] != "A" else "B="))],
            "cannot be read",
        ),
        ("a key of another kind", [row(permits=[OTHER])], "not a plain Ed25519 key"),
        ("a model that is not there", [row(models=["large"])], "which is no model of these terms"),
        ("one name twice", [row(), row()], "two seals are called"),
        ("no permits", [row(permits=[])], "permits"),
        ("a key more", [row(more=1)], "there is no key `more` here"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(case, rows, words):
    with pytest.raises(BadInput, match=r"line|expected") as refused:
        parse_terms(document(ANYTHING, seals=rows))
    assert words in refused.value.message
