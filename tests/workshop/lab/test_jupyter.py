"""Ctrl-C ends JupyterLab in order, and nothing that it had under way keeps the process."""

from __future__ import annotations

import asyncio
import signal
import threading

import anyio.to_thread
import pytest

from modelserving.workshop.lab.jupyter import _ctrl_c_stops, _end_requests
from tests.waiting import wait_until


def test_a_thread_that_answered_a_request_ends_when_the_loop_was_interrupted() -> None:
    """JupyterLab reads files in threads that Python waits for at its end; each of them ends with its request."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    here: list[threading.Thread] = []

    async def request() -> None:
        here.append(await anyio.to_thread.run_sync(threading.current_thread))
        loop.stop()
        await asyncio.Event().wait()

    try:
        task = loop.create_task(request())
        loop.run_forever()
        (thread,) = here
        assert thread.is_alive()
        assert not thread.daemon
        _end_requests()
        wait_until(lambda: not thread.is_alive(), "the thread to end")
        assert task.cancelled()
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_ctrl_c_is_handed_on_to_who_listens_to_sigterm_by_then() -> None:
    """The second one is Python's own; and so is one that comes before anybody listens."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    heard: list[int] = []
    with _ctrl_c_stops():
        signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
        signal.raise_signal(signal.SIGINT)
        assert heard == [signal.SIGTERM]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with _ctrl_c_stops(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
