"""Terms that let everything pass: what the first upstream of a fallback stands under while the matrix is measured.

A fallback is a fresh decision under the terms of the model that it goes to.  To see that decision alone, the attempt
before it must not be decided by the terms that are tried: it goes to another model, under an agreement of its own whose
one clause permits everything, and fails.
"""

import msgspec

from caveat.talks.draft import read_draft
from caveat.terms.document import Draft
from caveat.terms.parse import parse_terms
from caveat.terms.source import read_source

ID = "open-door"
IDENTITY = "weights:sha256:" + "0" * 64
"""A model that nobody has."""


def open_door(draft: Draft) -> Draft:
    """Terms with the draft's parties, purposes and tools for a model of that identity, under its first alias."""
    written = read_source(draft.yaml).value
    assert isinstance(written, dict)
    kept = {key: written[key] for key in ("caveat_terms", "title", "parties", "languages", "valid", "purposes")}
    clause = {
        "id": "open",
        "title": dict(draft.title),
        "says": dict(draft.title),
        "effect": "permit",
        "when": "true",
        "fields": ["/*"],
    }
    door = {
        **kept,
        "id": ID,
        "version": 1,
        "models": [{"alias": draft.models[0].alias, "identity": IDENTITY}],
        "tools": [msgspec.to_builtins(rule) for rule in draft.tools],
        "thresholds": {"default": 1000},
        "clauses": [clause],
    }
    return parse_terms(msgspec.json.encode(door))


def unsealed(draft: Draft) -> Draft:
    """The same terms without the seals that they demand: the models that the matrix plays stand behind none."""
    if not draft.seals:
        return draft
    written = read_source(draft.yaml).value
    assert isinstance(written, dict)
    return read_draft(msgspec.json.encode({key: value for key, value in written.items() if key != "seals"}))
