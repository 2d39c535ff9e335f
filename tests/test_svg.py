"""SVG from text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelserving.svg import Scale, document, element, escape, label, scrolled, shorten

_VALUES = st.floats(-1e6, 1e6)


@given(st.text())
def test_any_text_gives_a_picture_that_parses(text: str) -> None:
    """Whatever a message holds, control characters included, the picture stays well-formed XML."""
    picture = ET.fromstring(document(10, 10, text, label(1, 2, text), element("g", data_name=text)))
    assert picture.tag.endswith("svg")


def test_markup_in_text_stays_text() -> None:
    """A name that is written as markup is shown as it is written, and is never an element."""
    picture = ET.fromstring(document(10, 10, "", label(1, 2, '<script>alert("1")</script>')))
    assert [part.tag.rpartition("}")[2] for part in picture] == ["title", "text"]
    assert picture[1].text == '<script>alert("1")</script>'


def test_quotes_cannot_leave_an_attribute() -> None:
    """A quote in an attribute's value does not end the attribute."""
    assert ET.fromstring(element("g", data_x='" onload="x')).attrib == {"data-x": '" onload="x'}


def test_control_characters_are_replaced() -> None:
    """A character that XML forbids becomes the replacement character."""
    assert escape("a\x00b") == "a\ufffdb"


def test_a_picture_is_one_image_with_one_sentence() -> None:
    """A screen reader meets one image, and the sentence that stands for it."""
    picture = ET.fromstring(document(10, 10, "what it shows", label(0, 0, "detail")))
    assert (picture.attrib["role"], picture.attrib["aria-label"]) == ("img", "what it shows")


def test_shortening_shows_that_something_is_missing() -> None:
    """A text that is cut ends in an ellipsis and has the length that was asked for; a short one stays."""
    assert (shorten("abcdef", 4), shorten("abcd", 4)) == ("abc…", "abcd")


@given(_VALUES, _VALUES, _VALUES)
def test_a_scale_never_leaves_its_pixels(low: float, high: float, value: float) -> None:
    """No value, inside the range or not, is drawn outside the plot."""
    assert 50 <= Scale(low, high, 50, 150)(value) <= 150


@given(_VALUES, _VALUES)
@example(0.0, 5e-324)
def test_ticks_lie_in_the_range(low: float, high: float) -> None:
    """Each tick is a value of the range, give or take rounding; there are few."""
    ticks = Scale(min(low, high), max(low, high), 0, 1).ticks()
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert all(min(low, high) - slack <= tick <= max(low, high) + slack for tick in ticks)
    assert 1 <= len(ticks) <= 8


def test_a_logarithmic_scale_gives_each_factor_the_same_room() -> None:
    """From 1 to 10 is as far as from 10 to 100; what is not positive stands at the start."""
    scale = Scale(1, 100, 0, 200, log=True)
    assert [round(scale(value)) for value in (0, 1, 10, 100)] == [0, 0, 100, 200]
    assert scale.ticks() == (1, 10, 100)


@pytest.mark.parametrize("style", [{}, {"style": "font:12px sans-serif"}])
def test_a_picture_becomes_smaller_with_its_place_and_then_is_scrolled(style: dict[str, str]) -> None:
    """It keeps what it says of its style, is never larger than it was drawn, and never too small to read."""
    place = ET.fromstring(scrolled(document(400, 100, "all", **style)))
    assert place.attrib["style"] == "overflow-x:auto"
    said = place[0].attrib["style"]
    assert said.startswith("width:100%;min-width:300px;max-width:400px;height:auto;")
    assert said.endswith(style.get("style", ""))
