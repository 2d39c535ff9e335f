"""A JupyterLab of a test's own, and a notebook in it, driven as somebody would who clicks and reads."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
from playwright.sync_api import Page

from modelserving.config import Settings, checkout
from modelserving.system.ports import free_port
from modelserving.workshop.lab.home import write_home
from modelserving.workshop.lab.lab import lab_arguments, prepare_kernels
from modelserving.workshop.lab.work import WorkFolder, for_this_python
from modelserving.workshop.lesson.progress import Progress

STOPPED = "Stopped: by you"
IN_LAB = [
    pytest.mark.browser,
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("lab"),
]
"""Of tests that share the lab: one process runs them all."""
_START_S, _RESTART_S, _END_S = 90.0, 180.0, 30.0
_PANEL = "window.jupyterapp.shell.currentWidget"
_SESSION = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session"
_KERNEL_IS_THERE = f"() => ['idle', 'busy'].includes({_SESSION}?.kernel?.status)"


@dataclass(frozen=True, slots=True)
class Lab:
    """A running JupyterLab.

    Args:
        url: of its root, without a slash at the end.
        token: what the browser must show.
        work: its folder of notebooks.
    """

    url: str
    token: str
    work: Path

    def address(self, file: str) -> str:
        """Of a file in its folder, in an empty workspace."""
        return f"{self.url}/lab/tree/{quote(f'{self.work.name}/{file}')}?token={self.token}&reset"

    def open(self, page: Page, notebook: str) -> None:
        """Open a notebook, and wait until its kernel is there."""
        page.goto(self.address(notebook))
        page.wait_for_function(_KERNEL_IS_THERE)

    def turn_to(self, page: Page, notebook: str) -> None:
        """Open a notebook in a tab in which JupyterLab is open already, and wait until it is drawn."""
        page.evaluate(
            """async path => {
              const { commands, shell } = window.jupyterapp;
              const notebook = await commands.execute('docmanager:open', {path});
              await notebook.revealed;
              shell.activateById(notebook.id);
            }""",
            f"{self.work.name}/{notebook}",
        )
        page.wait_for_function(_KERNEL_IS_THERE)

    def end_kernel(self, notebook: str) -> None:
        """End the kernel of a notebook, and with it what its cells have started."""
        with httpx.Client(headers={"Authorization": f"token {self.token}"}, base_url=self.url) as client:
            for session in client.get("/api/sessions").json():
                if Path(session["path"]).name == notebook:
                    client.delete(f"/api/sessions/{session['id']}").raise_for_status()

    def copy(self, lesson: str, until: str) -> str:
        """Write a shorter copy of a lesson, which ends with the first code cell that has ``until`` in it.

        Returns:
            Its name.
        """
        notebook = json.loads((self.work / lesson).read_text(encoding="utf-8"))
        last = next(
            number
            for number, cell in enumerate(notebook["cells"])
            if cell["cell_type"] == "code" and until in "".join(cell["source"])
        )
        notebook["cells"] = notebook["cells"][: last + 1]
        return self._write(f"short-{secrets.token_hex(2)}-{lesson}", notebook)

    def write(self, name: str, *codes: str) -> str:
        """Write a notebook of code cells.

        Returns:
            Its name.
        """
        cells: list[dict[str, Any]] = [
            {"cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [], "source": code}
            for n, code in enumerate(codes)
        ]
        spec = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        return self._write(name, {"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5})

    def _write(self, name: str, notebook: dict[str, Any]) -> str:
        (self.work / name).write_text(json.dumps(notebook), encoding="utf-8")
        return name


@contextmanager
def running_lab(servers: str, home: Path) -> Iterator[Lab]:
    """JupyterLab as `make lab` sets it up, on copies of the lessons; nothing of it runs afterwards.

    Args:
        servers: the broker's address.
        home: an empty folder, for all that it writes.

    Raises:
        RuntimeError: it did not start, or something that it started outlived it.
    """
    root, work = checkout(), home / "work"
    if root is None:
        raise RuntimeError("the lessons are in the source checkout")
    shutil.copytree(root / "notebooks", work, ignore=shutil.ignore_patterns("src", "solutions", ".*"))
    for notebook in work.glob("[0-9][0-9]_*.ipynb"):
        notebook.write_text(for_this_python(notebook), encoding="utf-8")
    write_home(work, Progress.of(Settings(home=home)))
    port, token = free_port(), secrets.token_urlsafe(16)
    arguments = lab_arguments(WorkFolder(work, (), ()), port, token, home / "lab", browser=False)
    own = {name: str(home / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    environ = {**os.environ, **own, "KAFKA_BOOTSTRAP_SERVERS": servers, "MODELSERVING_HOME": str(home)}
    prepare_kernels(environ)
    command = [sys.executable, "-m", "jupyterlab", *arguments]
    with (home / "log").open("wb") as log:
        process = psutil.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environ)
    try:
        _wait_until_up(process, f"http://127.0.0.1:{port}/api?token={token}", home / "log")
        yield Lab(f"http://127.0.0.1:{port}", token, work)
    finally:
        _end(process)


def _wait_until_up(process: psutil.Popen, url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5).is_success:
                return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _end(process: psutil.Popen) -> None:
    """End the lab, and see that its kernels, and the servers that they started, end with it."""
    family: list[psutil.Process] = [process]
    with suppress(psutil.NoSuchProcess):
        family += process.children(recursive=True)
        process.terminate()
    _, alive = psutil.wait_procs(family, timeout=_END_S)
    for left in alive:
        with suppress(psutil.NoSuchProcess):
            left.kill()
    if alive:
        raise RuntimeError(f"left behind by the lab: {alive}")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of an open notebook.

    Args:
        number: from 0.
        kind: ``code`` or ``markdown``.
        source: what stands in it.
        tags: its own.
    """

    number: int
    kind: str
    source: str
    tags: tuple[str, ...]

    @property
    def heading(self) -> str | None:
        """Of the section that it begins, if it begins one."""
        lines = self.source.splitlines() if self.kind == "markdown" else []
        return next((line[3:] for line in lines if line.startswith("## ")), None)

    def __str__(self) -> str:
        first = next((line for line in self.source.splitlines() if line.strip()), "")
        return f"cell {self.number} `{first[:60]}`"


class Notebook:
    """The notebook in front of somebody.

    Args:
        page: the browser's tab.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    def cells(self) -> tuple[Cell, ...]:
        """All of them, as they are now."""
        told = self.page.evaluate(
            f"""() => {_PANEL}.content.widgets.map(({{model}}) =>
            [model.type, model.sharedModel.getSource(), model.getMetadata('tags') ?? []])"""
        )
        return tuple(Cell(number, kind, source, tuple(tags)) for number, (kind, source, tags) in enumerate(told))

    def write(self, number: int, source: str) -> None:
        """Put other code into a cell."""
        self.page.evaluate(
            f"([number, source]) => {_PANEL}.content.widgets[number].model.sharedModel.setSource(source)",
            [number, source],
        )

    def start(self, number: int) -> None:
        """Run a cell, and do not wait."""
        self.page.evaluate(
            f"""number => {{ {_PANEL}.content.deselectAll(); {_PANEL}.content.activeCellIndex = number;
            window.ended = false;
            window.jupyterapp.commands.execute('notebook:run-cell').finally(() => {{ window.ended = true; }}); }}""",
            number,
        )

    def wait(self, seconds: float) -> bool:
        """Wait until the cell that was started has ended.

        Returns:
            Whether it has.
        """
        deadline = time.monotonic() + seconds
        while not self.page.evaluate("() => window.ended"):
            if time.monotonic() > deadline:
                return False
            self.page.wait_for_timeout(20)
        return True

    def run(self, number: int, seconds: float = 120) -> str:
        """Run a cell to its end.

        Returns:
            What it shows, as ``text``.

        Raises:
            TimeoutError: it did not end.
        """
        self.start(number)
        if not self.wait(seconds):
            raise TimeoutError(f"cell {number} did not end within {seconds:g} s; it shows: {self.text(number)[-200:]}")
        return self.text(number)

    def stop(self) -> None:
        """Click on ■."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")

    def restart(self) -> None:
        """Restart the kernel, and wait for it. What it said before the page listened again is lost: it is asked."""
        kernel = f"{_PANEL}.sessionContext.session.kernel"
        self.page.evaluate(f"async () => {{ await {kernel}.restart(); }}")
        deadline = time.monotonic() + _RESTART_S
        while self.page.evaluate(f"() => {kernel}.status") != "idle":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the kernel was restarted, and is not idle within {_RESTART_S} s")
            self.page.evaluate(f"() => {{ {kernel}.requestKernelInfo().catch(() => null); }}")
            self.page.wait_for_timeout(1000)

    def outputs(self, number: int) -> list[dict[str, Any]]:
        """What a cell shows, as the notebook keeps it."""
        found: list[dict[str, Any]] = self.page.evaluate(
            f"number => {_PANEL}.content.widgets[number].model.outputs?.toJSON() ?? []", number
        )
        return found

    def text(self, number: int) -> str:
        """What a cell shows, in plain text; an error as its name and message."""
        return "\n".join(map(_text, self.outputs(number)))

    def error(self, number: int) -> str | None:
        """The error that a cell ended with, as a line; ``None`` if it did not."""
        return next((_text(one) for one in self.outputs(number) if one["output_type"] == "error"), None)


def _text(output: dict[str, Any]) -> str:
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    found = output.get("text") or output.get("data", {}).get("text/plain", "")
    return found if isinstance(found, str) else "".join(found)
