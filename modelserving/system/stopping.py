"""Waits that end when who asked for the work is told to stop.

A thread cannot be cancelled. What it can do is to wait in a way that hears of it: whoever runs work in a thread says
what its waits end with, and the work, however deep below, pauses here. To everything in between it looks like a
cancellation: ``StopWaiting`` is no ``Exception``, so nobody takes it for a fault of the record or the model in hand::

    with stoppable(event):          # in the thread that works
        ...                         # far below: pause(0.5), and StopWaiting as soon as the event is set
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["StopWaiting", "pause", "pause_until", "stoppable"]

_LOOK_EVERY_S = 0.1


class StopWaiting(BaseException):
    """What was waited for is not wanted any more. Nothing is known of it: it is neither done nor failed."""


class _Work(threading.local):
    """What ends the waits of the calling thread; ``None``: nothing does."""

    stop: threading.Event | None = None


_work = _Work()


@contextmanager
def stoppable(stop: threading.Event) -> Iterator[None]:
    """What is done here, in the calling thread, ends its pauses when ``stop`` is set."""
    before, _work.stop = _work.stop, stop
    try:
        yield
    finally:
        _work.stop = before


def pause(seconds: float) -> None:
    """Sleep.

    Raises:
        StopWaiting: the calling thread's work is not wanted any more.
    """
    if _work.stop is None:
        time.sleep(seconds)
    elif _work.stop.wait(seconds):
        raise StopWaiting


def pause_until(ready: threading.Event) -> None:
    """Wait for an event, however long.

    Raises:
        StopWaiting: the calling thread's work is not wanted any more.
    """
    while not ready.wait(None if _work.stop is None else _LOOK_EVERY_S):
        pause(0)
