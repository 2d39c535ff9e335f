"""A wait that counts its seconds: after two of them, a line says for what, and how long already.

A cell that works for longer, and says nothing of what it waits for, counts its seconds, too.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modelserving.system.interrupts import join_thread

_FIRST_AFTER_S = 2.0
_EVERY_S = 1.0
_counting = threading.Event()
_named = threading.Event()
"""Set while a line says what is waited for."""


def count_waits(wanted: bool) -> None:
    """Say whether somebody watches this kernel. Without, nothing is ever shown."""
    (_counting.set if wanted else _counting.clear)()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Count the seconds of a block that may take long, in the output of its cell. Of nested ones, the outermost counts.

    What another thread waits for, behind the cells, would be said in whatever cell runs just then: it is not said.

    Args:
        what: is waited for.
    """
    behind = threading.current_thread() is not threading.main_thread()
    if behind or not _counting.is_set() or _named.is_set() or not _in_kernel():
        yield
        return
    line, over = _Line(f"Waiting for {what}", "Waited {} for " + what + "."), threading.Event()
    # In this cell's context, so that what the thread shows belongs to this cell.
    counter = threading.Thread(target=contextvars.copy_context().run, args=(line.count, over), daemon=True)
    try:  # also a stop button right here must not leave a counter behind, nor the mark that there is one
        _named.set()
        counter.start()
        yield
    finally:
        _named.clear()
        over.set()
        join_thread(counter)


class CellClock:
    """Counts the seconds of each cell in which no line says what is waited for: something is loaded, or computed."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._counter: threading.Thread | None = None

    def begin(self, *_: object) -> None:
        """A cell begins. IPython hands over what it is, which is not needed."""
        self.end()
        if not _counting.is_set():
            return
        self._over = threading.Event()
        run, line = contextvars.copy_context().run, _Line("Working", "Worked {}.")
        self._counter = threading.Thread(target=run, args=(line.count_unnamed, self._over), daemon=True)
        self._counter.start()

    def end(self, *_: object) -> None:
        """The cell has ended. A second call does nothing."""
        self._over.set()
        if self._counter is not None:
            join_thread(self._counter)
        self._counter = None


class _Line:
    """One line in the output of a cell, which is kept up to date.

    Args:
        doing: what it says while it counts.
        done: what it says in the end, with a place for the seconds.
    """

    def __init__(self, doing: str, done: str) -> None:
        self._doing, self._done = doing, done
        self._since = time.monotonic()
        self._handle: Any = None

    def count(self, over: threading.Event) -> None:
        """Count from the first two seconds on, until it is over."""
        if over.wait(_FIRST_AFTER_S):
            return
        while not over.is_set():
            self._show(f"{self._doing}: {self._seconds}")
            over.wait(_EVERY_S)
        self._show(self._done.format(self._seconds))

    def count_unnamed(self, over: threading.Event) -> None:
        """The same, but seconds in which another line counts are that one's."""
        unnamed = 0.0
        while not over.wait(_EVERY_S):
            unnamed += 0 if _named.is_set() else _EVERY_S
            if unnamed >= _FIRST_AFTER_S and not _named.is_set():
                self._show(f"{self._doing}: {self._seconds}")
        if self._handle is not None:
            self._show(self._done.format(self._seconds))

    @property
    def _seconds(self) -> str:
        return f"{time.monotonic() - self._since:.0f} s"

    def _show(self, text: str) -> None:
        from IPython.display import display

        bundle = {"text/plain": text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _in_kernel() -> bool:
    import IPython

    return hasattr(IPython.get_ipython(), "kernel")
