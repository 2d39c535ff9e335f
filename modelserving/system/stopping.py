"""Waits that end when who asked for the work is told to stop.

A thread cannot be cancelled. What it can do is to wait in a way that hears of it: whoever runs work in a thread says
what its waits end with, and the work, however deep below, pauses here. To everything in between it looks like a
cancellation: ``StopWaiting`` is no ``Exception``, so nobody takes it for a fault of the record or the model in hand::

    with stoppable(event):          # in the thread that works
        ...                         # far below: pause(0.5), and StopWaiting as soon as the event is set

A call that blocks where nobody can wake it, as a request on its way, is made by another thread, which is left behind.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

T = TypeVar("T")

_LOOK_EVERY_S = 0.1


class StopWaiting(BaseException):
    """What was waited for is not wanted any more. Nothing is known of it: it is neither done nor failed."""


class _ThreadStop(threading.local):
    """What ends the waits of the calling thread; ``None``: nothing does."""

    stop: threading.Event | None = None


_work = _ThreadStop()


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


def call(function: Callable[[], T]) -> T:
    """Call a function that may block. Where nothing ends the waits of the calling thread, it makes the call itself.

    Raises:
        StopWaiting: the calling thread's work is not wanted any more; the call is left behind.
    """
    if _work.stop is None:
        return function()
    done = threading.Event()
    made = call_in_daemon(function)
    made.add_done_callback(lambda _: done.set())
    pause_until(done)
    return made.result()


def call_in_daemon(function: Callable[[], T]) -> Future[T]:
    """Call a function in a thread of its own, which does not keep the process from ending."""
    made: Future[T] = Future()

    def work() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - handed on to who waits for the call
            outcome = partial(made.set_exception, error)
        else:
            outcome = partial(made.set_result, result)
        if made.set_running_or_notify_cancel():
            outcome()

    threading.Thread(target=work, name="abandonable", daemon=True).start()
    return made
