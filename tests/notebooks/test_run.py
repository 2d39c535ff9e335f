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
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from modelserving.broker import status
from modelserving.workshop.authoring.source import lesson_sources
from tests.waiting import wait_until

NOTEBOOKS = lesson_sources()[0].path.parent.parent
# What is run by one process of the tests is run again by the same: the second needs the output of the first.
LESSONS = [pytest.param(source.notebook, marks=pytest.mark.xdist_group(source.notebook)) for source in lesson_sources()]
CELL_SECONDS = 240  # a machine may be very busy

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def executed() -> dict[str, NotebookNode]:
    """The lessons that ran, with what they showed, for their solutions to be compared with."""
    return {}


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_untouched_to_its_end(
    name: str, executed: dict[str, NotebookNode], environ: dict[str, str], home: Path
) -> None:
    """Exercises that nobody has solved, and whatever the lesson breaks, do not stop Run All."""
    executed[name] = ran(NOTEBOOKS / name, environ)
    check_exercises(executed[name], "Not attempted")
    assert left_running(home) == []


@pytest.mark.parametrize("name", LESSONS)
def test_its_solution_runs_next_and_says_the_same(
    name: str, executed: dict[str, NotebookNode], environ: dict[str, str], home: Path
) -> None:
    """A second run ends as well, and cells that are marked as deterministic show what they showed in the first.

    It is the solution that runs here, and every check in it says that it passed.
    """
    if name not in executed:
        executed[name] = ran(NOTEBOOKS / name, environ)
    solution = ran(NOTEBOOKS / "solutions" / name, environ)
    check_exercises(solution, "Passed")
    first = shown_always(executed[name])
    assert {source: shown for source, shown in shown_always(solution).items() if first[source] != shown} == {}
    assert left_running(home) == []


@pytest.mark.xdist_group("02_client_and_records.ipynb")
def test_papermill_and_nbval_run_a_lesson_too(tmp_path: Path, environ: dict[str, str], home: Path) -> None:
    """The tags of cells are theirs: papermill sets the parameter, and nbval finds the same outputs in a second run."""
    source, output = NOTEBOOKS / "02_client_and_records.ipynb", tmp_path / "02.ipynb"
    papermill = ("papermill", "--no-progress-bar", "-p", "fast", "True", "--cwd", str(NOTEBOOKS))
    run("-m", *papermill, str(source), str(output), environ=environ)
    assert shown_always(nbformat.read(output, as_version=4))
    nbval = ("--nbval-lax", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "--nbval-cell-timeout", str(CELL_SECONDS))
    run("-m", "pytest", *nbval, "--rootdir", str(tmp_path), str(output), environ=environ)
    assert left_running(home) == []


def run(*arguments: str, environ: dict[str, str]) -> None:
    """Run Python; its words are the message when it fails."""
    done = subprocess.run([sys.executable, *arguments], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}"


def ran(path: Path, environ: dict[str, str]) -> NotebookNode:
    """A notebook after Run All in a kernel of its own, in its own folder, with ``fast = True`` as its parameter.

    Raises:
        CellExecutionError: a cell failed, which ends the run.
    """
    notebook = nbformat.read(path, as_version=4)
    (at,) = [at for at, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    notebook.cells.insert(at + 1, new_code_cell("fast = True"))
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=folder).execute(env=environ)
    return notebook


def shown_always(notebook: NotebookNode) -> dict[str, list[object]]:
    """What those cells showed that show the same in each run, by their source."""
    marked = [cell for cell in notebook.cells if "nbval-check-output" in cell.metadata.get("tags", [])]
    return {cell.source: [output.get("data", output.get("text")) for output in cell.outputs] for cell in marked}


def check_exercises(notebook: NotebookNode, outcome: str) -> None:
    """See that each check of a notebook that ran has this outcome, and that there is one."""
    cells = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]
    said = [cell.outputs[0]["data"]["text/plain"] for cell in cells]
    assert said
    assert [words for words in said if not words.startswith(outcome)] == []


def left_running(home: Path) -> list[str]:
    """Processes that belong to a kernel's home and are still there after a while, but for its broker."""
    with contextlib.suppress(Exception):
        wait_until(lambda: not list(processes_of(home)), "kernels and their children to end")
    return [" ".join(process.cmdline()) for process in processes_of(home)]


def processes_of(home: Path) -> Iterator[psutil.Process]:
    """Processes that were started with this home, without the broker's."""
    now = status(home)
    broker = {now.pid, now.supervisor_pid} if now else set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid not in broker and process.environ().get("MODELSERVING_HOME") == str(home):
                yield process
