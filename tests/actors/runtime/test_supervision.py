"""Restarts: when, how often, and what is left of the one that failed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.actors import Life, Policy
from modelserving.actors.runtime import supervision
from modelserving.actors.runtime.supervision import Failure, SupervisedActor
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
    cell = SupervisedActor("counter", lambda: Closing(5), QUICK)
    assert cell.handle("go") == 6
    failure = cell.handle("boom")
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, ActorFailed)
    assert Closing.closed == [6]
    assert cell.handle("go") == 6
    cell.close()
    cell.close()
    assert Closing.closed == [6, 6]


def test_restarts_are_limited_within_a_time_and_allowed_again_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An actor that fails once a week is not the one that fails without end."""
    now = [0.0]
    monkeypatch.setattr(supervision, "time", SimpleNamespace(monotonic=lambda: now[0]))
    cell = SupervisedActor("counter", Counter, Policy(restarts=2, within_s=60, first_pause_s=0.001))
    cell.handle("boom")
    cell.handle("boom")
    now[0] = 61.0
    cell.handle("boom")
    assert cell.status().life is Life.RUNNING
    cell.handle("boom")
    cell.handle("boom")
    assert cell.status().life is Life.GIVEN_UP
    last = cell.handle("go")
    assert isinstance(last, Failure)
    assert isinstance(last.error, ActorStopped)


@dataclass(frozen=True, slots=True)
class Piece:
    """Brings what an actor dies of, or does not; and may be part of a search for it."""

    deadly: bool
    suspected: bool = False


class Mortal(Counter):
    """Dies of such a piece."""

    def receive(self, message: object, /) -> object:
        """Count, or die."""
        return super().receive("boom" if isinstance(message, Piece) and message.deadly else message)


def test_deaths_in_a_search_are_held_against_an_actor_until_it_has_handled_a_piece() -> None:
    """Then it is known that it can work, and what it dies of was in the pieces; but each search begins anew."""
    cell = SupervisedActor("mortal", Mortal, QUICK)
    cell.handle(Piece(deadly=True))
    cell.handle(Piece(deadly=True, suspected=True))
    cell.handle(Piece(deadly=False, suspected=True))
    for _ in range(10):
        cell.handle(Piece(deadly=True, suspected=True))
    assert (cell.status().life, cell.status().restarts) == (Life.RUNNING, 12)
    cell.handle(Piece(deadly=True))
    for _ in range(3):
        assert cell.status().life is Life.RUNNING
        cell.handle(Piece(deadly=True, suspected=True))
    assert (cell.status().life, cell.status().restarts) == (Life.GIVEN_UP, 15)


def test_what_was_handled_clears_an_actor_of_deaths_of_that_kind_only() -> None:
    """One that scores between two deaths goes on; one that dies of each request to save is given up all the same."""
    cell = SupervisedActor("mortal", Mortal, QUICK)
    for _ in range(10):
        cell.handle(Piece(deadly=True))
        cell.handle(Piece(deadly=False))
    assert cell.status().life is Life.RUNNING
    for _ in range(4):
        assert cell.status().life is Life.RUNNING
        cell.handle("boom")
        cell.handle(Piece(deadly=False))
        cell.handle("go")  # such a message has no part in a search, and clears of nothing
    assert cell.status().life is Life.GIVEN_UP


def test_the_restart_itself_is_never_pardoned(tmp_path: Path) -> None:
    """A constructor that fails is not the message's fault, whatever the message was."""

    class Mortal(Fragile):
        def receive(self, message: object, /) -> object:
            return super().receive("boom" if isinstance(message, Piece) and message.deadly else message)

    cell = SupervisedActor("fragile", lambda: Mortal(tmp_path / "obstacle"), QUICK)
    cell.handle(Piece(deadly=False, suspected=True))
    cell.handle(Piece(deadly=True, suspected=True))
    assert cell.status().life is Life.GIVEN_UP


def test_one_that_cannot_be_made_again_is_tried_until_the_limit(tmp_path: Path) -> None:
    """A constructor that fails counts as a failure, and never takes the caller with it."""
    cell = SupervisedActor("fragile", lambda: Fragile(tmp_path / "obstacle"), QUICK)
    cell.handle("boom")
    status = cell.status()
    assert (status.life, status.restarts) == (Life.GIVEN_UP, 3)
    assert "obstacle is in the way" in status.last_error


def test_a_pause_ends_when_the_actor_is_to_stop() -> None:
    """Nobody waits for a restart that nobody wants."""
    cell = SupervisedActor("counter", Counter, Policy(first_pause_s=60, longest_pause_s=60))
    threading.Timer(0.1, cell.interrupt).start()
    cell.handle("boom")
    assert cell.status().life is Life.STOPPED
