"""Records and their windows as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import ConfigError
from modelserving.workshop.display.pictures.windows import SentRecord, windows_picture

SENT = (SentRecord("line", 5), SentRecord("<b>", 59), SentRecord("line", 20, lost=True))
FOUND: dict[tuple[str, float, float], object] = {("line", 0, 60): 1, ("line", -20, 40): 1, ("<b>", 0, 60): 1}
SECONDS = st.floats(-1e5, 1e5)


def boxes(svg: str) -> list[dict[str, str]]:
    return [part.attrib for part in ET.fromstring(svg).iter() if part.tag.endswith("rect")]


def texts(svg: str) -> list[str]:
    return [part.text or "" for part in ET.fromstring(svg).iter() if part.tag.endswith("text")]


def test_the_sentence_says_what_the_picture_shows() -> None:
    """Each key with its records, which of them were lost, and its windows."""
    picture = windows_picture(SENT, FOUND)
    assert picture.alt == (
        "line: records at second 5, 20 (lost). Windows: -20 to 40: 1; 0 to 60: 1. "
        "<b>: records at second 59. Windows: 0 to 60: 1."
    )
    assert ET.fromstring(picture.svg).attrib["aria-label"] == picture.alt


def test_windows_that_overlap_are_below_each_other() -> None:
    """Each box is seen as a whole; those of one length are equally wide."""
    first, second, other = boxes(windows_picture(SENT, FOUND).svg)
    assert first["width"] == second["width"] == other["width"]
    assert float(first["y"]) < float(second["y"]) < float(other["y"])


def test_times_before_the_first_minute_have_a_sign() -> None:
    """Windows lie where the clock has them, so one may begin before what was sent."""
    assert "−0:20" in texts(windows_picture(SENT, FOUND).svg)


def test_nothing_sent_is_refused() -> None:
    """There would be nothing to see, and the reason says so."""
    with pytest.raises(ConfigError, match="no record was sent"):
        windows_picture((), {})


@given(
    st.lists(st.builds(SentRecord, st.text(max_size=30), SECONDS, st.booleans()), min_size=1, max_size=8),
    st.dictionaries(st.tuples(st.text(max_size=9), SECONDS, SECONDS), st.text(max_size=9), max_size=8),
)
def test_whatever_was_sent_can_be_drawn(sent: list[SentRecord], found: dict[tuple[str, float, float], object]) -> None:
    """Keys and contents are from strangers: the picture stays well-formed, and draws each window once."""
    assert len(boxes(windows_picture(sent, found).svg)) == len(found)
