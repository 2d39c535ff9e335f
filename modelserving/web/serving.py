"""A server and its HTTP face, in one process, until something says stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import anyio
import uvicorn
from fastapi import FastAPI

from modelserving.serving import ServerView
from modelserving.system import write_atomically
from modelserving.system.parent import when_parent_is_gone
from modelserving.web.app import make_app


class Runnable(ServerView, Protocol):
    """A server that runs until cancelled, and can be looked at."""

    async def run(self) -> None:
        """Run until cancelled."""
        ...


Stop = Callable[[], Awaitable[None]]


async def serve(server: Runnable, bound: socket.socket, *stops: Stop) -> None:
    """Run a server with its HTTP face until one of ``stops`` returns, or the server fails.

    Args:
        server: what to run.
        bound: a listening socket, for HTTP.
        stops: each waits for a reason to stop.
    """
    await serve_app(server.run, make_app(server), bound, *stops)


async def serve_app(run: Callable[[], Awaitable[None]], app: FastAPI, bound: socket.socket, *stops: Stop) -> None:
    """Run anything with an HTTP face of its own until one of ``stops`` returns, or it fails.

    Args:
        run: runs until cancelled.
        app: its face.
        bound: a listening socket, for HTTP.
        stops: each waits for a reason to stop.
    """
    async with anyio.create_task_group() as tasks:

        async def wait(stop: Stop) -> None:
            await stop()
            tasks.cancel_scope.cancel()

        for stop in stops:
            tasks.start_soon(wait, stop)
        tasks.start_soon(_serve_http, app, bound)
        await run()


async def until_signal() -> None:
    """Wait for Ctrl-C or a request to terminate."""
    if sys.platform == "win32":  # no signal handlers in this event loop; Ctrl-C arrives as KeyboardInterrupt
        await anyio.sleep_forever()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            return


async def stdin_closed() -> None:
    """Wait until the parent process is gone: the pipe to it closes even when it is killed."""
    gone = anyio.Event()
    token = anyio.lowlevel.current_token()
    when_parent_is_gone(lambda: anyio.from_thread.run_sync(gone.set, token=token))
    await gone.wait()


def announce(target: Path, url: str) -> None:
    """Tell a parent process where the server listens: one JSON object in a file, all at once."""
    write_atomically(target, json.dumps({"url": url, "pid": os.getpid()}))


class _Http(uvicorn.Server):
    """Uvicorn that leaves the signals to us: they stop the scoring first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve_http(app: FastAPI, bound: socket.socket) -> None:
    # Without a configuration of its own: that would close what other libraries log to, such as TensorFlow's.
    config = uvicorn.Config(app, log_config=None, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    http = _Http(config)
    try:
        await http.serve(sockets=[bound])
    finally:
        http.should_exit = True
        bound.close()
