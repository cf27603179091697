"""What is wrong with a settings file, said in its own words: the dotted key, and the nearest key that is known."""

import re
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from caveat.errors import BadInput

T = TypeVar("T", bound=Struct)

KINDS = {
    "int": "a whole number",
    "str": "text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "float": "a number",
}
"""What msgspec calls the kinds of values, and what people who write TOML call them."""


def unknown_key(raw: dict[str, Any], shape: type[Struct], place: str = "") -> None:
    """Raises BadInput for the first key that the shape does not know, at any depth."""
    known = get_type_hints(shape)
    for key, value in raw.items():
        dotted = f"{place}{key}"
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean `{place}{near[0]}`?" if near else f"known here: {', '.join(known)}"
            raise BadInput(f"the key `{dotted}` is not known", hint=hint)
        if isinstance(value, dict):
            _into(value, known[key], dotted)


def _into(value: dict[str, Any], shape: Any, dotted: str) -> None:
    if get_origin(shape) is dict:
        inner = get_args(shape)[1]
        for name, item in value.items():
            if isinstance(item, dict):
                _into(item, inner, f"{dotted}.{name}")
    elif isinstance(shape, type) and issubclass(shape, Struct):
        unknown_key(value, shape, f"{dotted}.")


def fitted(raw: dict[str, Any], shape: type[T], place: str = "") -> T:
    """The table as a value.  Raises BadInput that names the dotted key, what was expected, and what the key is for."""
    unknown_key(raw, shape, place)
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        raise _misfit(error, shape, place) from None


def _misfit(error: msgspec.ValidationError, shape: type[Struct], place: str) -> BadInput:
    text, _, path = str(error).partition(" - at ")
    steps = re.findall(r"[A-Za-z_]+", path)
    key = steps[-1] if steps else ""
    owner = _owner(shape, steps[:-1])
    hints = get_type_hints(owner, include_extras=True)
    meta = [m for m in get_args(hints.get(key)) if isinstance(m, msgspec.Meta)] if key in hints else []
    words = _words(get_type_hints(owner).get(key))
    if words and text.startswith("Invalid enum value"):
        text = f"expected one of {', '.join(words)}, got {text.removeprefix('Invalid enum value ')}"
    if "matching regex" in text:
        text = "does not have the form that this key takes"
    for kind, said in KINDS.items():
        text = text.replace(f"`{kind}`", said)
    dotted = place + ".".join(steps)
    return BadInput(f"`{dotted}`: {text[:1].lower()}{text[1:]}", hint=(meta[-1].description or "") if meta else "")


def _owner(shape: type[Struct], steps: list[str]) -> type[Struct]:
    """The struct in which the last step stands."""
    for step in steps:
        inner = get_type_hints(shape).get(step)
        if not (isinstance(inner, type) and issubclass(inner, Struct)):
            return shape
        shape = inner
    return shape


def _words(hint: Any) -> tuple[str, ...]:
    """The words of a closed list, also of a tuple of them; empty for anything else."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    if get_origin(hint) is tuple:
        return _words(get_args(hint)[0])
    return ()
