"""Restarts: when, how often, and what is left of the one that failed."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from modelserving.actors import Life, Policy
from modelserving.actors.supervision import Cell, Failure
from modelserving.errors import ActorFailed, ActorStopped
from tests.actors.samples import Counter, Fragile

QUICK = Policy(restarts=3, first_pause_s=0.001, longest_pause_s=0.002)


class Closing(Counter):
    """Notes that it was closed."""

    closed: list[int] = []  # noqa: RUF012 - noted by all of them

    def close(self) -> None:
        """Note it."""
        self.closed.append(self.count)


@given(st.integers(1, 60))
def test_pauses_double_and_stay_below_the_longest(failures: int) -> None:
    """Also after so many failures that the double would be astronomical."""
    policy = Policy(first_pause_s=0.05, longest_pause_s=2.0)
    assert policy.pause(failures) <= 2.0
    assert policy.pause(failures + 1) >= policy.pause(failures)
    assert policy.pause(1) == 0.05


def test_the_failed_one_is_closed_and_the_next_one_begins_anew() -> None:
    """What it held is given back; nothing of its memory is trusted."""
    Closing.closed.clear()
    cell = Cell("counter", lambda: Closing(5), QUICK)
    assert cell.handle("go") == 6
    failure = cell.handle("boom")
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, ActorFailed)
    assert Closing.closed == [6]
    assert cell.handle("go") == 6
    cell.close()
    cell.close()
    assert Closing.closed == [6, 6]


def test_restarts_are_limited_within_a_time_and_allowed_again_after_it() -> None:
    """An actor that fails once a week is not the one that fails without end."""
    cell = Cell("counter", Counter, Policy(restarts=2, within_s=0.2, first_pause_s=0.001))
    cell.handle("boom")
    cell.handle("boom")
    time.sleep(0.25)  # the time of the limit itself, not a wait for something
    cell.handle("boom")
    assert cell.status().life is Life.RUNNING
    cell.handle("boom")
    cell.handle("boom")
    assert cell.status().life is Life.GIVEN_UP
    last = cell.handle("go")
    assert isinstance(last, Failure)
    assert isinstance(last.error, ActorStopped)


def test_one_that_cannot_be_made_again_is_tried_until_the_limit(tmp_path: Path) -> None:
    """A constructor that fails counts as a failure, and never takes the caller with it."""
    cell = Cell("fragile", lambda: Fragile(tmp_path / "obstacle"), QUICK)
    cell.handle("boom")
    status = cell.status()
    assert (status.life, status.restarts) == (Life.GIVEN_UP, 3)
    assert "obstacle is in the way" in status.last_error


def test_a_pause_ends_when_the_actor_is_to_stop() -> None:
    """Nobody waits for a restart that nobody wants."""
    cell = Cell("counter", Counter, Policy(first_pause_s=60, longest_pause_s=60))
    threading.Timer(0.1, cell.interrupt).start()
    cell.handle("boom")
    assert cell.status().life is Life.STOPPED
