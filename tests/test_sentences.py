"""Our own sentences in another language: every one that may be shown is translated, found again by its shape, and words of
somebody else's stay as they are."""

import json
import re
import runpy
from pathlib import Path

import pytest

from caveat.sentences.said import HOLE, JOINTS, MOST_LETTERS, grouped, phrase, said

SCRIPT = runpy.run_path(str(Path(__file__).parents[1] / "script" / "sentences.py"))
BOOKS = sorted(SCRIPT["BOOKS"].glob("*.po"))


def test_there_is_a_book_of_every_language_but_english():
    assert {path.stem for path in BOOKS} == set(JOINTS)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_nothing_is_missing_and_the_compiled_one_is_the_written_one(path):
    """Where this fails: `script/words` takes the sentences out of the code; then translate what is new in the .po file, and
    run it again."""
    made = SCRIPT["catalogue"](path)
    assert SCRIPT["missing"](made) == []
    assert path.with_suffix(".json").read_bytes() == SCRIPT["compiled"](made)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_what_is_put_in_stands_in_both(path):
    for english, says in json.loads(path.with_suffix(".json").read_bytes()).items():
        assert sorted(HOLE.findall(english)) == sorted(HOLE.findall(says)), english
        assert english.count("`") == says.count("`"), english


SAID = {
    "a whole sentence": ("there is no such page", "il n'y a pas de telle page"),
    "a list and somebody's word": (
        "expected a role of viewer, approver, got `viewer`",
        "attendu un rôle parmi observateur, approbateur, reçu `viewer`",
    ),
    "one in another": (
        "record 7: the call ended `denied`, but the model counted tokens for it",
        "enregistrement 7 : l'appel s'est terminé `denied`, mais le modèle a compté des jetons pour lui",
    ),
    "numbers alone": ("0 to 51", "0 à 51"),
    "parts in a row": (
        "the lease lapses in 3 days or after 5 more calls",
        "le bail échoit dans 3 jours ou après encore 5 appels",
    ),
    "a fact of the vocabulary": (
        "`streamed` is true: whether the reply is streamed",
        "`streamed` est vrai : si la réponse est envoyée en flux",
    ),
    "no sentence of ours": ("welcome to the `none`, stranger", "welcome to the `none`, stranger"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("sentence", "french"), SAID.values(), ids=SAID)
def test_a_sentence_is_found_by_its_shape(sentence, french):
    assert said(sentence, "fr").replace("\u00a0", " ") == french
    assert said(sentence, "en") == sentence
    assert said(sentence, "xx") == sentence


def test_every_sentence_is_found_with_numbers_in_its_places():
    """No shape hides another: what the book says of each is what comes out when its places are filled."""
    book = json.loads(BOOKS[0].with_suffix(".json").read_bytes())
    lost = []
    for english, says in book.items():
        places = {name: str(i + 11) for i, name in enumerate(dict.fromkeys(HOLE.findall(english)))}
        filled, wanted = phrase(english, **places), phrase(says, **places)
        if said(filled, "fr") != wanted:
            lost.append((filled, said(filled, "fr")))
    assert lost == []


def test_a_long_text_is_left_alone_and_a_hostile_one_costs_little():
    long = "the ledger has no record " + "9" * MOST_LETTERS
    assert said(long, "fr") == long
    hostile = "record a, b, c: " * 200
    assert said(hostile, "fr").count("record") + said(hostile, "fr").count("enregistrement") >= 200


def test_a_phrase_is_filled_as_it_is_made():
    assert phrase("bundle {number} for {receiver}", "fr", number=3, receiver="{number}") == "dossier 3 pour {number}"
    assert phrase("bundle {number} for {receiver}", number=3, receiver="x") == "bundle 3 for x"
    assert phrase("what nobody translated {a}", "fr", a=1) == "what nobody translated 1"
    assert grouped("1,234.5", "fr") == "1\u202f234,5"
    assert grouped("1,234.5", "en") == "1,234.5"


def test_french_signs_keep_to_their_words():
    assert SCRIPT["set_french"]("Ensuite : « oui » ?") == "Ensuite\u00a0: «\u00a0oui\u00a0»\u00a0?"
    assert not re.search(r" [:;?!»]", BOOKS[0].with_suffix(".json").read_text("utf-8").replace('": "', ""))
