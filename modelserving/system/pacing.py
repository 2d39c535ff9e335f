"""Work that is not urgent gives way to what goes on beside it in this interpreter.

A thread that computes without a pause holds up every other: whoever comes back from the network or from an engine
waits for the interpreter each time, so that a batch which comes back five times is late by five waits. A pause between
two steps of the work lets the others through; during a step, threads take shorter turns. It costs nobody anything but
the work, and that may take longer::

    with unhurried():
        first()
        rest()
        second()
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["rest", "unhurried"]

_SHORT_S = 0.0003
"""What takes less than this is not worth a pause."""
_LONGEST_S = 0.005
"""Whoever worked for longer rests no longer than this: a large model may take minutes, and not twice as many."""
_SWITCH_S = 0.00005
"""How long somebody waits for the interpreter; a batch that comes back ten times is late by ten of them."""


class _Switching:
    """Threads take shorter turns from the beginning of the first unhurried work to the end of the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work = 0
        self._usual = _SWITCH_S

    def begin(self) -> None:
        """Unhurried work begins, in any thread."""
        with self._lock:
            if not self._at_work:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(self._usual, _SWITCH_S))
            self._at_work += 1

    def end(self) -> None:
        """It is over."""
        with self._lock:
            self._at_work -= 1
            if not self._at_work:
                sys.setswitchinterval(self._usual)


_switching = _Switching()


class _ThreadPace(threading.local):
    """What the calling thread does; ``None``: it is in a hurry, and never rests."""

    since: float | None = None


_work = _ThreadPace()


@contextmanager
def unhurried() -> Iterator[None]:
    """What is done here, in the calling thread, rests wherever ``rest`` is called."""
    before, _work.since = _work.since, time.perf_counter()
    _switching.begin()
    try:
        yield
    finally:
        _switching.end()
        _work.since = before


def rest() -> None:
    """A step of unhurried work ends: pause for as long as it took. Other work goes straight on."""
    since = _work.since
    if since is None:
        return
    worked = time.perf_counter() - since
    if worked >= _SHORT_S:
        time.sleep(min(worked, _LONGEST_S))
        _work.since = time.perf_counter()
