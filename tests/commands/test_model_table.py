"""Models as a table that fits the terminal."""

from __future__ import annotations

import os
from dataclasses import replace
from types import MappingProxyType

import pytest

from modelserving.commands.models.table import show_models
from modelserving.models.admin.listing import ListedModel, ModelStatus
from modelserving.records import ModelDescriptor, ModelType

NAME = "wine-random-forest-with-a-long-name"
METRICS = MappingProxyType({"accuracy": 0.6123, "mean_absolute_error": 0.4321})
MODELS = tuple(
    ListedModel(ModelDescriptor(name, "", "wine", kind, b"", version="2", sha256="ab" * 32, metrics=METRICS), status, 1)
    for name, kind, status in (
        (NAME, ModelType.TENSORFLOWSAVED, ModelStatus.CURRENT),
        ("b", ModelType.PMML, ModelStatus.KNOWN),
    )
)


def shown(monkeypatch: pytest.MonkeyPatch, columns: int) -> list[str]:
    def size(fallback: tuple[int, int] = (80, 24)) -> os.terminal_size:
        return os.terminal_size((columns or fallback[0], 24))

    monkeypatch.setattr("shutil.get_terminal_size", size)
    lines: list[str] = []
    show_models(MODELS, lines.append)
    return lines


@pytest.mark.parametrize("columns", [70, 80, 100, 140])
def test_a_row_is_a_line_with_the_whole_name_and_what_is_left_out_is_said(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Columns go, names and digests never do."""
    head, first, second, *rest = shown(monkeypatch, columns)
    assert max(map(len, (head, first, second))) <= columns
    assert NAME in first
    assert "abababababab" in first
    assert ("quality" in head) == (columns == 140)
    assert (rest == []) == ("Not shown" not in "".join(rest))
    assert all(title in head or title in rest[0] for title in ("when", "format", "quality"))


def test_a_terminal_that_is_too_narrow_cuts_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal itself breaks the line."""
    head, first, *_ = shown(monkeypatch, 30)
    assert head.split() == ["data", "type", "place", "model", "digest"]
    assert first.split() == ["wine", "current", NAME, "abababababab"]


def test_a_file_or_a_program_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known about a width then, so nothing is left out for it."""
    head, first, _ = shown(monkeypatch, 0)
    assert "quality" in head
    assert "accuracy 0.6123, mean_absolute_error 0.4321" in first


def test_what_a_stranger_says_of_a_model_breaks_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A date that no calendar has was a traceback, and a name's line end a row of its own."""
    (known, *_), lines = MODELS, list[str]()
    strange = replace(known.model, name="x\x1b[2J\ny", created_ms=2**62, metrics={"a\r": 1.0})
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback=(0, 0): os.terminal_size(fallback))
    show_models([replace(known, model=strange)], lines.append)
    assert "x\\x1b[2J\\ny" in lines[1]
    assert f"{2**62} ms  a\\r 1" in lines[1]
