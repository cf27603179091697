"""The formulas say what the engine says: of random clauses, on random requests, under one version and under two."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.talks.drawn import random_draft, random_request

from caveat.decide.policy import Policy
from caveat.talks.analyse import with_questions
from caveat.talks.imagined import settle
from caveat.talks.outcome import Formulas, formulas
from caveat.talks.solvers import z3
from caveat.talks.symbols import Symbols
from caveat.terms.document import Terms

DRAFTS = 12
REQUESTS = 25


def solver_over(symbols: Symbols, made: list[Formulas]):
    """A solver with every verdict, clause and duty of some versions under a name of its own."""
    asked: dict[str, str] = {}
    for m in made:
        asked |= {f"q.{m.letter}.{name}": getattr(m, name) for name in ("allow", "deny", "held_back")}
        asked |= {f"q.{m.letter}.clause.{id_}": name for id_, name in m.held.items()}
        asked |= {f"q.{m.letter}.duty.{place}": name for place, name in enumerate(m.owes.values())}
    solver = z3().Solver()
    solver.from_string(symbols.text() + with_questions(asked))
    return solver, list(asked)


def answers(solver, asked, values):
    """Which of the questions are true of the request with these values."""
    pins = [(z3().Bool(name) if isinstance(value, bool) else z3().Int(name)) == value for name, value in values.items()]
    assert str(solver.check(*pins)) == "sat", "the request breaks what is required of every request"
    model = solver.model()
    return {name for name in asked if z3().is_true(model.eval(z3().Bool(name)))}


def expected(made: Formulas, policy: Policy, request) -> set[str]:
    decision = settle(policy, request)
    verdict = {"allow": "allow", "deny": "deny", "hold": "held_back"}[decision.verdict]
    held = decision.held
    found = {f"q.{made.letter}.{verdict}", *(f"q.{made.letter}.clause.{id_}" for id_ in held)}
    owed = [f"q.{made.letter}.duty.{place}" for place, duty in enumerate(made.owes) if duty in decision.duties]
    return found | set(owed)


@settings(max_examples=DRAFTS, deadline=None)
@given(st.integers(0, 2**32))
def test_formulas_and_engine_agree(seed):
    """Verdicts, clauses and duties, under two versions that differ in clauses, thresholds, tools, fields and purposes."""
    rng = Random(seed)
    drafts = [random_draft(rng), random_draft(rng)]
    symbols = Symbols(drafts)
    made = [formulas(symbols, one, letter) for one, letter in zip(drafts, "ab", strict=True)]
    solver, asked = solver_over(symbols, made)
    policies = [Policy(Terms(one, "", ())) for one in drafts]
    variables = list(symbols.variables.values())
    for _ in range(REQUESTS):
        values, request = random_request(rng, variables)
        said = answers(solver, asked, values)
        for m, policy in zip(made, policies, strict=True):
            mine = {name for name in said if name.startswith(f"q.{m.letter}.")}
            wanted = expected(m, policy, request)
            if settle(policy, request).rule == "error":
                assert f"q.{m.letter}.deny" in mine
                continue
            assert mine == wanted, (request, settle(policy, request))
