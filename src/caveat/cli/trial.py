"""Probes run with the recognizers of this installation, for `caveat terms lint`."""

from caveat.decide.probe import make_trial
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.terms.document import Draft
from caveat.terms.lint import Trial
from caveat.vocabulary import HAZARDS
from caveat.wire.dialects import DIALECTS

EXACT = frozenset({"x_inj"})
"""Hazards that are found by their form, without learning."""


def trial_of(draft: Draft) -> Trial:
    """How lint runs the draft's probes: the panel that a gateway of this build would use."""
    panel = default_panel(load_profile(draft.markings))
    sees = EXACT if panel.detector == "none" else frozenset(HAZARDS)
    return make_trial(draft, panel.recognize, DIALECTS["openai_chat"].read_call, sees)
