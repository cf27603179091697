"""Remarks on what terms count: whether seals stand where a reader would expect them."""

from collections.abc import Iterator

from caveat.terms.document import Draft

Told = tuple[str, str, str]
"""A remark's code, message and hint."""


def on_seals(draft: Draft) -> Iterator[Told]:
    """Models that no seal counts beside some that one does; a promise of challenges where none counts at all."""
    bare = [model.alias for model in draft.models if not draft.seals_of(model.alias)]
    if draft.seals and bare:
        yield (
            "seal-missing",
            f"no seal counts before `{'`, `'.join(bare)}`, as one does before other models: who goes around shows nowhere",
            "name them in `models` of a seal, or give them one of their own",
        )
    if draft.challenges is not None and not draft.seals:
        yield (
            "challenge-unmetered",
            "challenges test the records that there are, and no seal is named: a call made around the gateway has none",
            "name a seal's key under `seals`",
        )
