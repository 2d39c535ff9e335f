"""Nobody is stuck: an endless answer, the stop button, the home page, in a real browser."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect

from modelserving.broker import EmbeddedKafka
from modelserving.config import Settings
from modelserving.system.ports import free_port
from modelserving.workshop.lab.home import write_home
from modelserving.workshop.lab.lab import lab_arguments
from modelserving.workshop.lab.work import WorkFolder
from modelserving.workshop.lesson.lesson_topics import wait_until
from modelserving.workshop.lesson.progress import Progress

pytestmark = [pytest.mark.browser, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

_START = """from modelserving.workshop import start
from modelserving.workshop.lesson import exercise
exercise.judge.__kwdefaults__["answer_s"] = 2.0
lesson = start("00")"""
_CELLS = (
    _START,
    "def say_hello(producer, topic):\n    while True:\n        pass",
    'lesson.check("hello-broker", say_hello)',
    "import anyio\nsend, receive = anyio.create_memory_object_stream(0)\nawait send.send(1)",
)
_STOPPED = "Stopped: by you"


@pytest.fixture(scope="module")
def lab_url(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """JupyterLab as `make lab` sets it up, with one short notebook; gives the address of a file in its folder."""
    home = tmp_path_factory.mktemp("stuck")
    work = home / "work"
    work.mkdir()
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [], "source": source}
        for n, source in enumerate(_CELLS)
    ]
    spec = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = {"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5}
    (work / "00_stuck.ipynb").write_text(json.dumps(notebook))
    write_home(work, Progress.of(Settings(home=home)))
    port, token = free_port(), secrets.token_urlsafe(16)
    arguments = lab_arguments(WorkFolder(work, (), ()), port, token, home / "lab", browser=False)
    own = {name: str(home / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    told = {"KAFKA_BOOTSTRAP_SERVERS": kafka.start().bootstrap_servers, "MODELSERVING_HOME": str(home)}
    command = [sys.executable, "-m", "jupyterlab", *arguments, "--LabApp.expose_app_in_browser=True"]
    with (home / "log").open("wb") as log:
        process = psutil.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **own, **told})
    root = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(f"{root}/api?token={token}"), "JupyterLab", seconds=90)
        yield lambda name: f"{root}/lab/tree/work/{name}?token={token}&reset"
    finally:
        family = [process, *process.children(recursive=True)]
        process.terminate()
        for left in psutil.wait_procs(family, timeout=30)[1]:
            left.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def _open(page: Page, url: str) -> None:
    page.goto(url)
    session = "window.jupyterapp?.shell?.currentWidget?.sessionContext"
    page.wait_for_function(f"() => ['idle', 'busy'].includes({session}?.session?.kernel?.status)")


def _run(page: Page, number: int) -> None:
    """Select a cell and start it, and do not wait."""
    page.evaluate(
        """number => { const panel = window.jupyterapp.shell.currentWidget;
        panel.content.activeCellIndex = number; window.jupyterapp.commands.execute('notebook:run-cell'); }""",
        number,
    )


def _interrupt(page: Page) -> None:
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
    )
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")


def _output(page: Page, number: int, text: str | re.Pattern[str]) -> None:
    expect(page.locator(".jp-Cell").nth(number).locator(".jp-OutputArea").first).to_contain_text(text)


def test_an_endless_answer_and_the_stop_button(page: Page, lab_url: Callable[[str], str]) -> None:
    """An endless answer ends with a sentence and buttons; stop gives one line, also in an `await`."""
    url = lab_url("00_stuck.ipynb")
    _open(page, url)
    for number in (0, 1, 2):
        _run(page, number)
    _output(page, 0, "Apache Kafka at")
    _output(page, 2, "Your code did not end within 2 s; it was at line")
    page.locator(".jp-Cell").nth(2).get_by_role("button", name="Hint").click()
    _output(page, 2, re.compile("Hint [12] of 2"))
    _run(page, 3)
    _interrupt(page)
    _output(page, 3, _STOPPED)


def test_the_home_page_opens_as_a_page_with_links_to_the_lessons(page: Page, lab_url: Callable[[str], str]) -> None:
    """It is shown, and not its source; a click on a lesson opens it."""
    page.goto(lab_url("home.md"))
    shown = page.locator(".jp-MarkdownViewer")
    expect(shown.locator("h1")).to_contain_text("The workbook")
    expect(shown).to_contain_text("Begin here")
    shown.get_by_role("link", name="00_stuck").first.click()
    expect(page.locator(".jp-Notebook")).to_be_visible()
