"""The attendee's own copies of the notebooks."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.lab import work
from modelserving.workshop.lab.work import for_this_python, prepare_work_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    for name in ("00_a.ipynb", "01_b.ipynb", "solutions/00_a.ipynb", "README.md"):
        (tmp_path / "notebooks" / name).write_text(f"original {name}")
    return tmp_path


def test_notebooks_are_copied_once(root: Path) -> None:
    """Lessons alone; the second time there is nothing to do."""
    first, second = prepare_work_folder(root), prepare_work_folder(root)
    assert first.copied == ("00_a.ipynb", "01_b.ipynb")
    assert second.copied == second.kept == ()
    assert sorted(path.name for path in (root / "work").iterdir()) == ["00_a.ipynb", "01_b.ipynb"]
    assert second.first == root / "work" / "00_a.ipynb"


def test_what_somebody_wrote_is_never_written_over(root: Path) -> None:
    """An update of the workbook brings new lessons, and leaves those that were worked on."""
    prepare_work_folder(root)
    (root / "work" / "00_a.ipynb").write_text("mine")
    (root / "notebooks" / "00_a.ipynb").write_text("updated")
    (root / "notebooks" / "02_c.ipynb").write_text("new")
    again = prepare_work_folder(root)
    assert again.copied == ("02_c.ipynb",)
    assert again.kept == ("00_a.ipynb",)
    assert (root / "work" / "00_a.ipynb").read_text() == "mine"


def test_a_copy_that_was_not_finished_is_not_left_behind(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk, say: half a notebook would be taken for the attendee's own, and never be copied again."""
    with monkeypatch.context() as patch:
        patch.setattr(work, "for_this_python", lambda _: "cannot be written: \ud800")
        with pytest.raises(UnicodeEncodeError):
            prepare_work_folder(root)
    assert prepare_work_folder(root).copied == ("00_a.ipynb", "01_b.ipynb")


def test_pictures_are_always_the_newest(root: Path) -> None:
    """Nobody works on them, and a lesson without its picture would be poorer."""
    (root / "notebooks" / "images").mkdir()
    for content in ("old", "new"):
        (root / "notebooks" / "images" / "a.svg").write_text(content)
        prepare_work_folder(root)
    assert (root / "work" / "images" / "a.svg").read_text() == "new"


def test_a_spoiled_notebook_is_copied_again_once_it_is_renamed(root: Path) -> None:
    """That is what lesson 00 tells attendees to do."""
    prepare_work_folder(root)
    (root / "work" / "01_b.ipynb").rename(root / "work" / "spoiled.ipynb")
    assert prepare_work_folder(root).copied == ("01_b.ipynb",)


def test_without_notebooks_there_is_a_clear_message(tmp_path: Path) -> None:
    """An installed package has none."""
    with pytest.raises(ConfigError, match="source checkout"):
        prepare_work_folder(tmp_path)


def test_a_copy_says_which_python_it_is_for(tmp_path: Path) -> None:
    """As JupyterLab would note it on opening, and mark a notebook that nobody has touched as not saved."""
    notebook = tmp_path / "00_first.ipynb"
    notebook.write_text('{"cells": [], "metadata": {"language_info": {"name": "python"}}, "nbformat": 4}')
    told = json.loads(for_this_python(notebook))["metadata"]["language_info"]
    assert told["version"] == platform.python_version()
    assert told["codemirror_mode"] == {"name": "ipython", "version": 3}
    notebook.write_text("no notebook")
    assert for_this_python(notebook) == "no notebook"
