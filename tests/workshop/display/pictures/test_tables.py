"""A stream and its table as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import ConfigError
from modelserving.workshop.display.pictures.tables import stream_and_table

STEPS: list[tuple[str, str | None, dict[str, str]]] = [
    ("merlot", "5", {"merlot": "5"}),
    ("<riesling>", "7", {"merlot": "5", "<riesling>": "7"}),
    ("merlot", None, {"<riesling>": "7"}),
]
TEXT = st.text(max_size=40)


def parts(svg: str, tag: str) -> list[ET.Element]:
    return [part for part in ET.fromstring(svg).iter() if part.tag.endswith(tag)]


def test_the_sentence_says_what_the_picture_shows() -> None:
    """Each record with its offset, and the whole table after it."""
    picture = stream_and_table(STEPS)
    assert picture.alt == (
        "Records in their order, and the table after each. 0: merlot is 5, table: merlot 5; "
        "1: <riesling> is 7, table: merlot 5, <riesling> 7; 2: merlot is deleted, table: <riesling> 7."
    )
    assert ET.fromstring(picture.svg).attrib["aria-label"] == picture.alt


def test_a_tombstone_is_dashed_and_what_has_changed_is_filled() -> None:
    """So neither is said by colour alone, and one sees what a record did."""
    boxes = parts(stream_and_table(STEPS).svg, "rect")
    assert [box.attrib.get("stroke-dasharray") for box in boxes].count("4 3") == 1
    cells = [box for box in boxes if "rx" not in box.attrib]
    assert [cell.attrib["fill"] != "none" for cell in cells] == [True, False, True, False]


def test_an_empty_table_says_so() -> None:
    """After the last key was deleted there is no row, and that is no gap in the picture."""
    texts = [part.text for part in parts(stream_and_table([("a", None, {})]).svg, "text")]
    assert "empty" in texts


def test_no_record_is_refused() -> None:
    """There would be nothing to see, and the reason says so."""
    with pytest.raises(ConfigError, match="no record was sent"):
        stream_and_table([])


@given(
    st.lists(
        st.tuples(TEXT, st.none() | TEXT, st.dictionaries(TEXT, TEXT, max_size=4)),
        min_size=1,
        max_size=30,
    )
)
def test_whatever_was_sent_can_be_drawn(steps: list[tuple[str, str | None, dict[str, str]]]) -> None:
    """Keys and values are from strangers: the picture stays well-formed, a box for each record and row."""
    boxes = parts(stream_and_table(steps).svg, "rect")
    assert len(boxes) == len(steps) + sum(len(table) for _, _, table in steps)
