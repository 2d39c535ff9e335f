"""What all sources of live views have in common: threads that begin once, and end when they are told to."""

from __future__ import annotations

import threading
from collections.abc import Callable

from modelserving.system.interrupts import join_thread

_JOIN_S = 3.0


class LiveFeed:
    """Runs in threads of its own, beside the cells of a notebook.

    Args:
        jobs: what each thread does, by its name; a job ends soon after ``_stop`` is set.
    """

    def __init__(self, **jobs: Callable[[], object]) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=job, name=name, daemon=True) for name, job in jobs.items()]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    @property
    def finished(self) -> bool:
        """Whether it came to its end by itself; most never do."""
        return False

    def close(self) -> None:
        """Stop, and let go of broker and server. A second call does nothing.

        A thread that waits for an absent broker ends when its wait does; nobody has to wait for it.
        """
        self._stop.set()
        for thread in self._threads:
            join_thread(thread, _JOIN_S)
