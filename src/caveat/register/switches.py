"""Which terms an alias is served under: the other vendor's that stand by, and the move to them.

    {"terms": "other-use", "model": "small"}      the terms' id, and the model's alias in them
    {"model": "small", "on_lapse": true, "terms": "other-use"}      the same, for when the lease lapses as well

Rules of this file: an alias moves by its operator's word, or at the very record that ends the terms it was served under
(or, where that was asked for, says that their lease has lapsed), if others stand by; every call after that record is decided under the others, or not at all; nothing moves back by itself.
"""

from msgspec import Struct
from msgspec.structs import replace

from caveat.record import Leaf
from caveat.register.values import Moved, Register, no, read


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an alias is to go; `on_lapse` says that what stands by takes over when a lease lapses, too."""

    terms: str
    model: str
    on_lapse: bool = False


def served_under(register: Register, alias: str) -> str:
    """The id of the terms that an alias is served under, "" where none are in force for it."""
    if alias in register.moved:
        return register.moved[alias].terms
    standby = register.standby.get(alias)
    for name, terms in register.terms.items():
        named = any(model.alias == alias for model in terms.draft.models)
        if named and (standby is None or (standby.terms, standby.model) != (name, alias)):
            return name
    return ""


def moved_on(after: Register, name: str, index: int, *, lapsed: bool = False) -> Register:
    """The register once terms have ended at a record: what was served under them goes to what stands by.  `lapsed`: their
    lease has, and what is to wait for their end waits on."""
    moved, standby = dict(after.moved), dict(after.standby)
    for alias, target in after.standby.items():
        if lapsed and (not target.on_lapse or target.terms == name):
            continue
        if target.terms == name:
            del standby[alias]
        elif target.terms in after.terms and _was_under(after, alias, name):
            moved[alias] = replace(target, at=index)
            del standby[alias]
    return replace(after, moved=moved, standby=standby)


def _was_under(after: Register, alias: str, name: str) -> bool:
    """Whether an alias was served under terms that have just ended."""
    if alias in after.moved:
        return after.moved[alias].terms == name
    return served_under(after, alias) in ("", name)


def _stand_by(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    rest = {alias: target for alias, target in after.standby.items() if alias != leaf.id}
    if not document:
        if leaf.id not in after.standby:
            raise no(f"nothing stands by for `{leaf.id}`")
        return replace(after, standby=rest)
    target = _target(after, leaf.id, document, index)
    if served_under(after, leaf.id) == target.terms:
        raise no(f"`{leaf.id}` is served under `{target.terms}` now: what stands by is another agreement")
    return replace(after, standby={**rest, leaf.id: target})


def _switch(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    target = _target(after, leaf.id, document, index)
    rest = {alias: standby for alias, standby in after.standby.items() if alias != leaf.id}
    return replace(after, moved={**after.moved, leaf.id: target}, standby=rest)


def _target(after: Register, alias: str, document: bytes, index: int) -> Moved:
    target = read(document, Target)
    terms = after.terms.get(target.terms)
    if terms is None:
        raise no(f"no terms called `{target.terms}` are in force, so `{alias}` cannot go there")
    if all(model.alias != target.model for model in terms.draft.models):
        raise no(f"the terms `{terms.draft.name}` do not cover a model `{target.model}`")
    if alias not in after.moved and after.covering(alias) is None:
        raise no(f"no terms in force cover a model `{alias}`")
    return Moved(target.terms, target.model, index, target.on_lapse)


EFFECTS = {"alias.standby": _stand_by, "alias.switched": _switch}
