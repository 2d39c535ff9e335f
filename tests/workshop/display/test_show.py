"""ShownSource code as it stands in the package."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelserving.errors
from modelserving.config import checkout
from modelserving.errors import ConfigError, KafkaError
from modelserving.workshop.display.show import ShownSource, show


def test_a_function_is_shown_with_its_place() -> None:
    """The text is the file's, and the line is right."""
    source = show(show)
    lines = source.path.read_text(encoding="utf-8").splitlines()
    assert lines[source.first_line - 1] == "def show(thing: Any) -> ShownSource:"
    assert source.text.splitlines() == lines[source.first_line - 1 :][: len(source.text.splitlines())]


def test_a_method_loses_its_indentation() -> None:
    """It reads like a function."""
    assert show(ShownSource._repr_html_).text.startswith("def _repr_html_")
    assert "\n    language = " in show(ShownSource._repr_html_).text


@pytest.mark.parametrize("thing", [modelserving.errors, "modelserving/errors.py", Path("modelserving/errors.py")])
def test_a_module_and_a_path_show_the_whole_file(thing: object) -> None:
    """A path is one in the checkout, wherever the notebook runs."""
    source = show(thing)
    assert source.first_line == 1
    assert source.text == Path(modelserving.errors.__file__).read_text(encoding="utf-8")


def test_a_class_is_shown() -> None:
    """Also one of two lines."""
    assert show(KafkaError).text == 'class KafkaError(ModelServingError):\n    """The broker, or the way to it."""\n'


def test_the_link_leads_from_the_notebooks_folder_to_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab opens the file that a lesson shows; links are relative to the notebook."""
    root = checkout()
    assert root
    monkeypatch.chdir(root / "notebooks")
    assert (
        '<a href="../modelserving/errors.py">modelserving/errors.py</a></strong>, lines 1 to '
        in show(modelserving.errors)._repr_html_()
    )


def test_there_is_no_link_where_it_would_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook outside the checkout cannot link into it."""
    monkeypatch.chdir(tmp_path)
    assert "<a href" not in show(modelserving.errors)._repr_html_()


@pytest.mark.parametrize("thing", [3, len, "modelserving/no_such_file.py"])
def test_what_has_no_source_is_refused(thing: object) -> None:
    """The message says what can be handed in, or which file is missing."""
    with pytest.raises(ConfigError, match=r"no source to show|cannot be shown"):
        show(thing)
