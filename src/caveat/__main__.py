"""`python -m caveat` is the command line."""

from caveat.cli.main import main

main()
