"""Which learned recognizer reads calls under some terms: the one that the parties agreed on, or none answers."""

from caveat.gateway.home.tables import Settings
from caveat.recognize.learned import Learned, shipped
from caveat.terms.document import Draft


def learned_for(draft: Draft, settings: Settings) -> Learned | None:
    """The installation's learned recognizer where the terms name one or the settings ask for it.

    Raises NotVerified for weights that were changed.
    """
    return shipped() if draft.recognizer is not None or settings.recognizer.learned else None


def not_agreed(draft: Draft, learned: Learned | None) -> str:
    """Why calls under the terms cannot be read as agreed, "" where they can."""
    agreed = draft.recognizer
    if agreed is None or (learned is not None and agreed.weights == f"sha256:{learned.sha256}"):
        return ""
    have = f"this gateway has `{learned.sha256[:12]}`" if learned else "this gateway has none"
    return f"the terms `{draft.name}` name the recognizer `{agreed.name}@{agreed.version}` with weights `{agreed.weights[7:19]}`, and {have}"
