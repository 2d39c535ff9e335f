"""Waits that end when the work is not wanted any more."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pytest

from modelserving.system.stopping import StopWaiting, call, pause, pause_until, stoppable
from tests.waiting import WAIT

LONG = 3600.0


def test_a_pause_ends_when_the_work_is_not_wanted_any_more() -> None:
    """However long it would be, and however deep below; `except Exception` does not take it for a fault."""
    stop, began = threading.Event(), threading.Event()
    ended: list[str] = []

    def work() -> None:
        try:
            began.set()
            pause(LONG)
        except Exception:  # noqa: BLE001 - as whoever scores does
            ended.append("a fault")

    def run() -> None:
        try:
            with stoppable(stop):
                work()
        except StopWaiting:
            ended.append("stopped")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert began.wait(WAIT)
    stop.set()
    thread.join(WAIT)
    assert ended == ["stopped"]


def test_only_what_is_done_inside_is_stopped() -> None:
    """Outside, and in another thread, a pause is a sleep; of two, the inner one counts."""
    stop, other = threading.Event(), threading.Event()
    stop.set()
    paused = threading.Event()

    def elsewhere() -> None:
        pause(0)
        paused.set()

    with stoppable(stop):
        with stoppable(other):
            pause(0)
        threading.Thread(target=elsewhere, daemon=True).start()
        with pytest.raises(StopWaiting):
            pause(0)
    pause(0)
    assert paused.wait(WAIT)


def test_an_event_is_waited_for_until_it_comes_or_is_not_wanted() -> None:
    """What has come is told even at the end."""
    ready, stop = threading.Event(), threading.Event()
    threading.Timer(0.01, stop.set).start()
    with stoppable(stop):
        with pytest.raises(StopWaiting):
            pause_until(ready)
        ready.set()
        pause_until(ready)


def test_a_call_that_blocks_is_left_behind() -> None:
    """Its thread does not keep the process from ending; what it says in the end is heard by nobody."""
    stop, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def block() -> None:
        threads.append(threading.current_thread())
        stop.set()
        assert go_on.wait(WAIT)
        ended.set()

    with stoppable(stop), pytest.raises(StopWaiting):
        call(block)
    assert threads[0].daemon
    assert not ended.is_set()
    go_on.set()
    assert ended.wait(WAIT)


@pytest.mark.parametrize("inside", [True, False])
def test_a_call_behaves_as_if_it_were_made_here(inside: bool) -> None:
    """Its result and its error come back; where nothing can stop it, no thread is made for it."""
    with stoppable(threading.Event()) if inside else nullcontext():
        assert call(lambda: 3) == 3
        assert (call(threading.current_thread) is threading.current_thread()) is not inside
        with pytest.raises(ValueError, match="invalid literal"):
            call(lambda: int("x"))
