"""The machine-readable zone: its three forms, and what a slip in any checked character does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.recognize.mrz import documents

TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"


@pytest.mark.parametrize("zone", [TD1, TD2, TD3])
@pytest.mark.parametrize("newline", ["\n", "\r\n", " "])
def test_a_zone_is_found_where_it_stands(zone, newline):
    written = zone.replace("\n", newline)
    text = f"scan: {written} end"
    assert [text[start:end] for start, end in documents(text)] == [written]


@given(st.integers(0, 27), st.integers(1, 9))
def test_a_slip_in_a_checked_digit_shows(at, by):
    """In a digit of the second line that a check digit covers; the check digits of 9303 find every single slip but
    those of 10, which digits cannot make."""
    first, second = TD3.split("\n")
    if not second[at].isdigit():
        return
    slipped = second[:at] + str((int(second[at]) + by) % 10) + second[at + 1 :]
    assert list(documents(f"{first}\n{slipped}")) == []
