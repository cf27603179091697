"""`python -m caveat` is the command line."""

from caveat.cli.entry import main

main()
