"""Time for leases: it neither goes back nor stands still, whatever the machine's clock does."""

import pytest

from caveat.ledger.clock import Clock, Leap

S = 1_000_000_000


class Machine:
    """A machine whose clock can be set, and whose monotonic clock cannot."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000 * S
        self.passed = 40 * S
        self.frozen = False

    def wait(self, seconds: int) -> None:
        self.passed += seconds * S
        self.wall += 0 if self.frozen else seconds * S


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> Clock:
    return Clock(lambda: machine.wall, lambda: machine.passed)


def test_it_is_the_machines_while_that_goes_on(machine: Machine, clock: Clock) -> None:
    machine.wait(7)
    assert (clock.now_ms(), clock.behind_ms()) == (machine.wall // 1_000_000, 0)


def test_a_clock_that_is_set_back_prolongs_nothing(machine: Machine, clock: Clock) -> None:
    before = clock.now_ms()
    machine.wall -= 365 * 86_400 * S
    machine.wait(60)
    assert clock.now_ms() == before + 60_000
    assert clock.behind_ms() == 365 * 86_400_000
    machine.wall += 365 * 86_400 * S
    assert (clock.now_ms(), clock.behind_ms()) == (before + 60_000, 0)


def test_a_clock_that_stands_still_prolongs_nothing(machine: Machine, clock: Clock) -> None:
    before = clock.now_ms()
    machine.frozen = True
    machine.wait(3600)
    assert clock.now_ms() == before + 3_600_000
    assert clock.behind_ms() == 3_600_000


def test_a_time_on_record_is_never_left_behind(machine: Machine, clock: Clock) -> None:
    """As at a start with a clock set back: time goes on from the newest record."""
    on_record = machine.wall // 1_000_000 + 5_000_000
    clock.saw(on_record)
    machine.wait(10)
    assert clock.now_ms() == on_record + 10_000
    clock.saw(on_record - 1)
    assert clock.now_ms() == on_record + 10_000


def test_a_clock_that_is_set_ahead_is_followed_and_told_once(machine: Machine, clock: Clock) -> None:
    before = clock.now_ms()
    machine.wall += 7_200 * S
    machine.wait(3)
    assert clock.now_ms() == before + 7_203_000
    assert clock.leap() == Leap(before + 3_000, before + 7_203_000)
    machine.wait(3_600)
    assert clock.leap() is None


def test_two_leaps_are_told_from_the_first_right_time(machine: Machine, clock: Clock) -> None:
    before = clock.now_ms()
    for _ in range(2):
        machine.wall += 600 * S
        clock.now_ms()
    assert clock.leap() == Leap(before, before + 1_200_000)


def test_what_time_servers_correct_is_no_leap_nor_is_a_clock_that_is_set_right(machine: Machine, clock: Clock) -> None:
    machine.wall += 59 * S
    clock.now_ms()
    machine.wall -= 7_200 * S
    machine.wait(10)
    clock.now_ms()
    machine.wall += 7_200 * S
    assert clock.leap() is None


def test_a_time_on_record_is_no_leap(machine: Machine, clock: Clock) -> None:
    clock.saw(machine.wall // 1_000_000 + 5_000_000)
    assert clock.leap() is None


def test_the_real_clocks() -> None:
    clock = Clock()
    assert abs(clock.now_ms() - clock.wall_ms) < 1_000
    assert clock.behind_ms() < 1_000
