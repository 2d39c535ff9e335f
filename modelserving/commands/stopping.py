"""Reasons to stop: Ctrl-C, a request to terminate, a parent that is gone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from modelserving.system.parent import when_parent_is_gone


@contextmanager
def stop_event(until_stdin_closes: bool = False) -> Iterator[threading.Event]:
    """Yield an event that is set by Ctrl-C, by SIGTERM, and, if asked for, when standard input closes.

    The handlers of before are back afterwards. Only the main thread may call this.
    """
    stop = threading.Event()

    def on_signal(_: int, __: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    if until_stdin_closes:
        when_parent_is_gone(stop.set)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
