"""What the shapes of all blocks of a terms document are made of."""

from typing import Annotated, Any

from msgspec import Meta, Struct

Line = Annotated[str, Meta(min_length=1, max_length=200)]
Sentence = Annotated[str, Meta(min_length=1, max_length=4000)]
Word = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
ClauseId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*$", max_length=80)]
Pointer = Annotated[str, Meta(pattern=r"^(/([^/~*]|~[01])+|/\*)+$", max_length=200)]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
PerMille = Annotated[int, Meta(ge=0, le=1000)]
Translated = Sentence | dict[Language, Sentence]
Sample = Sentence | dict[str, Any]


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """What every mapping of the document obeys."""
