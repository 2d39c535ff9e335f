"""Lessons as text."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.authoring.derive import notebook_text
from modelserving.workshop.authoring.source import Cell, lesson_files, read_lesson

TEXT = """\
# %% [markdown]
# # 90 · A title
#
# A promise.

# %%
# pipeline: client topics

# %% tags=["setup", "other"]
x = 1


def f():
    return x
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "90_title.py"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_cells_are_read_with_kind_text_tags_and_line(path: Path) -> None:
    """What a person writes between two marks is one cell."""
    lesson = read_lesson(path)
    assert lesson.number == "90"
    assert lesson.notebook == "90_title.ipynb"
    assert lesson.cells == (
        Cell("markdown", "# 90 · A title\n\nA promise.", (), 1),
        Cell("code", "# pipeline: client topics", (), 6),
        Cell("code", "x = 1\n\n\ndef f():\n    return x", ("setup", "other"), 9),
    )


def test_a_directive_is_known_by_its_words(path: Path) -> None:
    """A code cell of nothing but a directive is one; it is no code of the lesson."""
    lesson = read_lesson(path)
    assert [cell.directive for cell in lesson.cells] == [None, ("pipeline", ("client", "topics")), None]
    assert [cell.text[:5] for cell in lesson.code()] == ["x = 1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n# %%\n", "belongs to no cell"),
        ("# %% [markdwon]\n# a\n", r"line 1: `# %% \[markdwon\]` should be"),
        ("# %% [markdown]\n# a\nb\n", "line 3: a line of a Markdown cell"),
    ],
)
def test_a_malformed_text_is_refused_with_its_line(path: Path, text: str, message: str) -> None:
    """Whoever writes a lesson is told where the slip is."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_lesson(path)


def test_our_notebooks_are_read_back_with_the_same_code() -> None:
    """What is derived holds every code cell of the text, in order."""
    lesson = read_lesson(lesson_files()[0])
    notebook = nbformat.reads(notebook_text(lesson), as_version=4)
    code = iter(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert all(cell.text in code for cell in lesson.code())
