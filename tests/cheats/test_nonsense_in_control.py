"""The operator puts control records into the log whose documents are nonsense, or another act's: to make a verifier stumble,
or to have it pass over what it cannot read.

What detects it: each document is read as what its act demands (step 6, or the act's own step); a verifier never ends without a
verdict, and both come to the same.
"""

import io
import json

import pytest
from tests.cheats.owner import history, put_in
from tests.evidence.conftest import TRUST, terms_of
from tests.evidence.second import second_opinion

from caveat.evidence.report_page import verify_with_page
from caveat.evidence.verify import verify
from caveat.evidence.view import release_view
from caveat.register.fold import ACTS, NOTED

ENVELOPE = json.dumps(
    {
        "payload": "e30=",
        "payloadType": "application/vnd.caveat.terms+json",
        "signatures": [{"keyid": "x", "sig": "AAAA"}],
    }
).encode()
DOCUMENTS = {
    "nothing": b"",
    "no JSON": b"\xff\x00{",
    "a list": b"[[],7]",
    "an object": b"{}",
    "wrong kinds": json.dumps(
        {"role": [], "name": 7, "vkey": {}, "receiver": 1, "export": [], "kind": 2**63, "caller": "x", "party": None}
    ).encode(),
    "deep": b"[" * 5_000,
    "deep in a field": b'{"payload":"","of":' + b"[" * 5_000,
    "no text in a field": b'{"payload":"\xff","rows":[{"results":[{"state":[]}]}]}',
    "an envelope of nonsense": ENVELOPE,
    "another act's": terms_of(2),
    "a note of nobody's": b"caveat-end/v1\nx\n\n\xe2\x80\x94 nobody AAAAAAAA\n",
}


UNREAD = frozenset({"coverage.measured", *NOTED})
"""Acts whose documents nothing rests on: any is taken, and shown as it is."""


@pytest.mark.parametrize("what", [*ACTS, "an.act.of.tomorrow"])
def test_there_is_a_verdict(what: str) -> None:
    """The second verifier comes to the same."""
    for name, document in DOCUMENTS.items():
        bundle = put_in(history(1), what, "office", document)
        report = verify(io.BytesIO(bundle), TRUST)
        if what not in UNREAD and document and name != "another act's":
            assert not report.verified, (name, report.sentences())
        if what in UNREAD:
            assert verify_with_page(io.BytesIO(bundle), TRUST)[0] == report
        assert all(line.isascii() for line in release_view(io.BytesIO(bundle)))
        other = second_opinion(bundle, TRUST)
        assert (other == "") == report.verified, (name, other, report.sentences())
