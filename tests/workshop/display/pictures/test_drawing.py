"""Diagrams from text."""

from __future__ import annotations

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.display.pictures.drawing import draw, extent


def test_a_diagram_places_boxes_in_rows_and_draws_arrows_between_them() -> None:
    """A line that only points takes no room; a word is written on its arrow."""
    one_row = extent("[a] -> (b) -> {c}")
    assert extent("[a] -> (b) -> {c}\n[a] ~> {c}") == one_row
    wide, high = extent("[a] -> (b) -> {c}\n_ [d]")
    assert (wide, high > one_row[1]) == (one_row[0], True)
    drawn = draw("[a] -asks-> [b & c]*", "a asks b and c")
    assert ">asks<" in drawn
    assert "b &amp; c" in drawn
    with pytest.raises(ConfigError, match="cannot be read: ] -> "):
        draw("[a] -> ] -> [b]", "broken")
