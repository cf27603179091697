"""The six errors: one class for each thing that whoever meets it would do differently.

    CaveatError
    ├── BadInput      mend what you gave (a file, a flag, a setting)       exit 2
    ├── Unreadable    the gateway cannot read it, so it is refused         HTTP 400, exit 1
    ├── NotVerified   a signature, proof or digest does not hold           exit 1
    ├── Refused       the terms, a role or a state says no                 HTTP 4xx, exit 1
    ├── StaleFence    what the decision stood on has changed: decide again never leaves the gateway
    └── Unavailable   the system is at fault (disk, process, upstream)     HTTP 503, exit 3

A message is a lower-case sentence without a full stop: what happened, what was expected, the user's own
words in back-ticks.  What to do next stands apart, in `hint`.  Neither ever holds a prompt or a key.
"""


class CaveatError(Exception):
    """What happened (`message`) and what to do next (`hint`, empty where the message says it all)."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadInput(CaveatError):
    """Something that a person wrote does not fit: mend it and try again."""

    exit_code = 2


class Unreadable(CaveatError):
    """Bytes that the gateway cannot read with one certain meaning.

    `at` is the RFC 6901 pointer into the body of what could not be read, "" for the body as a whole.
    `status` is the HTTP status that the refusal bears: 400, 413 (too large) or 415 (wrong type or encoding).
    """

    exit_code = 1

    def __init__(self, message: str, *, at: str = "", status: int = 400, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.at = at
        self.status = status


class NotVerified(CaveatError):
    """A signature, proof, digest or replay does not hold.  `step` names the check, for a report."""

    exit_code = 1

    def __init__(self, message: str, *, step: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.step = step


class Refused(CaveatError):
    """The terms, a role or the present state says no.  `code` is one of the closed list in gateway/problems."""

    exit_code = 1

    def __init__(self, message: str, *, code: str = "refused", status: int = 403, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status


class StaleFence(CaveatError):
    """The fence named with an append is not the one in force at that index: nothing was written, decide again.

    `exhausted` names what has no use left (a waiver, an approval), "" where the state in force has changed.
    """

    def __init__(self, message: str, *, exhausted: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exhausted = exhausted


class Unavailable(CaveatError):
    """The system cannot do it now: a full disk, a dead process, an upstream that does not answer."""

    def __init__(self, message: str, *, code: str = "unavailable", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
