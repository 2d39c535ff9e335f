"""Work that is not urgent gives way to what goes on beside it in this interpreter.

A thread that computes without a pause holds up every other: whoever comes back from the network or from an engine
waits for the interpreter each time, so that a batch which comes back five times is late by five waits. So paced
work pauses between two calls of functions, wherever it is just then, for as long as it has worked. The work takes two
to three times as long; and from Python 3.12 on, calls in other threads cost up to three times as much meanwhile::

    with paced():
        build(model)

What no pause can split is one call into C that keeps the interpreter for itself: that long may others wait, once.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SHORT_S = 0.0001
"""What takes less than this is not worth a pause."""
_LONGEST_S = 0.005
"""Whoever worked for longer rests no longer than this: a large model may take minutes, and not twice as many."""


class _Pace:
    """Rests when it has worked for long enough; Python asks it, as it would a profiler, before and after each call."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def __call__(self, _frame: FrameType, _event: str, _argument: object) -> None:
        worked = time.perf_counter() - self._since
        if worked >= _SHORT_S:
            time.sleep(min(worked, _LONGEST_S))
            self._since = time.perf_counter()


@contextmanager
def paced() -> Iterator[None]:
    """What is done here, in the calling thread, gives way.

    In the main thread it does not, since who calls there waits for it; nor where a profiler looks on.
    """
    pace = _Pace()
    if not _is_profiled() and threading.current_thread() is not threading.main_thread():
        sys.setprofile(pace)
    try:
        yield
    finally:
        if sys.getprofile() is pace:
            sys.setprofile(None)


def _is_profiled() -> bool:
    """Whether a profiler looks on: as a function of its own, or, from Python 3.12 on, as a tool of the interpreter."""
    monitoring = getattr(sys, "monitoring", None)
    return bool(sys.getprofile() or (monitoring and monitoring.get_tool(monitoring.PROFILER_ID)))
