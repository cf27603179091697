"""One request to a page: who looks, and what they sent."""

from msgspec import Struct
from starlette.requests import Request

from caveat.console.page import Viewer
from caveat.console.sessions import Session


class Visit(Struct, frozen=True):
    """`form` holds the fields of a post whose token was right."""

    request: Request
    viewer: Viewer
    session: Session
    form: dict[str, str] = {}

    def asked(self, name: str, most: int = 200) -> str:
        """A parameter of the address, "" where there is none; never longer than `most`."""
        return self.request.query_params.get(name, "")[:most].strip()

    def asked_number(self, name: str) -> int:
        """The same as a whole number, 0 where it is none."""
        text = self.asked(name, 18)
        return int(text) if text.isascii() and text.isdecimal() else 0

    @property
    def zone(self) -> str:
        """The browser's time zone, as the pages' script tells it; "" where none has run."""
        return self.request.cookies.get("caveat-zone", "")

    @property
    def path(self) -> dict[str, str]:
        """What stands in the path's open places."""
        return dict(self.request.path_params)
