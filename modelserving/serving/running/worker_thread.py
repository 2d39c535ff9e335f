"""One thread of its own, for things that block and must not be called by two threads at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.lowlevel

from modelserving.system.closing import Closing
from modelserving.system.stopping import StopWaiting, call_in_daemon, stoppable

P = ParamSpec("P")
T = TypeVar("T")


class WorkerThread(Closing):
    """Runs functions one after the other in one thread that lives as long as the worker.

    A Kafka client may be used by one thread at a time, and each thread that calls Java stays known to the JVM: both
    want a thread that is always the same.

    Args:
        name: of the thread, as debuggers show it.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in the worker's thread and wait for it.

        A thread cannot be cancelled: who is cancelled meanwhile waits for the end of the call, and is cancelled then.
        A call that only waits for something ends at once, if it waits as ``system.stopping`` does.
        """
        stop = threading.Event()
        call = asyncio.wrap_future(self._pool.submit(_run, stop, partial(function, *args, **kwargs)))
        try:
            result = await asyncio.shield(call)
        except asyncio.CancelledError:
            stop.set()
            with anyio.CancelScope(shield=True), suppress(StopWaiting):
                await call
            raise
        await anyio.lowlevel.checkpoint_if_cancelled()
        return result

    async def finish(self, function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call ``function`` as the last thing in this worker, also when cancelled, and close the worker."""
        with anyio.CancelScope(shield=True):
            try:
                await asyncio.wrap_future(self._pool.submit(function, *args, **kwargs))
            finally:
                self.close()

    def close(self) -> None:
        """Wait for the thread to end. A second call does nothing."""
        self._pool.shutdown()


def _run(stop: threading.Event, call: Callable[[], T]) -> T:
    with stoppable(stop):
        return call()


async def run_abandonable(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``function`` in a thread that is left behind when the caller is cancelled.

    For a call that may wait for ever, and whose end nobody needs: the thread does not keep the process from ending.
    """
    return await asyncio.wrap_future(call_in_daemon(partial(function, *args, **kwargs)))
