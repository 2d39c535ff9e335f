"""`serve model`, with no socket asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import modelserving.web
from modelserving.monitoring.overview import AnnouncedServer, read_announced
from modelserving.monitoring.overview.announced import servers_folder
from tests.commands.runs import Terminal


def test_it_says_where_it_listens_for_as_long_as_it_runs(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`watch` and Prometheus find it, and it reads and writes no topic; when it has ended, nobody finds it."""
    folder, seen = servers_folder(tmp_path), list[AnnouncedServer]()

    async def serve(*_: object) -> None:
        seen.extend(read_announced(folder))

    monkeypatch.setattr(modelserving.web, "serve_app", serve)
    words = ("serve", "model", "wine-linear-regression", "--port", "0")
    done = terminal.run(*words, environ={"MODELSERVING_HOME": str(tmp_path)})
    assert done.status == 0, done.err
    (here,) = seen
    assert here == AnnouncedServer(here.url, "model", "", os.getpid())
    assert f"{here.url}/v2/models/wine-linear-regression/infer" in done.out
    assert read_announced(folder) == []
