"""Work that gives way: how long it rests, and when it does not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from modelserving.system import pacing
from modelserving.system.pacing import rest, unhurried


class Clock:
    """Time that only passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def perf_counter(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that work is measured by."""
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


def test_unhurried_work_rests_as_long_as_it_worked(clock: Clock) -> None:
    """Each step by itself; a step too short to disturb anybody counts towards the next."""
    with unhurried():
        clock.now += 0.002
        rest()
        clock.now += 0.0002
        rest()
        clock.now += 0.0002
        rest()

    assert clock.slept == [0.002, 0.0004]


def test_a_long_step_is_no_reason_for_a_long_rest(clock: Clock) -> None:
    """A large model that takes a minute does not take two."""
    with unhurried():
        clock.now += 60
        rest()

    assert clock.slept == [0.005]


def test_whoever_is_in_a_hurry_never_rests(clock: Clock) -> None:
    """Nor is one made to rest by what another thread does, nor after its unhurried work is over."""

    def work() -> None:
        clock.now += 1
        rest()

    with unhurried():
        other = threading.Thread(target=work)
        other.start()
        other.join()
    clock.now += 1
    rest()

    assert clock.slept == []


def test_unhurried_work_within_unhurried_work_leaves_it_so(clock: Clock) -> None:
    """The outer work goes on as it was."""
    with unhurried():
        with unhurried():
            pass
        clock.now += 0.001
        rest()

    assert clock.slept == [0.001]


@pytest.fixture
def half_a_millisecond() -> Iterator[float]:
    """How long threads wait for each other in the servers."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    yield sys.getswitchinterval()
    sys.setswitchinterval(before)


def test_threads_take_shorter_turns_while_any_unhurried_work_goes_on(half_a_millisecond: float) -> None:
    """Until the last of several is over, however it ends."""
    with suppress(ZeroDivisionError), unhurried():
        with unhurried():
            pass
        assert sys.getswitchinterval() == pytest.approx(0.00005)
        raise ZeroDivisionError
    assert sys.getswitchinterval() == half_a_millisecond


def test_turns_that_are_shorter_already_stay_so(half_a_millisecond: float) -> None:
    """Whoever set them had a reason."""
    sys.setswitchinterval(0.00002)
    with unhurried():
        assert sys.getswitchinterval() == pytest.approx(0.00002)
    assert sys.getswitchinterval() == pytest.approx(0.00002)
