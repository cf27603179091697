"""What all tests share: which slow ones run, and how long.

The environment variable CAVEAT_SLOW says it: "" leaves out tests marked `slow`, "sample" runs them short and seeded,
"all" runs them whole.  A slow test takes its number of rounds (or seconds) from the fixture `slow_rounds`.
"""

import os
from collections.abc import Callable

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is loaded, as the command line does
os.environ.setdefault("OMP_NUM_THREADS", "1")

MODE = os.environ.get("CAVEAT_SLOW", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out slow tests unless they are asked for."""
    if MODE not in {"", "sample", "all"}:
        raise pytest.UsageError(f"expected CAVEAT_SLOW to be empty, `sample` or `all`, got `{MODE}`")
    for item in items:
        if MODE == "" and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: set CAVEAT_SLOW=sample or all"))


@pytest.fixture
def slow_rounds() -> Callable[[int, int], int]:
    """`slow_rounds(sample, whole)`: how many rounds, seconds or stories to run now."""
    return lambda sample, whole: whole if MODE == "all" else sample
