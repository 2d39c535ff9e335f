"""Every notebook runs from its first cell to its last, unedited, twice, and leaves nothing running."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell

from modelserving.broker import status
from modelserving.workshop.lesson.lesson_topics import wait_until
from modelserving.workshop.authoring.source import lesson_sources

NOTEBOOKS = lesson_sources()[0].path.parent.parent
# What is run by one process of the tests is run again by the same: the second needs the output of the first.
LESSONS = [pytest.param(source.notebook, marks=pytest.mark.xdist_group(source.notebook)) for source in lesson_sources()]
CELL_SECONDS = 120
FAST = ("-p", "fast", "True")
NBVAL = ("--nbval-lax", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "--nbval-cell-timeout", str(CELL_SECONDS))

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where papermill puts the lessons that it ran, for nbval to run them again."""
    return tmp_path_factory.mktemp("executed")


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_untouched_to_its_end(name: str, executed: Path, environ: dict[str, str], home: Path) -> None:
    """Exercises that nobody has solved, and whatever the lesson breaks, do not stop Run All."""
    papermill(NOTEBOOKS / name, executed / name, environ)
    check_exercises(executed / name, "Not attempted")
    assert left_running(home) == []


@pytest.mark.parametrize("name", LESSONS)
def test_its_solution_runs_next_and_says_the_same(
    name: str, executed: Path, tmp_path: Path, environ: dict[str, str], home: Path
) -> None:
    """A second run ends as well, and cells that are marked as deterministic show what they showed in the first.

    It is the solution that runs here, and every check in it says that it passed.
    """
    if not (executed / name).exists():
        papermill(NOTEBOOKS / name, executed / name, environ)
    first = nbformat.read(executed / name, as_version=4)
    nbformat.write(to_compare(nbformat.read(NOTEBOOKS / "solutions" / name, as_version=4), first), tmp_path / name)
    run(["-m", "pytest", *NBVAL, "--rootdir", str(tmp_path), str(tmp_path / name)], environ)
    assert left_running(home) == []


def to_compare(solution: nbformat.NotebookNode, first: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A solution for nbval: with the outputs that the first run had, and asserts that its exercises are solved."""
    ran = {cell.source: cell for cell in first.cells if cell.cell_type == "code"}
    cells = []
    for cell in solution.cells:
        tags = cell.metadata.get("tags", [])
        if "nbval-check-output" in tags:
            cell.outputs, cell.execution_count = ran[cell.source].outputs, ran[cell.source].execution_count
        cells.append(cell)
        if "parameters" in tags:
            cells.append(new_code_cell("fast = True"))
        if "check" in tags:
            cells.append(new_code_cell('last = get_ipython().displayhook._; assert repr(last).startswith("Passed"), last'))
    return nbformat.from_dict({**solution, "cells": cells})


def papermill(notebook: Path, output: Path, environ: dict[str, str]) -> None:
    """Run a notebook as CI does, in its own folder."""
    parameters = [*FAST, "--execution-timeout", str(CELL_SECONDS), "--cwd", str(notebook.parent)]
    run(["-m", "papermill", "--no-progress-bar", *parameters, str(notebook), str(output)], environ)


def run(arguments: list[str], environ: dict[str, str]) -> None:
    """Run Python; its words are the message when it fails."""
    done = subprocess.run([sys.executable, *arguments], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}"


def check_exercises(notebook: Path, outcome: str) -> None:
    """See that each check of a notebook that ran has this outcome, and that there is one."""
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if "check" in cell.metadata.get("tags", [])]
    said = [cell.outputs[0]["data"]["text/plain"] for cell in cells]
    assert said
    assert [words for words in said if not words.startswith(outcome)] == []


def left_running(home: Path) -> list[str]:
    """Processes that belong to a kernel's home and are still there after a while, but for its broker."""
    with contextlib.suppress(Exception):
        wait_until(lambda: not list(processes_of(home)), "kernels and their children to end", seconds=15)
    return [" ".join(process.cmdline()) for process in processes_of(home)]


def processes_of(home: Path) -> Iterator[psutil.Process]:
    """Processes that were started with this home, without the broker's."""
    now = status(home)
    broker = {now.pid, now.supervisor_pid} if now else set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid not in broker and process.environ().get("MODELSERVING_HOME") == str(home):
                yield process
