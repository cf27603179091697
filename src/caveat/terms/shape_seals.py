"""The block `seals:` of a terms document: which seals count before which models, and whose permits they take.

seals:
  - vkey: labs.example.org/seal-7+1a2b3c4d+AbC...      the seal's key, given by the vendor
    models: [small]                                    aliases of the terms
    permits: [gw1.permits+5e6f7a8b+DeF...]             the keys of gateways that may issue permits there
"""

from typing import Annotated

from msgspec import Meta, Struct

from caveat.errors import BadInput
from caveat.keys import KeyKind, read_verify_key
from caveat.terms.source import Source, at

Key = Annotated[str, Meta(min_length=1, max_length=400)]


class SealShape(Struct, frozen=True, forbid_unknown_fields=True):
    """One seal as it is written."""

    vkey: Key
    models: Annotated[tuple[str, ...], Meta(min_length=1)]
    permits: Annotated[tuple[Key, ...], Meta(min_length=1)]


class SealRule(Struct, frozen=True):
    """A seal under the terms: its verify key as text, the aliases that it stands before, the permit keys that it takes."""

    vkey: str
    models: tuple[str, ...]
    permits: tuple[str, ...]

    @property
    def name(self) -> str:
        """The seal's name: that of its key."""
        return self.vkey.partition("+")[0]


def read_seals(written: tuple[SealShape, ...], aliases: tuple[str, ...], source: Source) -> tuple[SealRule, ...]:
    """The seals of the document.  Raises BadInput naming the line."""
    names: set[str] = set()
    for n, seal in enumerate(written):
        line = source.line("seals", n)
        for text in (seal.vkey, *seal.permits):
            _check_key(text, line)
        for alias in seal.models:
            if alias not in aliases:
                raise at(line, f"a seal stands before `{alias}`, which is no model of these terms")
        name = seal.vkey.partition("+")[0]
        if name in names:
            raise at(line, f"two seals are called `{name}`, so their counts could not be told apart")
        names.add(name)
    return tuple(SealRule(seal.vkey, seal.models, seal.permits) for seal in written)


def _check_key(text: str, line: int) -> None:
    try:
        key = read_verify_key(text)
    except BadInput as error:
        raise at(line, f"a key in `seals` cannot be read: {error.message}") from None
    if key.kind is not KeyKind.NOTE:
        raise at(line, f"the key `{key.name}` in `seals` is not a plain Ed25519 key")
