"""What all tests share: which slow ones run, and how long.

The environment variable CAVEAT_SLOW says it: "" leaves out tests marked `slow`, "sample" runs them short and seeded,
"all" runs them whole.  A slow test takes its number of rounds (or seconds) from the fixture `slow_rounds`.
"""

import contextlib
import gc
import inspect
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is loaded, as the command line does
os.environ.setdefault("OMP_NUM_THREADS", "1")

MODE = os.environ.get("CAVEAT_SLOW", "")

# The examples are the same each time, unless all is run: what a machine's load or luck decides is no test of a change.
settings.register_profile(
    "caveat", deadline=None, derandomize=MODE != "all", suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("caveat")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out slow tests unless they are asked for."""
    if MODE not in {"", "sample", "all"}:
        raise pytest.UsageError(f"expected CAVEAT_SLOW to be empty, `sample` or `all`, got `{MODE}`")
    for item in items:
        if MODE == "" and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: set CAVEAT_SLOW=sample or all"))


FAILURES = pytest.StashKey[list[BaseException]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what failed until the test is over."""
    report = yield
    if report.failed and call.excinfo is not None:
        item.stash.setdefault(FAILURES, []).append(call.excinfo.value)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A failed test's open sockets and clients go with it, silently, for it has told its failure: held by the traceback
    they would be closed in the midst of the next test, which would fail for them."""
    done = yield
    failures = item.stash.get(FAILURES, [])
    if failures and not item.config.getoption("usepdb"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            while failures:
                let_go(failures.pop())
            for name in ("last_type", "last_value", "last_traceback", "last_exc"):
                with contextlib.suppress(AttributeError):
                    delattr(sys, name)
            gc.collect()
    return done


def let_go(error: BaseException) -> None:
    """Empty the frames of functions that have ended; before Python 3.13 their names are held a second time, once asked for."""
    for one in all_errors(error, set()):
        traceback.clear_frames(one.__traceback__)
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_flags & inspect.CO_OPTIMIZED and isinstance(frame.f_locals, dict):
                frame.f_locals.clear()
        one.__traceback__ = None


def all_errors(error: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    """An error with those that it was raised from and in the midst of, and those in a group."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for one in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
        yield from all_errors(one, seen)


@pytest.fixture
def slow_rounds() -> Callable[[int, int], int]:
    """`slow_rounds(sample, whole)`: how many rounds, seconds or stories to run now."""
    return lambda sample, whole: whole if MODE == "all" else sample
