"""A key in memory that does not show itself by accident: not in a log line, a traceback or a message."""

from pathlib import Path
from typing import NoReturn

from caveat.errors import BadInput


class Secret:
    """Text that only `reveal` gives away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written out")

    def __format__(self, _: str) -> str:
        return repr(self)


def read_secret(path: Path) -> Secret:
    """The one line of a file.  Raises BadInput where it is missing, empty, not UTF-8 or longer than a line."""
    try:
        text = path.read_text("utf-8").strip()
    except OSError as error:
        raise BadInput(f"cannot read the key file `{path}`: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"the key file `{path}` is not text") from None
    return checked_secret(text, f"the key file `{path}`")


def checked_secret(text: str, where: str) -> Secret:
    """A key fit for an HTTP header: printable ASCII without spaces.  Raises BadInput that does not quote it."""
    if not text or not all("!" <= character <= "~" for character in text):
        raise BadInput(f"{where} does not hold a key: expected one line of printable ASCII without spaces")
    return Secret(text)
