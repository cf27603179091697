"""Runs clauses' probes through recognizers and the engine: what `terms lint` and the coverage matrix ask.

A probe that is a text is tried as a user's whole message and as a model's whole reply; one that is a call is read like
a caller's body (OpenAI chat completions).  Headers, keys and the place are the mildest: only content trips a probe.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from caveat.decide.policy import Policy
from caveat.errors import CaveatError
from caveat.facts import Caller, Declared, Facts, Place, gather, with_reply
from caveat.recognize.finding import Finding
from caveat.terms.document import Draft, Terms
from caveat.terms.lint import Trial
from caveat.wire.call import Call, Part

Recognize = Callable[[Sequence[Part]], Sequence[Finding]]
ReadCall = Callable[[bytes], Call]
NOON = 43_200_000


def make_trial(draft: Draft, recognize: Recognize, read_call: ReadCall, sees: frozenset[str]) -> Trial:
    """How lint runs this draft's probes.

    recognize   the panel's reading of parts;  read_call   the OpenAI chat dialect's
    sees        hazards that the panel can find (a panel without a learned recognizer: those of exact form)
    """
    policy = Policy(Terms(draft, "", ()))

    def held(sample: str | dict[str, Any]) -> frozenset[str] | None:
        try:
            facts = _facts(sample, draft, recognize, read_call)
        except CaveatError:
            return None
        clauses = set(policy.truth(facts).held)
        if isinstance(sample, str):
            said = recognize([Part("/0", "model", sample)])
            clauses |= set(policy.truth(with_reply(facts, said, (), draft)).held)
        return frozenset(clauses)

    return Trial(held, sees)


def _facts(sample: str | dict[str, Any], draft: Draft, recognize: Recognize, read_call: ReadCall) -> Facts:
    model = draft.models[0]
    body: dict[str, Any] = {"messages": [{"role": "user", "content": sample}]} if isinstance(sample, str) else sample
    call = read_call(json.dumps({"model": model.alias, **body}).encode())
    identity = next((m.identity for m in draft.models if m.alias == call.model), model.identity)
    place = Place(NOON, "endpoint:probe" if identity == "any" else identity)
    caller = Caller("probe", purpose=draft.purposes[0], effect="none")
    return gather(call, caller, Declared(), recognize(call.parts), draft, place)
