"""Every notebook runs from its first cell to its last, unedited, and leaves nothing that a second run would find."""

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

from modelserving.broker import EmbeddedKafka, status
from modelserving.kafka import list_topics
from modelserving.workshop.authoring.source import lesson_files, notebook_of
from tests.waiting import wait_until

NOTEBOOKS = lesson_files()[0].parent.parent
LESSONS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in map(notebook_of, lesson_files())]
AGAIN = [lesson for lesson in LESSONS if str(lesson.values[0]).startswith(("00", "01"))]
"""Those with cells that show the same in each run; of lesson 02, nbval compares them."""
CELL_SECONDS = 240  # a machine may be very busy
OF_WORKBOOK = {
    "kafka",
    "open",
    "repository",
    *("progress.json", "progress.json.lock"),
    *("predictions.json", "predictions.json.lock"),
}
"""What a home has of all lessons together; none comes out otherwise for what another, or itself, has left there: models
lie in the repository under their digests, and lessons that look into one have their own."""
SOLVED = "solved"
"""Marks the checks of solutions."""

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def executed() -> dict[str, NotebookNode]:
    """The lessons that ran, with what they showed, for a second run to be compared with."""
    return {}


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_untouched_and_its_solutions_pass_at_its_end(
    name: str, executed: dict[str, NotebookNode], environ: dict[str, str], home: Path, broker: EmbeddedKafka
) -> None:
    """Exercises that nobody has solved, and whatever the lesson breaks, do not stop Run All.

    Then somebody goes back and solves them: each check passes. What is left is the lesson's own, which its next start
    takes away (``tests/workshop/lesson/test_lesson.py``), so that a second run begins as this one did.
    """
    there = files_of_others(home, name)
    executed[name] = ran(NOTEBOOKS / name, environ, solved_with=NOTEBOOKS / "solutions" / name)
    assert verdicts(executed[name], "check", "Not attempted") == []
    assert verdicts(executed[name], SOLVED, "Passed") == []
    assert left_running(home) == []
    assert files_of_others(home, name) - there == set()
    assert [topic for topic in list_topics(broker.start().connection) if not topic.startswith("lesson-")] == []


@pytest.mark.parametrize("name", AGAIN)
def test_it_runs_once_more_and_says_the_same(
    name: str, executed: dict[str, NotebookNode], environ: dict[str, str], home: Path
) -> None:
    """Cells that are marked as deterministic show what they showed in the first run."""
    if name not in executed:
        executed[name] = ran(NOTEBOOKS / name, environ)
    first, again = shown_always(executed[name]), shown_always(ran(NOTEBOOKS / "solutions" / name, environ))
    assert first
    assert {source: shown for source, shown in again.items() if first[source] != shown} == {}
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


def ran(path: Path, environ: dict[str, str], *, solved_with: Path | None = None) -> NotebookNode:
    """A notebook after Run All in a kernel of its own, in its own folder, with ``fast = True`` as its parameter.

    Args:
        path: of the notebook.
        environ: of its kernel.
        solved_with: whose solutions are checked at its end, before it cleans up.

    Raises:
        CellExecutionError: a cell failed, which ends the run.
    """
    notebook = nbformat.read(path, as_version=4)
    (at,) = cells_with("parameters", notebook)
    notebook.cells.insert(at + 1, new_code_cell("fast = True"))
    if solved_with:
        (end,) = cells_with("cleanup", notebook)
        notebook.cells[end:end] = solutions_and_checks(nbformat.read(solved_with, as_version=4))
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=folder).execute(env=environ)
    return notebook


def solutions_and_checks(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Cells that solve each exercise and have it checked."""
    for at in cells_with("exercise", notebook):
        yield new_code_cell(notebook.cells[at].source)
        (check,) = (cell for cell in notebook.cells[at + 1 : at + 2] if "check" in cell.metadata.tags)
        yield new_code_cell(check.source, metadata={"tags": [SOLVED]})


def cells_with(tag: str, notebook: NotebookNode) -> list[int]:
    """The places of the cells that have a tag."""
    return [at for at, cell in enumerate(notebook.cells) if tag in cell.metadata.get("tags", [])]


def shown_always(notebook: NotebookNode) -> dict[str, list[object]]:
    """What those cells showed that show the same in each run, by their source."""
    marked = [notebook.cells[at] for at in cells_with("nbval-check-output", notebook)]
    return {cell.source: [output.get("data", output.get("text")) for output in cell.outputs] for cell in marked}


def verdicts(notebook: NotebookNode, tag: str, outcome: str) -> list[str]:
    """What checks with this tag said otherwise; there is at least one."""
    said = [notebook.cells[at].outputs[0]["data"]["text/plain"] for at in cells_with(tag, notebook)]
    assert said
    return [words for words in said if not words.startswith(outcome)]


def files_of_others(home: Path, name: str) -> set[Path]:
    """What is in a home and belongs neither to this lesson nor to the workbook."""
    # The broker's own are not walked through: it deletes some of them at any time.
    found = (path for top in home.iterdir() if top.name not in OF_WORKBOOK for path in (top, *top.rglob("*")))
    files = (path.relative_to(home) for path in found if path.is_file())
    return {path for path in files if f"/lesson-{name[:2]}" not in f"/{path.as_posix()}"}


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
