"""Drawings that slides and lessons share."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.display.pictures.drawing import draw
from modelserving.workshop.display.pictures.shared import diagram, drawing_names, find_drawing
from modelserving.workshop.slides.build import source_folder
from modelserving.workshop.slides.source import read_blocks


@pytest.mark.parametrize("name", drawing_names())
def test_a_drawing_is_a_picture_with_its_sentence_on_a_paper_of_its_own(name: str) -> None:
    """A notebook shows it as a file, on whatever page: so nothing in it is taken from the page."""
    picture = ET.fromstring(diagram(name).svg)
    paper = next(part for part in picture if part.tag.endswith("rect"))
    assert picture.attrib["aria-label"] == find_drawing(name).alt
    assert paper.attrib["width"] == picture.attrib["width"]
    assert "inherit" not in diagram(name).svg


def test_a_slide_shows_the_same_drawing() -> None:
    """The text of a shared drawing stands in one place; each one is on a slide."""
    texts = [text for block in read_blocks(source_folder() / "slides") for slide in block.slides for text in slide.body]
    missing = [name for name in drawing_names() if not any(find_drawing(name).rows.strip() in text for text in texts)]
    assert missing == []
    found = find_drawing("transaction")
    assert (
        ET.fromstring(draw(found.rows, found.alt)).attrib["aria-label"]
        == ET.fromstring(diagram("transaction").svg).attrib["aria-label"]
    )


def test_an_unknown_drawing_is_told_the_known_ones() -> None:
    """A typing error in a slide or a lesson is found when it is made."""
    with pytest.raises(ConfigError, match=r"no drawing 'transfer'\. There are: log, partitions"):
        find_drawing("transfer")
