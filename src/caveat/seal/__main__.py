"""`python -m caveat.seal` and `caveat-seal`."""

import sys

from caveat.seal.process import main

if __name__ == "__main__":
    sys.exit(main())
