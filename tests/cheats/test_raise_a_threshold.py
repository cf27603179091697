"""The operator lets the gateway count a hazard as seen only at a higher score than was agreed.

What detects it: thresholds are signed, scores are facts on record, and hazards must follow from them.  A recognizer that
gives lower scores is another cheat (test_swap_the_recognizer).
"""

from tests.cheats.owner import check, failures, history
from tests.evidence.conftest import with_facts


def test_hazards_that_the_scores_reach_are_missed() -> None:
    book = history(2)
    book.call(with_facts(pm={"x_cyb": 700}, hazard_permille=700, hazards_in=()))
    assert "are not those that the scores reach by the terms' thresholds" in failures(check(book.bundle()))[10]


def test_with_closed_records_only_a_challenge_shows_it() -> None:
    book = history(2)
    book.call(with_facts(pm={"x_cyb": 700}, hazard_permille=700, hazards_in=()))
    assert check(book.bundle(profile="none")).verified
    from tests.evidence.test_challenge import KEY, answered, asked, judged

    bundle = book.bundle(profile="none", share_key=KEY)
    challenge = asked(bundle, 1_000)
    assert any("thresholds" in bad.why for bad in judged(bundle, challenge, answered(book, bundle, challenge)).bad)
