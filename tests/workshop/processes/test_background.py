"""Work behind the cells."""

from __future__ import annotations

import threading

import pytest

from modelserving.errors import ServerError
from modelserving.workshop.processes.background import BackgroundTask


def test_a_task_is_told_to_stop_and_waited_for() -> None:
    """When ``stop`` returns, nothing of the task runs any more."""
    ended = threading.Event()

    def work(stop: threading.Event) -> None:
        stop.wait()
        ended.set()

    with BackgroundTask(work, "work") as task:
        assert task.running
    assert ended.is_set()
    assert repr(task) == "<work: ended>"
    task.stop()


def test_a_task_that_fails_says_so_when_asked_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """A thread's line would land in somebody else's cell; the error waits until it is asked for."""

    def work(stop: threading.Event) -> None:
        raise ValueError("no wine")

    with BackgroundTask(work, "work") as task, pytest.raises(ServerError, match="work ended with ValueError: no wine"):
        task.wait(60)
    assert "no wine" in repr(task)
    assert capfd.readouterr() == ("", "")


def test_a_task_that_does_not_stop_is_reported() -> None:
    """Closing a lesson does not pretend."""
    release = threading.Event()
    task = BackgroundTask(lambda stop: release.wait(), "deaf").__enter__()
    with pytest.raises(ServerError, match="deaf did not stop"):
        task.stop(seconds=0)
    release.set()
    assert task.wait(60)


def test_a_task_that_never_began_can_be_stopped() -> None:
    """Closing what an earlier error kept from starting is no second error."""
    BackgroundTask(lambda stop: None, "idle").stop()
