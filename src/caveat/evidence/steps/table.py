"""The steps of a verification, in the order in which they are taken.

To add one: a module here with a `Step` under a number of its own, and its line below.  Numbers are never used twice; 13 is
kept for the meter, 14 for leases and statements, 15 for approvals, 16 for the sequence of bundles, 17 for notes, 18 for the
move of an alias, 19 for claims, 20 for times, 21 for tickets,
22 for recognizers.
"""

from typing import Final

from caveat.evidence.step import Step
from caveat.evidence.steps import (
    approvals,
    checkpoint,
    claims,
    consistency,
    decisions,
    disclosures,
    in_force,
    leases,
    meter,
    notices,
    outcomes,
    parties,
    promises,
    recognizers,
    records,
    register,
    sequence,
    sums,
    switches,
    times,
    whole,
)

STEPS: Final[tuple[Step, ...]] = (
    sequence.OPEN,
    whole.STEP,
    checkpoint.STEP,
    consistency.STEP,
    records.STEP_TILES,
    records.STEP_READ,
    sequence.STEP,
    register.STEP,
    parties.STEP,
    in_force.STEP,
    approvals.STEP,
    leases.STEP,
    switches.STEP,
    claims.STEP,
    disclosures.STEP,
    decisions.STEP,
    outcomes.STEP,
    meter.STEP,
    notices.STEP,
    times.STEP,
    promises.STEP,
    recognizers.STEP,
    sums.STEP,
)

TITLES: Final = {step.number: step.title for step in sorted(STEPS, key=lambda step: step.number) if step.title}
NEEDED: Final = frozenset(step.number for step in STEPS if step.needed)
"""Steps without which nothing is verified; the others may stay unproved for want of something that was not given."""
