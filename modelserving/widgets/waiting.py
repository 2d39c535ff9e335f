"""A wait that counts its seconds: after two of them, a line says for what, and how long already.

A cell that works for longer, and says nothing of what it waits for, counts its seconds, too. Several short waits one
after the other are a long one for whoever looks on: after two silent seconds of a cell, the wait that is on says so.
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
_LOOK_EVERY_S = 0.25
_WORTH_S = 0.5
"""A wait that is just beginning may be over at once, and is not worth a line yet."""
_counting = threading.Event()
_named: list[_Line] = []
"""The line of what is waited for now, if somebody has said what that is."""


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
    if behind or not _counting.is_set() or _named or not _in_kernel():
        yield
        return
    line = _Line(f"Waiting for {what}", "Waited {} for " + what + ".")
    # In this cell's context, so that what the thread shows belongs to this cell.
    counter = threading.Thread(target=contextvars.copy_context().run, args=(line.count,), daemon=True)
    try:  # also a stop button right here must not leave a counter behind, nor the mark that there is one
        _named.append(line)
        counter.start()
        yield
    finally:
        _named.clear()
        line.end()
        join_thread(counter)


class CellClock:
    """Counts the seconds of each cell in which no line says what is waited for: something is loaded, or computed."""

    def __init__(self) -> None:
        self._line: _Line | None = None
        self._counter: threading.Thread | None = None

    def begin(self, *_: object) -> None:
        """A cell begins. IPython hands over what it is, which is not needed."""
        self.end()
        if not _counting.is_set():
            return
        self._line = _Line("Working", "Worked {}.")
        run = contextvars.copy_context().run
        self._counter = threading.Thread(target=run, args=(self._line.count_unnamed,), daemon=True)
        self._counter.start()

    def end(self, *_: object) -> None:
        """The cell has ended. A second call does nothing."""
        if self._line is not None:
            self._line.end()
        if self._counter is not None:
            join_thread(self._counter)
        self._line = self._counter = None


class _Line:
    """One line in the output of a cell, which is kept up to date.

    Args:
        doing: what it says while it counts.
        done: what it says in the end, with a place for the seconds.
    """

    def __init__(self, doing: str, done: str) -> None:
        self._doing, self._done = doing, done
        self._since = time.monotonic()
        self._due, self._over = threading.Event(), threading.Event()
        self._handle: Any = None

    @property
    def is_shown(self) -> bool:
        """Whether it stands in the output."""
        return self._handle is not None

    def show_now(self) -> None:
        """Begin before two seconds are over, since the cell has been silent for that long."""
        self._due.set()

    def end(self) -> None:
        """It is over. A second call does nothing."""
        self._over.set()
        self._due.set()

    def count(self) -> None:
        """Count from the first two seconds on, until it is over."""
        self._due.wait(_FIRST_AFTER_S)
        while not self._over.is_set():
            self._show(f"{self._doing}: {self._seconds}")
            self._over.wait(_EVERY_S)
        if self.is_shown:
            self._show(self._done.format(self._seconds))

    def count_unnamed(self) -> None:
        """The same, but seconds in which another line counts are that one's."""
        said = self._since
        while not self._over.wait(_EVERY_S if self.is_shown else _LOOK_EVERY_S):
            now, named = time.monotonic(), next(iter(_named[:]), None)
            if named is not None and named.is_shown:
                said = now
            elif self.is_shown or now - said >= _FIRST_AFTER_S:
                if named is None:
                    self._show(f"{self._doing}: {self._seconds}")
                elif not self.is_shown and now - named._since >= _WORTH_S:
                    named.show_now()
        if self.is_shown:
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
