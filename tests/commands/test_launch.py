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


def stop_it(monkeypatch: pytest.MonkeyPatch, *, slow: bool) -> None:
    """Launch something that stops itself, at once or only when that it has not stopped yet was said."""
    said = threading.Event()
    printed = "rich.console.Console.print"

    def hear(_: object, text: str) -> None:
        print(text)
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

    monkeypatch.setattr(printed, hear)
    monkeypatch.setattr("modelserving.broker.use_broker", lambda: nullcontext(Mock(bootstrap_servers="none")))
    monkeypatch.setattr(launch, "_AT_ONCE_S", 0.01 if slow else WAIT)
    service = launch.LaunchedServer(run, FastAPI(), "It runs", "Look")
    launch.launch("test", ListenOptions(port=0), lambda *_: service)


def test_a_stop_that_takes_long_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is loading an engine cannot leave it half loaded."""
    stop_it(monkeypatch, slow=True)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "Stopping: what was begun ends first.",
        "The server has stopped.",
    ]


def test_a_stop_at_once_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stop_it(monkeypatch, slow=False)
    assert "Stopping" not in capsys.readouterr().out
