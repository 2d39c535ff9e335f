"""What is stopped in the moment in which it ends harms nothing that comes after it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from modelserving.workshop.lesson import limit
from modelserving.workshop.lesson.limit import OutOfTime, limited


class _Moment:
    """In the place of the lock that is taken to leave a block: the first who takes it is stopped right then."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stops = [stop]

    def __enter__(self) -> None:
        if self._stops:
            self._stops.pop()()

    def __exit__(self, *_: object) -> None:
        """Nothing is locked."""


def leave(stop: Callable[[], None], verdict: OutOfTime | None) -> None:
    """Leave a block, and be stopped just then."""
    block: Any = limited(frozenset(), 60, 60)
    block._lock = _Moment(stop)
    with block:
        block._verdict = verdict
    raise AssertionError("never reached")


def signalled() -> None:
    """What the stop button and the limit of time send."""
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("verdict", "error"), [(OutOfTime(seconds=1), OutOfTime), (None, KeyboardInterrupt)])
def test_a_block_that_is_stopped_as_it_ends_gives_interrupts_back(
    verdict: OutOfTime | None, error: type[BaseException]
) -> None:
    """It was stopped, or interrupted; and what runs afterwards is not stopped in its turn, again and again."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(error):
        leave(signalled, verdict)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_block_in_a_thread_may_be_stopped_as_it_ends() -> None:
    """There the error is raised wherever the thread is just then, and is told as any other end of the time."""
    found: list[str] = []

    def run() -> None:
        try:
            leave(lambda: limit._raise_in(threading.get_ident(), OutOfTime), OutOfTime(seconds=1))
        except OutOfTime as over:
            found.append(str(over))

    worker = threading.Thread(target=run)
    worker.start()
    worker.join(60)
    assert found == ["not done within 1 s"]


def test_who_was_thrown_out_of_a_block_is_not_followed() -> None:
    """An error may come before the way out has begun; the watch ends when the block is not there any more."""
    block: Any = limited(frozenset(), 60, 0.2)

    def enter() -> None:
        block.__enter__()

    former = signal.getsignal(signal.SIGINT)
    try:
        enter()
        signal.signal(signal.SIGINT, former)
        block._watcher.join(60)
    finally:
        signal.signal(signal.SIGINT, former)
    assert not block._watcher.is_alive()
