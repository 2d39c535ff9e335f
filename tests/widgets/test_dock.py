"""The panel beside the notebook."""

from __future__ import annotations

from typing import Any

import ipywidgets
import pytest

from modelserving.config import in_jupyter_session
from modelserving.widgets import dock


def test_without_a_notebook_that_is_open_nothing_is_docked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Papermill and plain Python show a view where its cell is."""
    monkeypatch.setattr(dock, "in_jupyter_session", lambda: False)
    assert dock.dock(ipywidgets.HTML()) is False
    assert in_jupyter_session({}) is False
    assert in_jupyter_session({"JPY_SESSION_NAME": "work/01.ipynb"}) is True


def test_a_newer_view_takes_the_panel_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one panel at a time, however often a cell is run."""
    shown: list[Any] = []
    monkeypatch.setattr(dock, "in_jupyter_session", lambda: True)
    monkeypatch.setattr("IPython.display.display", shown.append)
    first, second = ipywidgets.HTML("1"), ipywidgets.HTML("2")
    assert dock.dock(first)
    assert dock.dock(second)
    assert [widget for widget in shown if isinstance(widget, ipywidgets.HTML)] == [first, second]
    (panel,) = dock._panels
    assert panel.title == "Live view"
    for verdict in ("not yet", "passed"):
        dock.show_below(verdict)
    assert shown[-1].value == "passed", "below the view, in place of what was said before"
    assert shown[-2] is second
    assert dock.dock(first)
    dock.show_below("of the next view")
    assert shown[-1].value == "of the next view"
    dock.show_below("")
    assert shown[-1].value == "", "nothing is said any more"
    dock._panels[0].close()
    dock._below.clear()
    dock._panels.clear()


def test_where_nothing_was_said_there_is_nothing_to_unsay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lesson that ends without a check leaves its panel as it is."""
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    monkeypatch.setattr(dock, "_panels", [ipywidgets.Output()])
    dock.show_below("")
    assert shown == []
