"""Waits that count their seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from modelserving.system import poll
from modelserving.widgets import waiting as module
from modelserving.widgets.waiting import CellClock, count_waits, waiting


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is shown in a kernel in which two seconds are over soon."""
    lines: list[str] = []

    def show(line: object, text: str) -> None:
        line._handle = line  # type: ignore[attr-defined]
        lines.append(text)

    for name, seconds in (("_FIRST_AFTER_S", 0.01), ("_EVERY_S", 0.005), ("_LOOK_EVERY_S", 0.002), ("_WORTH_S", 0.001)):
        monkeypatch.setattr(module, name, seconds)
    monkeypatch.setattr(module, "_in_kernel", lambda: True)
    monkeypatch.setattr(module._Line, "_show", show)
    count_waits(True)
    yield lines
    count_waits(False)


def test_a_wait_that_is_stopped_as_it_begins_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """No counter goes on for ever, and later waits are counted still."""
    made: list[threading.Thread] = []

    def stopped(thread: threading.Thread) -> None:
        made.append(thread)
        start(thread)
        raise KeyboardInterrupt

    start = threading.Thread.start
    monkeypatch.setattr(module, "_in_kernel", lambda: True)
    count_waits(True)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", stopped)
            with pytest.raises(KeyboardInterrupt), waiting("something"):
                pass
        (counter,) = made
        counter.join(60)
        assert not counter.is_alive()
        assert not module._named
    finally:
        count_waits(False)


def test_a_cell_that_says_nothing_counts_its_seconds(shown: list[str]) -> None:
    """Something is loaded, or computed, and nobody wonders whether the kernel is still there."""
    clock = CellClock()
    clock.begin()
    assert poll(lambda: len(shown) > 2, 60, 0.01)
    clock.end()
    assert shown[0].startswith("Working: ")
    assert shown[-1].startswith("Worked ")
    told = len(shown)
    clock.end()
    assert len(shown) == told


def test_a_short_wait_says_so_in_a_cell_that_was_silent_for_long(
    shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several waits one after the other are a long one for whoever looks on, though none of them takes two seconds."""
    clock = CellClock()
    monkeypatch.setattr(module, "_FIRST_AFTER_S", 600)
    with waiting("one of many"):
        monkeypatch.setattr(module, "_FIRST_AFTER_S", 0.01)
        clock.begin()
        assert poll(lambda: len(shown) > 0, 60, 0.01)
        clock.end()
    assert shown[0].startswith("Waiting for one of many: ")


def test_seconds_are_counted_by_the_clock_and_not_by_how_often_it_was_looked_at(shown: list[str]) -> None:
    """Where large libraries are loaded, Python's other threads seldom have their turn."""

    class OneTurn(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            turns.append(None)
            return super().wait(0.05) or len(turns) > 1

    turns: list[None] = []
    line = module._Line("Working", "Worked {}.")
    line._over = OneTurn()
    line.count_unnamed()
    assert shown == ["Working: 0 s", "Worked 0 s."]


@pytest.mark.usefixtures("shown")
def test_a_stop_before_the_clock_goes_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop button may come between a thread's making and its start; the next cell begins all the same."""
    clock = CellClock()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            clock.begin()
    clock.end()


def test_a_wait_with_a_name_is_counted_once(shown: list[str]) -> None:
    """While a line says what is waited for, the cell's own clock says nothing."""
    clock = CellClock()
    with waiting("something"):
        clock.begin()
        assert poll(lambda: len(shown) > 50, 60, 0.01)
        clock.end()
    assert {line.partition(" ")[0] for line in shown} == {"Waiting", "Waited"}


def test_what_is_waited_for_behind_the_cells_is_not_said_in_one(shown: list[str]) -> None:
    """A server that comes back by itself would count its seconds in the cell that waits for something else."""
    done, ended = threading.Event(), threading.Event()

    def wait() -> None:
        with waiting("a server"):
            done.wait()
        ended.set()

    with waiting("scores"):
        threading.Thread(target=wait, daemon=True).start()
        assert poll(lambda: len(shown) > 10, 60, 0.01)
        done.set()
        assert ended.wait(60)
        assert module._named
    assert all("scores" in line for line in shown)


def test_where_nobody_watches_a_cell_shows_nothing(shown: list[str]) -> None:
    """Outputs of a lesson that runs in a test are the same each time."""
    count_waits(False)
    clock = CellClock()
    clock.begin()
    assert clock._counter is None
    clock.end()
    assert shown == []
