"""The operator runs a recognizer of other weights, or one that sees nothing, and records what it says.

What detects it: each record names the recognizers and the digests of their weights; terms that name a recognizer are not
served with another; a body that is opened on site is read again by the agreed one.  Bodies that nobody kept cannot be.
"""

from tests.cheats.owner import admits
from tests.evidence.test_reopen import opened, recorded


def test_weights_of_another_digest_are_named_in_the_record() -> None:
    values = recorded()
    values["request"]["recognizers"] = {
        "names": ["caveat-learned@2"],
        "learned": {"caveat-learned@2": {"weights": "sha256:00"}},
    }
    assert opened(values) == ("it was read by other recognizers, or other weights, than are here",)


def test_a_lie_about_what_was_seen_shows_when_the_body_is_opened() -> None:
    found = opened(recorded(pm={}, hazards_in=(), hazard_permille=0, voiced_in=()))
    assert any("does not follow from the body" in why for why in found)
    admits("facts that were false from the start")
