"""Work that gives way: how long it rests, and when it does not."""

from __future__ import annotations

import cProfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from modelserving.system import pacing
from modelserving.system.pacing import paced


class Clock:
    """Time that only passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.sleepers: set[int] = set()

    def perf_counter(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(round(seconds, 6))
        self.sleepers.add(threading.get_ident())
        self.now += seconds

    def work(self, seconds: float) -> None:
        """Let it pass, and call a function, as any code does all the time."""
        self.now += seconds
        step()


def step() -> None:
    """What is called."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that work is measured by."""
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


def elsewhere(work: Callable[[], None]) -> None:
    """Work in another thread than the main one, and wait for its end."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def test_unhurried_work_rests_as_long_as_it_worked(clock: Clock) -> None:
    """Wherever it calls something; a step too short to disturb anybody counts towards the next."""

    def work() -> None:
        with paced():
            clock.work(0.002)
            clock.work(0.00006)
            clock.work(0.00006)

    elsewhere(work)
    assert clock.slept == [0.002, 0.00012]


def test_a_long_step_is_no_reason_for_a_long_rest(clock: Clock) -> None:
    """A large model that takes a minute does not take two."""

    def work() -> None:
        with paced():
            clock.work(60)

    elsewhere(work)
    assert clock.slept == [0.005]


def test_whoever_is_in_a_hurry_never_rests(clock: Clock) -> None:
    """Nor is one made to rest by what another thread does, nor after paced work is over, even if it failed."""

    def work() -> None:
        with suppress(ZeroDivisionError), paced():
            raise ZeroDivisionError
        clock.work(1)
        assert clock.slept == []
        with paced():
            elsewhere(lambda: clock.work(1))

    elsewhere(work)
    assert len(clock.sleepers) == 1


def test_unhurried_work_within_unhurried_work_leaves_it_so(clock: Clock) -> None:
    """The outer work goes on as it was."""

    def work() -> None:
        with paced():
            with paced():
                pass
            clock.work(0.001)

    elsewhere(work)
    assert clock.slept == [0.001]


def test_whoever_waits_for_it_in_the_main_thread_waits_no_longer(clock: Clock) -> None:
    """A script that builds a model has nothing else to do."""
    with paced():
        clock.work(1)

    assert clock.slept == []


def test_who_looks_for_what_takes_long_is_not_disturbed(clock: Clock) -> None:
    """Under a profiler nothing rests, and the profiler stays."""
    profiler = cProfile.Profile()

    def work() -> None:
        profiler.enable()
        with paced():
            clock.work(1)
        step()
        profiler.disable()

    elsewhere(work)
    assert clock.slept == []
    assert [entry.callcount for entry in profiler.getstats() if entry.code is step.__code__] == [2]
