"""Where the command line begins: a Ctrl-C while the modules are still being loaded ends it without a traceback, too."""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is loaded: small products lose by threads
os.environ.setdefault("OMP_NUM_THREADS", "1")


def main() -> None:
    """Run the command line."""
    try:
        from caveat.cli import main as line  # noqa: PLC0415 - a second's work that may be interrupted
    except KeyboardInterrupt:
        sys.exit(130)
    line.main()
