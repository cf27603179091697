"""What nobody foresaw: said on standard error by kind and place, never in the words of an error of some library.

A message that a library makes may quote what it was given, and that may be a prompt; so only the kind of the error and
the line of code are told.  Set CAVEAT_DEBUG=1 to see the whole of it, on a machine where that may be seen.
"""

import logging
import os
from traceback import extract_tb

from caveat.errors import Refused

_log = logging.getLogger("caveat.gateway")


def unforeseen(error: Exception) -> Refused:
    """Tell the operator, and make what the caller may know: neither retried by anyone nor explained."""
    frame = extract_tb(error.__traceback__)[-1]
    debug = bool(os.environ.get("CAVEAT_DEBUG"))
    _log.error(
        "unforeseen %s in %s, line %s",
        type(error).__name__,
        frame.filename,
        frame.lineno,
        exc_info=error if debug else None,
    )
    return Refused("the gateway failed in a way that nobody foresaw", code="gateway_failed", status=500)
