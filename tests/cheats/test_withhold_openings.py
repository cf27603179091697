"""The operator opens the convenient part of a challenge's sample, or less of each record.

What detects it: whatever is asked for and not shown is bad; so is a record that shows fewer names than were asked for.
"""

from tests.cheats.owner import history
from tests.evidence.test_challenge import KEY, answered, asked, chosen_in, judged

from caveat import record


def test_a_refusal_is_a_violation() -> None:
    book = history(60)
    bundle = book.bundle(profile="none", share_key=KEY)
    challenge = asked(bundle, 40)
    odd = [
        i for i in chosen_in(book, bundle, challenge)["all"] if record.read_leaf(book.entries[i].leaf).o == "stopped"
    ]
    assert odd
    verdict = judged(bundle, challenge, answered(book, bundle, challenge, without=tuple(odd)))
    assert {bad.index for bad in verdict.bad} == set(odd)
    assert "were refused" in verdict.sentence
    assert not judged(bundle, challenge, answered(book, bundle, challenge, name="counts")).sound
