"""Probes run with the recognizers of this installation, for `caveat terms lint`."""

from functools import partial

from msgspec.structs import replace

from caveat.decide.probe import make_trial
from caveat.recognize.card import Card
from caveat.recognize.learned import shipped
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.terms.document import Draft
from caveat.terms.lint import Trial
from caveat.terms.lint_recognizer import Weights
from caveat.vocabulary import HAZARDS
from caveat.wire.dialects import DIALECTS

EXACT = frozenset({"x_inj"})
"""Hazards that are found by their form, without learning."""


def trial_of(draft: Draft) -> Trial:
    """How lint runs the draft's probes: the panel that a gateway of this build would use under these terms."""
    learned = shipped()
    panel = default_panel(load_profile(draft.markings), learned=learned if draft.recognizer else None)
    sees = EXACT if panel.detector == "none" else frozenset(HAZARDS)
    trial = make_trial(draft, panel.recognize, DIALECTS["openai_chat"].read_call, sees)
    return replace(trial, exact=EXACT, weights=Weights(learned.name, learned.sha256, partial(_rates, learned.card)))


def _rates(card: Card, code: str, threshold: int) -> tuple[int, int] | None:
    """How often a category was wrong at a threshold: false alarms and misses, per mille."""
    rates = card.rates.get(code)
    return (rates.false_alarms(threshold), rates.misses(threshold)) if rates else None
