"""The shapes of a document's `lease`, `continuity` and `wind_down`, and their values.

lease: {until: 2027-06-30, calls: 1000000}
continuity: {days: 14, calls: 1000, purposes: [translation], after: [lapse, revocation]}
wind_down: {cut_after_s: 60}
"""

from typing import Annotated

from msgspec import Meta, Struct

from caveat.errors import BadInput
from caveat.terms.lease import FOREVER, After, Continuity, LeaseRule
from caveat.terms.moment import moment_ms
from caveat.terms.source import Source, at

Count = Annotated[int, Meta(ge=1, le=2**50)]


class LeaseShape(Struct, frozen=True, forbid_unknown_fields=True):
    """Until a day or time, for so many sealed calls, or both."""

    until: str | None = None
    calls: Count | None = None


class ContinuityShape(Struct, frozen=True, forbid_unknown_fields=True):
    """What still works after the lease, and how long."""

    days: Annotated[int, Meta(ge=0, le=3650)] = 0
    calls: Annotated[int, Meta(ge=0, le=2**50)] = 0
    purposes: tuple[str, ...] = ()
    after: Annotated[tuple[After, ...], Meta(min_length=1)] = ("lapse",)


class WindDownShape(Struct, frozen=True, forbid_unknown_fields=True):
    """How many seconds calls that run may go on once a party has ended the terms; then they are cut."""

    cut_after_s: Annotated[int, Meta(ge=0, le=86_400)]


def lease_of(shape: LeaseShape | None, source: Source) -> LeaseRule | None:
    """The lease.  Raises BadInput naming the line."""
    if shape is None:
        return None
    if shape.until is None and shape.calls is None:
        raise at(source.line("lease"), "a `lease` names a day (`until`), a count (`calls`), or both")
    try:
        until = FOREVER if shape.until is None else moment_ms(shape.until, whole_day=True)
    except BadInput as error:
        raise at(source.line("lease", "until"), error.message) from None
    return LeaseRule(until, shape.calls or FOREVER)


def continuity_of(
    shape: ContinuityShape | None, lease: LeaseRule | None, purposes: tuple[str, ...], source: Source
) -> Continuity | None:
    """The continuity.  Raises BadInput naming the line."""
    if shape is None:
        return None
    line = source.line("continuity")
    if "lapse" in shape.after and lease is None:
        raise at(line, "continuity after a lapse needs a `lease`", hint="or say `after: [revocation]`")
    if not shape.days and not shape.calls:
        raise at(line, "`continuity` grants nothing: it has neither `days` nor `calls`")
    for n, purpose in enumerate(shape.purposes):
        if purpose not in purposes:
            raise at(source.line("continuity", "purposes", n), f"`{purpose}` is not one of the terms' purposes")
    return Continuity(shape.days, shape.calls, shape.purposes, tuple(dict.fromkeys(shape.after)))
