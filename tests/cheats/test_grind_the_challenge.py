"""One side tries shares until the sample suits it: the operator to miss a record, the outsider to hit one.

What detects it: the operator's share was committed to in the signed manifest before the outsider's existed; the outsider's
note was signed before the operator's was revealed.  A second manifest to grind with is a second bundle.
"""

import hashlib
import io

import pytest
from tests.cheats.owner import history
from tests.evidence.conftest import TRUST, VENDOR
from tests.evidence.test_challenge import KEY, answered, asked, judged

from caveat.errors import NotVerified
from caveat.evidence.answer import read_answer, write_answer
from caveat.evidence.challenge import write_challenge


def test_another_share_of_the_operators_is_refused() -> None:
    book = history(30)
    bundle = book.bundle(profile="none", share_key=KEY)
    challenge = asked(bundle, 10)
    honest = read_answer(io.BytesIO(answered(book, bundle, challenge)), TRUST.logs)
    for attempt in range(20):
        out = io.BytesIO()
        share = hashlib.sha256(b"grind %d" % attempt).digest()
        write_answer(out, write_challenge(challenge, VENDOR), share, list(honest.openings.values()), book.keys.plain)
        with pytest.raises(NotVerified, match="not the one that the bundle committed to"):
            judged(bundle, challenge, out.getvalue())


def test_a_bundle_made_again_for_another_share_is_another_bundle() -> None:
    """Another range, another key of the house: the manifest that the outsider named is not this one."""
    book = history(30)
    bundle = book.bundle(profile="none", share_key=KEY)
    challenge = asked(bundle, 10)
    ground = book.bundle(profile="none", share_key=b"g" * 32)
    with pytest.raises(NotVerified, match="another bundle"):
        judged(ground, challenge, answered(book, bundle, challenge))


def test_another_challenge_of_the_outsiders_does_not_fit_the_answer() -> None:
    book = history(30)
    bundle = book.bundle(profile="none", share_key=KEY)
    answer = answered(book, bundle, asked(bundle, 10))
    with pytest.raises(NotVerified, match="another challenge than yours"):
        judged(bundle, asked(bundle, 10, share=hashlib.sha256(b"aimed").digest()), answer)
