"""The Python side of threads that Java made.

When Java calls Python on a thread of its own, Python makes a thread state for the call and throws it away afterwards.
That costs 50 to 90 microseconds, every time. ``attach`` keeps it, until ``detach``.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from typing import Any, TypeVar

from modelserving import jvm
from modelserving.system.interrupts import interrupts_held_back
from modelserving.system.stopping import call_in_daemon

log = logging.getLogger(__name__)

T = TypeVar("T")
_GLOBAL = "GlobalStreamThread"


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


def may_wait(streams: Any, seconds: float) -> float:
    """How long this thread may wait for an engine to end: one of its own, which ends when it comes back, not at all.

    Args:
        streams: Java's ``KafkaStreams``.
        seconds: how long any other one waits.
    """
    here = str(jvm.java_class("java.lang.Thread").currentThread().getName())
    names = [str(one.threadName()) for one in streams.metadataForLocalThreads()]
    # The thread that fills global stores is not among them; its name begins like theirs.
    client = here.removesuffix(_GLOBAL) if here.endswith(_GLOBAL) else None
    if here not in names and not (client and any(name.startswith(client) for name in names)):
        return seconds
    log.warning("closed on a thread of its own, %s: what was begun there ends first, and nobody waits for that", here)
    return 0.0


@contextmanager
def attached(release: Callable[[], object]) -> Iterator[None]:
    """Attach, and begin something that ``close`` undoes; should it fail, it is undone here: no ``close`` comes then.

    Args:
        release: lets go of the engine.
    """
    attach()
    try:
        yield
    except BaseException:
        try:
            release()
        finally:
            detach()
        raise


def keep_attached() -> None:
    """Keep this thread's Python state as long as the thread lives: for functions that nobody tells when it ends.

    The state of a thread that has ended stays behind, some hundred bytes; an application has a handful of threads.
    """
    if not _here.count:
        attach()


def call_as_daemon(function: Callable[[], T]) -> T:
    """Call a function on a thread that is a daemon to Java; so are all threads that Java makes meanwhile.

    They also have its class loader, which codecs look for files with; a thread that comes from Python has none.
    Java ends when its last thread that is no daemon has ended, and with it the process. Ctrl-C or a stop button is held
    back until the function has returned: what it makes is made as a whole.

    Args:
        function: what to call; done in a second or two.
    """

    def run() -> T:
        thread = jvm.java_class("java.lang.Thread")
        try:
            loader = jvm.java_class("java.lang.ClassLoader").getSystemClassLoader()
            thread.currentThread().setContextClassLoader(loader)
            return function()
        finally:
            thread.detach()

    jvm.start()
    with interrupts_held_back():
        made = call_in_daemon(run)
        wait([made])
    return made.result()
