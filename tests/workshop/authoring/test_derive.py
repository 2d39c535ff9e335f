"""From a lesson's text to its notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.authoring.derive import derive, notebook_text, outdated
from modelserving.workshop.authoring.source import LessonSource, read_lesson
from modelserving.workshop.exercises import find_exercise

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


def test_a_title_that_the_heading_has_said_is_not_said_again(tmp_path: Path) -> None:
    """Two headings that say the same, one below the other, look like a mistake."""
    exercise = find_exercise("hello-broker")
    heading = f"# %% [markdown]\n# ## Exercise: {exercise.title.lower()}\n\n# %%\n# exercise"
    goal = cells(write(tmp_path, TEXT.replace("# %%\n# exercise", heading)))[-3]
    assert not text(goal).startswith("#")


def test_the_solution_notebook_has_the_reference_in_place_of_the_stub(lesson: LessonSource) -> None:
    """All other cells are the same, but for the way to the pictures and to the glossary."""
    ours, theirs = cells(lesson), cells(lesson, solutions=True)
    different = [index for index, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    assert [text(theirs[index]).replace("../", "") for index in different[:-1]] == [
        text(ours[index]) for index in different[:-1]
    ]
    solved = theirs[different[-1]]
    assert (text(solved), tags(solved)) == (find_exercise("hello-broker").reference.strip(), ["exercise", "solution"])


@pytest.mark.parametrize("solutions", [False, True])
def test_a_picture_comes_with_its_sentence(lesson: LessonSource, tmp_path: Path, solutions: bool) -> None:
    """The link leads to a file, from either folder, and whoever does not see it hears what is in it."""
    derive([lesson])
    alt, _, target = text(cells(lesson, solutions=solutions)[1]).removeprefix("![").partition("](")
    assert len(alt) > 50
    notebook = tmp_path / "solutions" if solutions else tmp_path
    assert (notebook / target.removesuffix(")")).read_text(encoding="utf-8").startswith("<svg")


def test_parameters_are_folded(tmp_path: Path) -> None:
    """They are for tests; of a folded cell JupyterLab shows the first line. All other cells are open."""
    found = cells(write(tmp_path, TEXT.replace('"setup"', '"parameters"')))
    folded = [tags(cell) for cell in found if cell["metadata"].get("jupyter", {}).get("source_hidden")]
    assert folded == [["parameters"]]


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
    names = ("glossary.md", "00_title.ipynb", "solutions/00_title.ipynb", "images/pipeline-client.svg")
    assert derive([lesson]) == tuple(tmp_path / name for name in names)
    assert derive([lesson]) == ()
    assert outdated([lesson]) == ()


@pytest.mark.parametrize("spoil", ["change", "delete", "add", "images/pipeline-old.svg"])
def test_checking_finds_what_is_not_as_derived(lesson: LessonSource, tmp_path: Path, spoil: str) -> None:
    """A notebook that was edited, is missing, or has lost its text."""
    derive([lesson])
    path = tmp_path / "00_title.ipynb"
    if spoil == "change":
        path.write_text(path.read_text(encoding="utf-8").replace("x = 1", "x = 2"), encoding="utf-8")
    elif spoil == "delete":
        path.unlink()
    else:
        path = tmp_path / ("07_no_text.ipynb" if spoil == "add" else spoil)
        path.write_text("{}")
    assert outdated([lesson]) == (path,)


def test_an_exercise_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """A slip in a directive stops the derivation."""
    with pytest.raises(ConfigError, match="no exercise 'hallo'"):
        notebook_text(write(tmp_path, "# %%\n# exercise: hallo\n"))
