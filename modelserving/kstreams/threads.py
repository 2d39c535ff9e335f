"""The Python side of threads that Java made.

When Java calls Python on a thread of its own, Python makes a thread state for the call and throws it away afterwards.
That costs 50 to 90 microseconds, every time. ``attach`` keeps it, until ``detach``.
"""

from __future__ import annotations

import ctypes
import threading

__all__ = ["attach", "detach"]


class _Attachments(threading.local):
    """How often this thread was attached, and what Python said the first time."""

    count = 0
    state = 0


_here = _Attachments()


def attach() -> None:
    """Keep this thread's Python state until ``detach`` was called as often; to be called in ``init``."""
    if not _here.count:
        _here.state = ctypes.pythonapi.PyGILState_Ensure()
    _here.count += 1


def detach() -> None:
    """Undo one ``attach``; to be called in ``close``. Without one it does nothing."""
    if not _here.count:
        return
    _here.count -= 1
    if not _here.count:
        ctypes.pythonapi.PyGILState_Release(_here.state)
