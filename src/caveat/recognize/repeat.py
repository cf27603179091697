"""A group of a pattern, repeated as often as it goes and never given back.

Before Python 3.11.5 a possessively repeated group also swallows what its last, failed round had read
(python/cpython#106052).  An atomic group says the same and is right everywhere, but it remembers each round: a gigabyte for
ten million digits.  So it is written only where it must be.
"""

import sys
from typing import Final

_RIGHT: Final = sys.version_info >= (3, 11, 5)


def all_of(group: str, times: str) -> str:
    """The pattern that takes `group` as often as `times` (`*`, `{8,}`) lets it, and gives none back."""
    return f"(?:{group}){times}+" if _RIGHT else f"(?>(?:{group}){times})"
