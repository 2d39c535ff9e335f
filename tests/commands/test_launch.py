"""A server that is started from the command line, until something says stop."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import nullcontext
from unittest.mock import Mock

import anyio
import pytest
from fastapi import FastAPI

from modelserving.commands.serve import launch
from modelserving.commands.serve.options import ListenOptions
from tests.waiting import WAIT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process could handle")


def stop_it(monkeypatch: pytest.MonkeyPatch, *, slow: bool) -> list[str]:
    """Launch something that stops itself, at once or only when that it has not stopped yet was said; and what was."""
    lines, said = list[str](), threading.Event()

    def hear(_: object, text: str) -> None:
        lines.append(text)
        if text.startswith("Stopping"):
            said.set()

    async def run() -> None:
        while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            await anyio.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)
        try:
            await anyio.sleep_forever()
        finally:
            if slow:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(said.wait, WAIT)

    monkeypatch.setattr("rich.console.Console.print", hear)
    monkeypatch.setattr("modelserving.broker.use_broker", lambda: nullcontext(Mock(bootstrap_servers="none")))
    monkeypatch.setattr(launch, "_AT_ONCE_S", 0.01 if slow else WAIT)
    service = launch.LaunchedServer(run, FastAPI(), "It runs", "Look")
    launch.launch("test", ListenOptions(port=0), lambda *_: service)
    return lines


def test_a_stop_that_takes_long_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is loading an engine cannot leave it half loaded."""
    assert stop_it(monkeypatch, slow=True)[-2:] == ["Stopping: what was begun ends first.", "The server has stopped."]


def test_a_stop_at_once_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over is not announced."""
    lines = stop_it(monkeypatch, slow=False)
    assert lines[-1] == "The server has stopped."
    assert not [line for line in lines if line.startswith("Stopping")]
