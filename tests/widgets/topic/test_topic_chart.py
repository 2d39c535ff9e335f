"""The picture of a topic."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.widgets.topic.chart import render_topic, topic_frame
from modelserving.widgets.topic.snapshot import Lane, RecordState, SeenRecord, TopicSnapshot

STATES = tuple(RecordState)


def _topic(*keys: str, marks: tuple[tuple[str, int], ...] = (("group", 1),)) -> TopicSnapshot:
    records = tuple(SeenRecord(n, key, STATES[n % 4]) for n, key in enumerate(keys))
    lane = Lane(0, 0, len(keys), records, "Ann", marks, max(0, len(keys) - 1))
    return TopicSnapshot("barrels", (lane, Lane(1)), tuple(dict.fromkeys(keys)), ("Ann", "Bob"))


def _texts(svg: str) -> list[str]:
    return [part.text or "" for part in ET.fromstring(svg).iter() if part.tag.endswith("text")]


@given(st.lists(st.text(max_size=30), max_size=20))
def test_keys_may_be_anything(keys: list[str]) -> None:
    """They come from strangers; the picture stays well-formed and has no element that we do not draw."""
    tags = {part.tag.rpartition("}")[2] for part in ET.fromstring(render_topic(_topic(*keys))).iter()}
    assert tags <= {"svg", "title", "text", "line", "rect", "circle"}


def test_the_sentence_says_what_the_picture_shows() -> None:
    """Offsets, owner, lag, and what is not committed; it is the picture's text for screen readers, too."""
    frame = topic_frame(_topic("a", "b", "c", "d"))
    assert "Partition 0: offsets 0 to 3, read by Ann, lag 3. Partition 1: no records." in frame.sentence
    assert "1 in a transaction that is still open, 1 aborted, 1 no longer kept" in frame.sentence
    assert ET.fromstring(frame.svg).attrib["aria-label"] == frame.sentence
    assert frame.headline == "barrels: Ann reads 0; Bob reads nothing"


def test_bookmarks_do_not_write_over_each_other() -> None:
    """Those of one offset share a label; a near one goes below; what has no room is a mark only."""
    texts = _texts(render_topic(_topic(*"abcd", marks=(("x", 1), ("y", 1), ("alarm", 2), ("statistics", 2)))))
    assert "x, y" in texts
    assert "alarm, statistics" in texts


def test_a_mark_at_the_right_end_does_not_strike_its_name_out() -> None:
    """There is no room behind it, so its name ends before it."""
    svg = ET.fromstring(render_topic(_topic(*"abcdefghijklmnopqrstuvwxyz", marks=(("group", 26),)), 480))
    (name,) = (part for part in svg.iter() if part.text == "group")
    (mark,) = (p for p in svg.iter() if p.tag.endswith("line") and p.get("x1") == p.get("x2"))
    assert float(name.attrib["x"]) + 6.0 * len("group") < float(mark.attrib["x1"])


@pytest.mark.parametrize("end", [20, 9_999, 36_000, 1_234_567])
def test_offsets_stand_apart(end: int) -> None:
    """After an hour they have five digits, and would read as one number."""
    svg = render_topic(TopicSnapshot("barrels", (Lane(0, 0, end),)))
    written = [part for part in ET.fromstring(svg).iter() if (part.text or "").isdigit()]
    places = [(float(part.attrib["x"]), 6.0 * len(part.text or "")) for part in written]
    assert len(places) >= 7
    assert all(x + wide / 2 < y - width / 2 for (x, wide), (y, width) in pairwise(places))


def test_names_that_begin_alike_are_told_apart_by_their_ends() -> None:
    """Members of one group, and keys with a number, differ at the end only."""
    lane = Lane(0, 0, 2, tuple(SeenRecord(n, f"barrel-{n + 22}", RecordState.COMMITTED) for n in range(2)))
    lanes = (replace(lane, owner="lesson-09-streams-one"), replace(lane, number=1, owner="lesson-09-streams-two"))
    owners = tuple(lane.owner for lane in lanes)
    texts = _texts(render_topic(TopicSnapshot("barrels", lanes, ("barrel-22", "barrel-23"), owners)))
    assert {"read by …streams-one", "read by …streams-two", "22", "23"} <= set(texts)
    assert "me" in _texts(render_topic(_topic("merlot", "malbec")))


def test_an_absent_broker_and_an_empty_topic_are_pictures_too() -> None:
    """Before the first look there is a sentence; while the broker is away, the headline says so."""
    assert "nothing is known of it yet" in topic_frame(TopicSnapshot("t")).sentence
    away = TopicSnapshot("t", (Lane(0),), away=True)
    assert topic_frame(away).headline == "The broker does not answer"
