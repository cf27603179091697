"""Personal data: check digits, forms, context; and numbers that look alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from tests.recognize.reading import seen_by

from caveat.recognize.personal import SPECIAL, Personal
from caveat.recognize.personal_forms import IBAN_LENGTHS, iban, kvnr

PERSONAL = Personal()
MRZ3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
MRZ1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
MRZ2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"

FOUND = {
    "an address": ("write to jean.dupont@gouv.fr today", "email", "jean.dupont@gouv.fr"),
    "an address with a tag": ("<Anna+news@mail.uni-wien.ac.at>", "email", "Anna+news@mail.uni-wien.ac.at"),
    "a card in groups": ("pay with 4111 1111 1111 1111 please", "card", "4111 1111 1111 1111"),
    "a card with hyphens": ("5500-0000-0000-0004", "card", "5500-0000-0000-0004"),
    "a card in one": ("carte 4111111111111111, exp 12/27", "card", "4111111111111111"),
    "American Express": ("3782 822463 10005", "card", "3782 822463 10005"),
    "cards beside each other": ("4111 1111 1111 1111 5500 0000 0000 0004", "card", "4111 1111 1111 1111"),
    "an account": ("IBAN: GR16 0110 1250 0000 0001 2300 695 MERCI", "iban", "GR16 0110 1250 0000 0001 2300 695"),
    "a French account": ("FR7630006000011234567890189", "iban", "FR7630006000011234567890189"),
    "France": ("NIR 2 95 10 99 126 111 93", "fr-nir", "2 95 10 99 126 111 93"),
    "France in one": ("n° 295109912611193", "fr-nir", "295109912611193"),
    "Germany": ("Meine Steuer-ID: 36 574 261 809", "de-idnr", "36 574 261 809"),
    "Germany, health": ("Krankenversichertennummer A123456780", "de-kvnr", "A123456780"),
    "Spain": ("Mi DNI es 54362315-K", "es-dni", "54362315-K"),
    "Spain, foreigners": ("NIE: X2482300W", "es-nie", "X2482300W"),
    "Italy": ("C.F. RCCMNL83S18D969H", "it-codice-fiscale", "RCCMNL83S18D969H"),
    "the United Kingdom": ("National Insurance number AB 12 34 56 C", "gb-nino", "AB 12 34 56 C"),
    "the United Kingdom, health": ("NHS number 943 476 5870", "gb-nhs", "943 476 5870"),
    "the United States": ("SSN 536-90-4399", "us-ssn", "536-90-4399"),
    "the United States in one": ("social security no. 536904399", "us-ssn", "536904399"),
    "the Netherlands": ("BSN 111222333", "nl-bsn", "111222333"),
    "Belgium": ("85.07.30-033.28", "be-nrn", "85.07.30-033.28"),
    "Belgium in one": ("rijksregisternummer 85073003328", "be-nrn", "85073003328"),
    "Switzerland": ("AHV 756.9217.0769.85", "ch-ahv", "756.9217.0769.85"),
    "Poland": ("PESEL: 44051401359", "pl-pesel", "44051401359"),
    "a telephone": ("call +33 6 12 34 56 78", "phone", "+33 6 12 34 56 78"),
    "a telephone in one": ("+4915112345678", "phone", "+4915112345678"),
    "a French telephone": ("Appelez-moi au 06 12 34 56 78.", "phone", "06 12 34 56 78"),
    "an American telephone": ("(212) 555-0199", "phone", "(212) 555-0199"),
    "a passport": (f"scan:\n{MRZ3}\nend", "mrz", MRZ3),
    "an identity card": (MRZ1, "mrz", MRZ1),
    "an older identity card": (MRZ2, "mrz", MRZ2),
    "full width": ("電話 ＋３３ ６ １２ ３４ ５６ ７８", "phone", "＋３３ ６ １２ ３４ ５６ ７８"),
    "no-break spaces": ("4111\u00a01111\u00a01111\u00a01111", "card", "4111\u00a01111\u00a01111\u00a01111"),
    "zero-width between": ("4111\u200b 1111\u200b 1111\u200b 1111", "card", "4111\u200b 1111\u200b 1111\u200b 1111"),
}

HONEST = {
    "a role": "contact info@ministry.example.gov or noreply@vendor.io",
    "the documentation's": "user@example.com, someone@test.invalid",
    "a picture": "logo@2x.png",
    "a repository": "git@github.com:caveat/caveat.git",
    "a handle": "ask @jean on the forum @ noon",
    "a decorator": "@pytest.mark.parametrize and @app.get",
    "a package": "left-pad@1.3.0",
    "OData": 'record["x@OData.Community.Display.V1.FormattedValue"]',
    "a card with a slip": "4111 1111 1111 1112",
    "zeros": "0000 0000 0000 0000",
    "nine digits": "order 123456789 and 536904399",
    "ten digits": "ticket 9434765870",
    "eleven digits": "id 36574261809 and 44051401359",
    "a Spanish code without context": "part 54362315K",
    "a British code without context": "bolt AB 12 34 56 C",
    "a date and time": "2024-01-15 10:30:00.123456",
    "dates": "from 01.02.2023 to 28.02.2024, 2023-2024",
    "an address of a machine": "192.168.100.200 and 10.0.0.1:8080",
    "a version": "1.50.00.00.123",
    "a fraction": "0.4111111111111111 and 3.14159265358979323846",
    "a UUID": "123e4567-e89b-12d3-a456-426614174000",
    "a time in milliseconds": "1700000000000",
    "a book": "ISBN 978-3-16-148410-0",
    "sums": "1 000 000 000 000 and 12,345,678.90",
    "a sum added": "a+15000000 is +1000000000",
    "an area code to nowhere": "000-12-3456 and 987-65-4321 and 666-12-3456",
    "an account with a slip": "GR17 0110 1250 0000 0001 2300 695",
    "a letter code": "AB12 CDEF GHIJ",
    "less and less": "if a << 2 and b << 3: P<T>",
    "a passport with a slip": MRZ3.replace("7408122", "7408123"),
    "a table": "\n".join(f"{n * n:05d} {n * 7919:06d}" for n in range(20, 60)),
}


@pytest.mark.parametrize(("text", "what", "where"), FOUND.values(), ids=FOUND)
def test_found(text, what, where):
    found = seen_by(PERSONAL, text)
    assert found[f"personal.{what}"][0] == where
    assert found[f"personal.{what}"][1] >= 850
    assert [category for category in found if category.startswith("personal.")] == [f"personal.{what}"]


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_honest(text):
    assert [c for c in seen_by(PERSONAL, text) if c.startswith("personal.")] == []


def test_what_says_something_about_health_is_special():
    assert {f"personal.{what}" for _, what, _ in FOUND.values()} >= SPECIAL


def test_personal_data_in_base64_is_found_but_is_no_hiding():
    """A web token or a mail's attachment holds addresses; that they were encoded is no finding of its own."""
    text = "eyJzdWIiOiJqZWFuLmR1cG9udEBnb3V2LmZyIiwibmFtZSI6IkplYW4ifQ"
    assert seen_by(PERSONAL, text) == {"personal.email": (text, 1000)}


@given(st.integers(10**14, 10**15 - 1))
def test_every_visa_number_with_its_check_digit(number):
    body = f"4{number}"[:15]
    card = body + luhn.calc_check_digit(body)
    found = "personal.card" in seen_by(PERSONAL, f"card {card}")
    assert found == (len(set(card)) > 1)


@given(st.sampled_from(sorted(IBAN_LENGTHS)), st.data())
def test_every_iban_with_its_check_digits(country, data):
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    size = IBAN_LENGTHS[country] - 4
    bank = data.draw(st.text(alphabet=letters, max_size=4))
    account = bank + data.draw(st.text(alphabet=letters[:10], min_size=size - len(bank), max_size=size - len(bank)))
    digits = "".join(str(letters.index(c)) for c in account + country) + "00"
    number = f"{country}{98 - int(digits) % 97:02}{account}"
    assert iban(number)
    assert seen_by(PERSONAL, f"to {number}.")["personal.iban"] == (number, 1000)
    grouped = " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    assert seen_by(PERSONAL, f"to {grouped}.")["personal.iban"] == (grouped, 1000)


def test_the_health_insurance_digit():
    assert kvnr("A123456780")
    assert not kvnr("A123456781")
