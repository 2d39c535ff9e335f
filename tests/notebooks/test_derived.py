"""The notebooks are what their texts say, and every lesson has what a lesson has."""

from __future__ import annotations

import re

import nbformat
import pytest

from modelserving.workshop.authoring.derive import notebook_text, outdated
from modelserving.workshop.authoring.lint import problems
from modelserving.workshop.authoring.source import LessonSource, lesson_files, lesson_sources, read_lesson

pytestmark = pytest.mark.xdist_group("lessons")  # reading all of them takes seconds: one process of tests does
EACH = pytest.mark.parametrize("lesson", lesson_files(), ids=lambda path: path.stem, indirect=True)


@pytest.fixture
def lesson(request: pytest.FixtureRequest) -> LessonSource:
    return read_lesson(request.param)


def test_the_notebooks_are_derived_from_their_texts() -> None:
    """Nobody has changed a notebook and not its text, or the other way round: `make notebooks` writes them."""
    assert outdated(lesson_sources()) == ()


@EACH
def test_a_lesson_has_its_parts_in_order(lesson: LessonSource) -> None:
    """Promise, box, picture, set-up, short cells, predictions, an exercise, something broken, recap, clean-up."""
    assert problems(lesson) == []


@EACH
@pytest.mark.parametrize("solutions", [False, True])
def test_a_notebook_is_valid_and_carries_nothing_of_a_machine(lesson: LessonSource, solutions: bool) -> None:
    """Whoever derives it gets the same file: valid, with no outputs, no counts and no versions."""
    notebook = nbformat.reads(notebook_text(lesson, solutions=solutions), as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert {cell.execution_count for cell in code} == {None}
    assert not any(cell.outputs for cell in code)
    assert notebook.metadata.language_info == {"name": "python"}


@EACH
def test_the_overview_lists_the_lesson_with_its_minutes(lesson: LessonSource) -> None:
    """The table in the folder's README says what the lesson's own box says."""
    table = (lesson.path.parent.parent / "README.md").read_text(encoding="utf-8")
    title = lesson.cells[0].text.splitlines()[0].removeprefix("# ")
    minutes = re.search(r"(\d+) minutes", lesson.cells[1].text)
    assert minutes
    assert re.search(rf"\| \[{re.escape(title)}\]\({lesson.notebook}\) \| [^|]+ \| {minutes[1]} \|", table)


@EACH
@pytest.mark.parametrize("solutions", [False, True])
def test_every_link_leads_somewhere(lesson: LessonSource, solutions: bool) -> None:
    """Pictures, source files and the next lesson are there, seen from the folder of the notebook."""
    folder = lesson.path.parent.parent / ("solutions" if solutions else "")
    notebook = nbformat.reads(notebook_text(lesson, solutions=solutions), as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (folder / link).is_file()] == []
