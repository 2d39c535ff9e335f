"""From a lesson's text to its notebooks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.derive import derive, notebook_text, outdated
from modelserving.workshop.exercises import find_exercise
from modelserving.workshop.source import LessonSource, read_lesson

TEXT = """\
# %% [markdown]
# # 00 · A title

# %%
# pipeline: client

# %% tags=["setup"]
x = 1

# %%
x = 1

# %%
# exercise: hello-broker
"""


@pytest.fixture
def lesson(tmp_path: Path) -> LessonSource:
    return write(tmp_path, TEXT)


def write(folder: Path, text: str) -> LessonSource:
    path = folder / "src" / "00_title.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return read_lesson(path)


def cells(lesson: LessonSource, *, solutions: bool = False) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(notebook_text(lesson, solutions=solutions))["cells"]
    return found


def text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def tags(cell: dict[str, Any]) -> list[str]:
    found: list[str] = cell["metadata"].get("tags", [])
    return found


def test_an_exercise_becomes_goal_stub_and_check(lesson: LessonSource) -> None:
    """All three come from the exercise's file; the check hands in what the stub defines."""
    goal, stub, check = cells(lesson)[-3:]
    exercise = find_exercise("hello-broker")
    assert text(goal).startswith(f"### {exercise.title}\n")
    assert (text(stub), tags(stub)) == (exercise.stub.strip(), ["exercise"])
    assert text(check).startswith('lesson.check("hello-broker", say_hello)')
    assert tags(check) == ["check"]


def test_the_solution_notebook_has_the_reference_in_place_of_the_stub(lesson: LessonSource) -> None:
    """All other cells are the same."""
    ours, theirs = cells(lesson), cells(lesson, solutions=True)
    different = [place for place, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    assert len(different) == 1
    solved = theirs[different[0]]
    assert (text(solved), tags(solved)) == (find_exercise("hello-broker").reference.strip(), ["exercise", "solution"])


def test_a_picture_travels_inside_the_notebook_with_its_sentence(lesson: LessonSource) -> None:
    """A copied notebook has its picture with it, and whoever sees none hears what is in it."""
    picture = cells(lesson)[1]
    (data,) = picture["attachments"]["pipeline.svg"].values()
    assert base64.b64decode(data).startswith(b"<svg")
    alt, _, target = text(picture).removeprefix("![").partition("](")
    assert len(alt) > 50
    assert target == "attachment:pipeline.svg)"


def test_the_same_text_gives_the_same_bytes_and_every_cell_a_name_of_its_own(lesson: LessonSource) -> None:
    """Also of two cells that read the same."""
    assert notebook_text(lesson) == notebook_text(lesson)
    names = [cell["id"] for cell in cells(lesson)]
    assert len(set(names)) == len(names) == 7


def test_a_new_cell_leaves_the_names_of_the_others_alone(lesson: LessonSource, tmp_path: Path) -> None:
    """A change of one cell is a change of one cell in the notebook too."""
    before = {cell["id"] for cell in cells(lesson)}
    after = {
        cell["id"]
        for cell in cells(write(tmp_path, TEXT.replace("# %%\n# pipeline", "# %%\ny = 2\n\n# %%\n# pipeline")))
    }
    assert before < after
    assert len(after) == len(before) + 1


def test_deriving_writes_what_differs_and_nothing_else(lesson: LessonSource, tmp_path: Path) -> None:
    """A second run finds nothing to do."""
    assert derive([lesson]) == (tmp_path / "00_title.ipynb", tmp_path / "solutions" / "00_title.ipynb")
    assert derive([lesson]) == ()
    assert outdated([lesson]) == ()


@pytest.mark.parametrize("spoil", ["change", "delete", "add"])
def test_checking_finds_what_is_not_as_derived(lesson: LessonSource, tmp_path: Path, spoil: str) -> None:
    """A notebook that was edited, is missing, or has lost its text."""
    derive([lesson])
    path = tmp_path / "00_title.ipynb"
    if spoil == "change":
        path.write_text(path.read_text(encoding="utf-8").replace("x = 1", "x = 2"), encoding="utf-8")
    elif spoil == "delete":
        path.unlink()
    else:
        path = tmp_path / "07_no_text.ipynb"
        path.write_text("{}")
    assert outdated([lesson]) == (path,)


def test_an_exercise_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """A slip in a directive stops the derivation."""
    with pytest.raises(ConfigError, match="no exercise 'hallo'"):
        notebook_text(write(tmp_path, "# %%\n# exercise: hallo\n"))
