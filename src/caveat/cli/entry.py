"""Where the command line begins: a Ctrl-C while the modules are still being loaded ends it without a traceback, too."""

import os
import signal
import sys
from typing import NoReturn

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is loaded: small products lose by threads
os.environ.setdefault("OMP_NUM_THREADS", "1")


def main() -> None:
    """Run the command line."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from caveat.cli import main as line  # noqa: PLC0415 - a second's work that may be interrupted

    line.line(sys.argv[1:])
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, before)
    line.main()


def _leave(_number: int, _frame: object) -> NoReturn:
    """At once: a KeyboardInterrupt in the midst of an import may be swallowed there, or be told with a traceback."""
    os._exit(130)
