"""A wait that counts its seconds: after two of them, a line says for what, and how long already."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["count_waits", "waiting"]

_FIRST_AFTER_S = 2.0
_EVERY_S = 1.0
_counting = threading.Event()
_inside = threading.local()


def count_waits(wanted: bool) -> None:
    """Say whether somebody watches this kernel. Without, nothing is ever shown."""
    (_counting.set if wanted else _counting.clear)()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Count the seconds of a block that may take long, in the output of its cell. Of nested ones, the outermost counts.

    Args:
        what: is waited for.
    """
    if not _counting.is_set() or getattr(_inside, "one", False) or not _in_kernel():
        yield
        return
    line, over = _Line(what), threading.Event()
    # In this cell's context, so that what the thread shows belongs to this cell.
    counter = threading.Thread(target=contextvars.copy_context().run, args=(line.count, over), daemon=True)
    try:  # also a stop button right here must not leave a counter behind, nor the mark that there is one
        _inside.one = True
        counter.start()
        yield
    finally:
        _inside.one = False
        over.set()
        if counter.ident is not None:
            counter.join()


class _Line:
    def __init__(self, what: str) -> None:
        self._what = what
        self._since = time.monotonic()
        self._handle: Any = None

    def count(self, over: threading.Event) -> None:
        if over.wait(_FIRST_AFTER_S):
            return
        while not over.is_set():
            self._show(f"Waiting for {self._what}: {time.monotonic() - self._since:.0f} s")
            over.wait(_EVERY_S)
        self._show(f"Waited {time.monotonic() - self._since:.0f} s for {self._what}.")

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
