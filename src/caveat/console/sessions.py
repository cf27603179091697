"""Who is at the page: signed cookies, links that work once, tokens against forged forms.

Rules of this file: nothing here is kept in memory, so every worker knows every session; a session ends at its time or when
its person leaves, whichever comes first; a link is good once and for an hour; a form counts only with the token of the
session that it was made for.
"""

import hmac
import secrets
from collections.abc import Callable

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from msgspec import Struct

from caveat.console.roles import ROLES
from caveat.errors import BadInput, Refused

COOKIE = "caveat-session"
SECURE_COOKIE = "__Host-caveat-session"
"""Over https: a browser takes it from this host alone, for every path (RFC 6265bis section 4.1.3.2)."""
LINK_S = 3600
MOST_PERSON = 100

Once = Callable[[str], bool]
"""Note durably that something has happened; False where it had before."""


class Session(Struct, frozen=True):
    """A person who has logged in: the word by which records name them, what they may, how they came."""

    person: str
    role: str
    via: str
    id: str


class Sessions:
    """Makes and reads them.  `secret` is 32 bytes of the home's own."""

    def __init__(self, secret: bytes, hours: int, once: Once, ended: Callable[[str], bool]) -> None:
        self._secret = secret
        self._cookies = URLSafeTimedSerializer(secret, salt="caveat-console-session")
        self._links = URLSafeTimedSerializer(secret, salt="caveat-console-link")
        self._forms = URLSafeSerializer(secret, salt="caveat-console-form")
        self.seconds = hours * 3600
        self._once = once
        self._ended = ended

    def key(self, label: str) -> bytes:
        """32 bytes for another use."""
        return hmac.digest(self._secret, b"caveat-console/" + label.encode(), "sha256")

    def link(self, person: str, role: str) -> str:
        """A token that lets a person in once.  Raises BadInput for a role that is none."""
        if role not in ROLES:
            raise BadInput(f"expected a role of {', '.join(ROLES)}, got `{role}`")
        if not 0 < len(person) <= MOST_PERSON or not person.isprintable():
            raise BadInput("a person is named by 1 to 100 printable characters")
        return str(self._links.dumps({"person": person, "role": role, "nonce": secrets.token_hex(16)}))

    def peek(self, token: str) -> Session:
        """Whom a link would let in, without using it.  Raises Refused."""
        try:
            said = self._links.loads(token, max_age=LINK_S)
            if self._ended(f"link-{said['nonce']}"):
                raise _spent()
            return Session(said["person"], said["role"], "link", said["nonce"])
        except (BadSignature, KeyError, TypeError):
            raise _spent() from None

    def enter(self, token: str) -> Session:
        """Let in whom the link is for; it is used up then.  Raises Refused."""
        found = self.peek(token)
        if not self._once(f"link-{found.id}"):
            raise _spent()
        return self.begin(found.person, found.role, "link")

    def begin(self, person: str, role: str, via: str) -> Session:
        """A new session."""
        return Session(person, role, via, secrets.token_hex(16))

    def cookie(self, session: Session) -> str:
        """The cookie's value."""
        return str(self._cookies.dumps([session.person, session.role, session.via, session.id]))

    def read(self, cookie: str) -> Session | None:
        """The session that a cookie bears; None where it is none, has ended, or its time is over."""
        try:
            person, role, via, id_ = self._cookies.loads(cookie, max_age=self.seconds)
        except (BadSignature, ValueError, TypeError):
            return None
        return None if self._ended(f"session-{id_}") or role not in ROLES else Session(person, role, via, id_)

    def end(self, session: Session) -> None:
        """It is over, on every worker."""
        self._once(f"session-{session.id}")

    def token(self, session: Session) -> str:
        """What a form of this session bears."""
        return str(self._forms.dumps(session.id))

    def check(self, session: Session, token: str) -> None:
        """Raises Refused for a form that was not made for this session."""
        if not hmac.compare_digest(token.encode(), self.token(session).encode()):
            raise Refused("this form was not made for your session", code="role_missing", hint="load the page again")


def _spent() -> Refused:
    return Refused(
        "this link is not good any more: it was used, is older than an hour, or was never made here",
        code="invalid_key",
        status=401,
        hint="`caveat console link` makes a new one",
    )
