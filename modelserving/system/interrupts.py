"""Ctrl-C, or the stop button of a notebook, held back while something must not be left half done."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Let a block of a second or two run to its end; an interrupt that came meanwhile is passed on after it.

    Only the main thread is interrupted, so in another one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = threading.Event()
    former = signal.signal(signal.SIGINT, lambda *_: came.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler if former is None else former)
    if came.is_set() and callable(former):
        former(signal.SIGINT, sys._getframe())  # from here it can see which code is stopped


def join_thread(thread: threading.Thread, seconds: float | None = None) -> None:
    """Wait for a thread that was told to end, if there is anything to wait for.

    An interrupt may come while a thread is being started: it has a number already, or has none yet, and cannot be
    waited for. It ends as soon as it looks. Nor can a thread wait for itself.

    Args:
        thread: that was told.
        seconds: how long to wait at most; as long as it takes by default.
    """
    with suppress(RuntimeError):
        thread.join(seconds)
