"""The matrix plays models that stand behind no seal: terms that demand one are tried without that block, and nothing else."""

import json

from tests.making import ANYTHING, draft

from caveat.gateway.coverage.door import unsealed
from caveat.keys import new_signing_key
from caveat.talks.draft import read_draft
from caveat.terms.samples import sample_terms

ROW = {
    "vkey": new_signing_key("labs.example.test/seal").verify_key.text,
    "models": ["smollm2-135m"],
    "permits": [new_signing_key("gw1.permits").verify_key.text],
}


def test_only_the_seals_are_left_out():
    plain = read_draft(sample_terms())
    sealed = read_draft(sample_terms() + b"\nseals:\n  - " + json.dumps(ROW).encode() + b"\n")
    tried = unsealed(sealed)
    assert (sealed.seals != (), tried.seals) == (True, ())
    assert (tried.cedar, tried.schema, tried.thresholds, tried.models) == (
        plain.cedar,
        plain.schema,
        plain.thresholds,
        plain.models,
    )


def test_terms_that_demand_none_are_tried_as_they_stand():
    plain = draft(ANYTHING)
    assert unsealed(plain) is plain
