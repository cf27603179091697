"""Makes terms and facts for tests: small documents, facts of any shape the vocabulary allows."""

import json
from typing import Any

from hypothesis import strategies as st

from caveat import vocabulary as v
from caveat.facts import Facts
from caveat.recognize.markings import load_profile
from caveat.terms.cedar_schema import listed
from caveat.terms.document import Draft, Terms
from caveat.terms.parse import parse_terms
from caveat.terms.samples import sample_terms

HEAD: dict[str, Any] = {
    "caveat_terms": 1,
    "id": "trial",
    "version": 1,
    "title": {"en": "Trial", "fr": "Essai"},
    "parties": {"vendor": {"name": "Example Labs"}, "operator": {"name": "Example Ministry"}},
    "languages": ["en", "fr"],
    "valid": {"from": "2026-01-01", "until": "2026-12-31"},
    "models": [{"alias": "small", "identity": "any"}],
    "purposes": ["drafting", "analysis"],
    "tools": [
        {"name": "search_*", "kind": "retrieval", "side_effect": "read"},
        {"name": "send_message", "kind": "message", "side_effect": "irreversible"},
    ],
    "thresholds": {"default": 500, "x_inj": 300},
    "notice": {"en": "Machine-made.", "fr": "Fait par une machine."},
}


def clause(id_: str, effect: str, when: str | None = None, **more: Any) -> dict[str, Any]:
    """One clause as it is written; promised where it has no condition."""
    written = {"id": id_, "title": {"en": id_, "fr": id_}, "says": {"en": f"Says {id_}.", "fr": f"Dit {id_}."}}
    rest: dict[str, Any] = {"when": when} if when is not None else {"promised": True}
    return {**written, "effect": effect, **rest, **more}


ANYTHING = clause("all", "permit", "context.labelRank <= 15")


def document(*clauses: dict[str, Any], **head: Any) -> bytes:
    """A whole document (JSON is YAML), a line for each key and clause."""
    lines = [f"{json.dumps(k)}: {json.dumps(value)}" for k, value in {**HEAD, **head}.items()]
    body = "\n".join(f"- {json.dumps(one)}" for one in clauses)
    return ("\n".join(lines) + "\nclauses:\n" + body + "\n").encode()


def draft(*clauses: dict[str, Any], caveats: tuple[str, ...] = (), **head: Any) -> Draft:
    """The document, compiled."""
    return parse_terms(document(*clauses, **head), caveats)


def terms(*clauses: dict[str, Any], **head: Any) -> Terms:
    """As if both parties had signed it."""
    return Terms(draft(*clauses, **head), "sha256:" + "0" * 64, ())


def sample() -> Draft:
    """The sample terms."""
    return parse_terms(sample_terms(), load_profile("civil").caveats)


def facts(**changes: Any) -> Facts:
    """The facts of an ordinary call under `HEAD`, but for `changes`."""
    plain: dict[str, Any] = {
        "caller": "alice",
        "operation": "chat",
        "model": "small",
        "caller_kind": "human",
        "clearance_rank": 0,
        "model_kind": "endpoint",
        "streaming": False,
        "choices": 1,
        "chars_in": 12,
        "tokens_out_max": 0,
        "modalities": ("text",),
        "structured": False,
        "fields": (),
        "unknown_fields": 0,
        "unread_parts": 0,
        "purpose": "drafting",
        "output_use": "internal",
        "effect": "informs-human",
        "regulated_area": "none",
        "oversight": "none",
        "case_given": False,
        "label_rank": 0,
        "label_source": "floor",
        "caveats": (),
        "personal_data": "none",
        "secrets_in": False,
        "hazards_in": (),
        "voiced_in": (),
        "hazard_permille": 0,
        "hidden_text": (),
        "language_uncovered": False,
        "detector": "none",
        "tools": (),
        "unlisted_tools": 0,
        "side_effect": "none",
        "network": "connected",
        "posture": "normal",
        "epoch": 1_790_000_000,
        "pm": {},
        "guard": "none",
        "guard_hazards": (),
    }
    return Facts(**{**plain, **changes})


def any_facts(draft: Draft) -> st.SearchStrategy[Facts]:
    """Facts of every shape that the draft's schema allows."""
    fields = dict(zip(Facts.__struct_encode_fields__, Facts.__struct_fields__, strict=True))
    values = {fields[fact.name]: _values(fact.type, draft) for fact in v.FACTS}
    scores = st.dictionaries(st.sampled_from(v.HAZARDS), st.integers(1, 1000), max_size=3)
    return st.builds(
        Facts,
        caller=st.sampled_from(["alice", "bob"]),
        operation=st.sampled_from(v.OPERATIONS),
        model=st.sampled_from([model.alias for model in draft.models]),
        pm=scores,
        pm_out=scores,
        **values,
    )


def _values(kind: v.FactType, draft: Draft) -> st.SearchStrategy[Any]:
    match kind:
        case v.SetOf():
            words = kind.of.values or listed(draft.schema, kind.of.name)
            if not words:
                return st.just(())
            return st.lists(st.sampled_from(words), max_size=3, unique=True).map(lambda ws: tuple(sorted(ws)))
        case v.Enum():
            return st.sampled_from(kind.values or listed(draft.schema, kind.name))
        case v.Long():
            few = [n for n in (kind.low, kind.low + 1, 4, 5, 1024, 1025) if kind.low <= n <= kind.high]
            return st.one_of(st.sampled_from(few), st.integers(kind.low, kind.high))
        case v.Bool():
            return st.booleans()
