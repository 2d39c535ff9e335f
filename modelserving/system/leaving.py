"""The end of a process that has threads which cannot be told to end: in Java, in an engine, in a call that blocks."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from typing import NoReturn

_leaving = threading.Event()
_LOST = 120
"""The status with which Python ends where its output could not be written."""


def is_leaving() -> bool:
    """Whether the process ends without the interpreter's end: for functions that are called at exit."""
    return _leaving.is_set()


def leave(status: int) -> NoReturn:
    """End the process as Python does, but for the last step: the interpreter is not taken apart.

    Taking it apart ends each thread that asks for it afterwards, in the middle of the C++ or Java that called it, and
    the process ends with SIGABRT although all was well (until Python 3.14). ``multiprocessing`` ends its processes in
    this way too.

    Args:
        status: of the process.
    """
    _leaving.set()
    with contextlib.suppress(KeyboardInterrupt):  # whoever presses Ctrl-C again waits for them no longer
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:  # a process may have been started without
                stream.flush()
        except BrokenPipeError:  # nobody reads any more
            pass
        except (OSError, ValueError):
            status = status or _LOST
    os._exit(status)
