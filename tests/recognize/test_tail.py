"""What the guard holds back: every form that the tests know, cut at every place, begins in it; prose is let go."""

import pytest
from tests.recognize import test_banners, test_personal, test_secrets
from tests.recognize.reading import CIVIL, NATIONAL, prose


def texts(table):
    """All strings in a table of examples, however it nests."""
    if isinstance(table, str):
        yield table
    else:
        for example in table.items() if isinstance(table, dict) else table:
            yield from texts(example) if isinstance(example, str | list | tuple | dict) else ()


TABLES = {
    "personal": test_personal.FOUND,
    "secrets": test_secrets.FOUND,
    "rare secrets": test_secrets.RARE,
    "markings": test_banners.MARKED,
    "civil markings": test_banners.CIVIL_MARKED,
}


@pytest.mark.parametrize("table", TABLES)
def test_a_form_that_is_cut_begins_in_what_is_held(table):
    """Also one that is whole at the cut, for it may grow."""
    tried = 0
    for text in sorted({text for text in texts(TABLES[table]) if len(text) > 8}):
        whole = f"{prose(300)}\n{text}\n{prose(100)}"
        for panel in (NATIONAL, CIVIL):
            for finding in panel.recognize_text(whole, "model"):
                for cut in range(finding.start + 1, finding.end + 1):
                    tried += 1
                    assert cut - panel.pending(whole[:cut]) <= finding.start, (text, cut - finding.start)
    assert tried > 100


def test_prose_is_held_for_a_line_at_most():
    """The price of the guard in ordinary text: about a hundred characters beyond the stride."""
    text = prose(3_000, seed=7).replace(". ", ". In 2024 costs rose by 3.5 percent, the administrator said. ")
    held = [NATIONAL.pending(text[:cut]) for cut in range(300, len(text), 64)]
    assert max(held) <= 128


def test_never_more_than_the_horizon_or_the_text():
    assert NATIONAL.pending("") == 0
    assert NATIONAL.pending("ab") == 2
    assert NATIONAL.pending("x" * 5_000) == NATIONAL.horizon
