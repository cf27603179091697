"""Clauses to one Cedar policy set, whose policy ids are the clause ids.

    @id("persons.surveillance")
    @effect("forbid")
    forbid (principal, action, resource)
    when { context.hazardsIn.contains(Hazard::"x_sur") };

Cedar knows permit and forbid.  A hold is a forbid until a person approves.  An obligation compiles to a forbid too: an
engine that knows nothing of duties then denies, which is what XACML asks of who cannot fulfil an obligation; ours
reads `@effect`, and leaves obligations out when it compares itself with Cedar's own verdict.  Clauses that are only
promised are not in the set.
"""

import re
from collections.abc import Sequence

import cedarpy
from msgspec import Struct

from caveat.errors import BadInput
from caveat.terms.cedar_schema import Lists, schema_text, words
from caveat.terms.condition import DECLARED, REPLY, Condition, read_condition
from caveat.terms.document import Clause, Duty, Effect, Kind
from caveat.terms.source import at
from caveat.vocabulary import VERSION

CEDAR_EFFECT: dict[Effect, str] = {"permit": "permit", "forbid": "forbid", "hold": "forbid", "oblige": "forbid"}
ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Compiled(Struct, frozen=True):
    """The policy text, the schema that it was validated under, and the version of the vocabulary in that schema."""

    cedar: str
    schema: str
    vocabulary: int


def check_condition(when: str, effect: Effect, lists: Lists, *, clause: str, line: int) -> Condition:
    """What one condition refers to; raises BadInput naming clause and line."""
    try:
        condition = read_condition(when, words(lists))
    except BadInput as error:
        raise at(line, f"clause `{clause}`: {error.message}", hint=error.hint) from None
    early = sorted(condition.reads & REPLY)
    if effect == "permit" and early:
        raise at(
            line,
            f"clause `{clause}`: a permit cannot rest on `{early[0]}`, which is known only once the model answers",
            hint="permit the call, and forbid what the reply must not hold in a clause of its own",
        )
    return condition


def kind_of(condition: Condition) -> Kind:
    """enforced, or recorded where the condition looks at a fact that the caller declares.

    A clause with such a fact may still hold whatever is declared (`a || declared`), yet part of it can be escaped: it
    is recorded as a whole.  Who wants the other part enforced writes it as a clause of its own.
    """
    return "recorded" if condition.reads & DECLARED else "enforced"


def compile_clauses(clauses: Sequence[Clause], lists: Lists, version: int = VERSION) -> Compiled:
    """The policy set of all clauses that have a condition, strictly validated under one version of the vocabulary.
    Raises BadInput naming the clause."""
    live = [clause for clause in clauses if clause.when is not None]
    text = "\n".join(_policy(clause) for clause in live)
    schema = schema_text(lists, version)
    result = cedarpy.validate_policies(text, cedarpy.Schema.from_json_str(schema))
    for error in result.errors:
        raise _blamed(error.policy_id, error.error, live)
    return Compiled(text, schema, version)


def _policy(clause: Clause) -> str:
    language, says = next(iter(clause.says.items()))
    notes = {
        "id": clause.id,
        "effect": clause.effect,
        "kind": clause.kind,
        "waivable": "true" if clause.waivable else "false",
        "duties": " ".join(map(duty_text, clause.duties)),
        "fields": " ".join(clause.fields),
        "basis": " ".join(clause.basis),
        f"says_{re.sub(r'[^a-z]', '_', language.lower())}": says,
    }
    head = "".join(f'@{name}("{_escaped(value)}")\n' for name, value in notes.items() if value)
    return f"{head}{CEDAR_EFFECT[clause.effect]} (principal, action, resource)\nwhen {{\n{clause.when}\n}};\n"


def duty_text(duty: Duty) -> str:
    """`log.full`, or `limit.tokens=512`."""
    return duty.name if duty.value == "" else f"{duty.name}={duty.value}"


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(c, c) for c in text)


def _blamed(policy_id: str, message: str, live: Sequence[Clause]) -> BadInput:
    """Cedar counts policies in order: `policy3` is the fourth clause that has a condition."""
    number = re.fullmatch(r"policy([0-9]+)", policy_id)
    plain = re.sub(r"^for policy `[^`]*`[:,]? ", "", message).rstrip(".")
    if number is None:
        return BadInput(f"the compiled clauses do not fit the fact schema: {plain}")
    clause = live[int(number[1])]
    return at(clause.line, f"clause `{clause.id}`: {plain}")
