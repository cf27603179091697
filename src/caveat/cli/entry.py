"""Where the command line begins: a Ctrl-C while the modules are still being loaded ends it without a traceback, too."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from caveat.cli import main as line  # noqa: PLC0415 - a second's work that may be interrupted
    except KeyboardInterrupt:
        sys.exit(130)
    line.main()
