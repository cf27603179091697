"""The terms that ship with Caveat: documents between invented parties, to read, try out and start from."""

from importlib.resources import files

from caveat.errors import BadInput

DEFAULT = "institutional-use"


def sample_names() -> tuple[str, ...]:
    """The names of the sample terms, sorted."""
    names = (entry.name for entry in files("caveat.terms").joinpath("data").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def sample_terms(name: str = DEFAULT) -> bytes:
    """The YAML of one of them.  Raises BadInput for a name that is none."""
    if name not in sample_names():
        raise BadInput(f"there are no sample terms `{name}`", hint=f"there are {', '.join(sample_names())}")
    return files("caveat.terms").joinpath("data", f"{name}.yaml").read_bytes()
