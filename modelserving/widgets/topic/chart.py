"""The picture of a topic: a lane for each partition, records with their keys, bookmarks, owners, transactions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelserving.svg import Markup, document, element, join, label, shorten
from modelserving.widgets.colours import FAINT, INK, SERIES, WARNING
from modelserving.widgets.live import Frame
from modelserving.widgets.topic.snapshot import SHOWN, Lane, RecordState, SeenRecord, TopicSnapshot

__all__ = ["describe_topic", "render_topic", "topic_frame"]

_WIDTH = 760
_LEFT, _STEP, _BOX = 158, 30, 26
_TOP, _LANE = 34, 76
_CHARACTER = 6.4


def topic_frame(snapshot: TopicSnapshot) -> Frame:
    """Picture, sentence and headline for a view."""
    return Frame(render_topic(snapshot), describe_topic(snapshot), _headline(snapshot))


def describe_topic(snapshot: TopicSnapshot) -> str:
    """Say in words what the picture shows."""
    if not snapshot.lanes:
        return f"{snapshot.topic}: nothing is known of it yet."
    lanes = " ".join(_lane_sentence(lane) for lane in snapshot.lanes)
    states = [(state, snapshot.count(state)) for state in RecordState if state is not RecordState.COMMITTED]
    rest = ", ".join(f"{count} {state.value}" for state, count in states if count)
    away = " The broker does not answer." if snapshot.away else ""
    return f"{lanes}{f' Of the records shown: {rest}.' if rest else ''}{away}"


def render_topic(snapshot: TopicSnapshot) -> str:
    """Draw the picture.

    Returns:
        A whole SVG document; text from records is escaped.
    """
    height = _TOP + _LANE * max(1, len(snapshot.lanes)) + 22
    return document(
        _WIDTH,
        height,
        describe_topic(snapshot),
        _keys(snapshot),
        *(_lane(lane, snapshot, _TOP + _LANE * n) for n, lane in enumerate(snapshot.lanes)),
        _legend(snapshot, height - 6),
        style=f"width:100%;max-width:{_WIDTH}px;height:auto;display:block",
        font_family="system-ui, sans-serif",
        font_size=11,
    )


def _headline(s: TopicSnapshot) -> str:
    if s.away:
        return "The broker does not answer"
    held = {name: [lane.number for lane in s.lanes if lane.owner == name] for name in s.members}
    said = [f"{name} reads {', '.join(map(str, numbers)) or 'nothing'}" for name, numbers in held.items()]
    return f"{s.topic}{': ' if said else ''}{'; '.join(said)}"


def _lane_sentence(lane: Lane) -> str:
    kept = f"offsets {lane.begin} to {lane.end - 1}" if lane.end > lane.begin else "no records"
    owner = f", read by {lane.owner}" if lane.owner else ""
    behind = "" if lane.behind is None else f", lag {lane.behind}"
    return f"Partition {lane.number}: {kept}{owner}{behind}."


def _keys(s: TopicSnapshot) -> Markup:
    """The keys with their colours, as many as have room."""
    drawn, x = [label(0, 16, "key:", fill=INK)] if any(s.keys) else [], 34.0
    for number, key in enumerate(s.keys):
        words = shorten(key, 16) or "none"
        width = 22 + _CHARACTER * len(words)
        if x + width > _WIDTH:
            break
        drawn.append(_square(x, 5, SERIES[number % len(SERIES)], 13))
        drawn.append(label(x + 18, 16, words, fill=INK))
        x += width + 12
    return join(drawn)


def _square(x: float, y: float, colour: str, size: float) -> Markup:
    return element("rect", x=x, y=y, width=size, height=size, rx=3, fill=colour, fill_opacity=0.35, stroke=colour)


def _lane(lane: Lane, s: TopicSnapshot, top: float) -> Markup:
    boxes = (_record(record, lane, s, top + 20) for record in lane.records)
    every = math.ceil((_CHARACTER * len(str(lane.end)) + 2) / _STEP)  # long offsets would run into each other
    numbers = (
        label(_x(lane, offset) + _BOX / 2, top + 60, offset, text_anchor="middle", fill=INK, font_size=10)
        for offset in range(lane.first, lane.end, every)
    )
    line = element("line", x1=_LEFT - 6, y1=top + 49, x2=_WIDTH, y2=top + 49, stroke=FAINT, stroke_width=0.8)
    return join((line, _name(lane, s, top), *boxes, *numbers, _bookmarks(lane, top)))


def _name(lane: Lane, s: TopicSnapshot, top: float) -> Markup:
    """Which partition, who reads it, how far they are behind."""
    drawn = [label(0, top + 24, f"partition {lane.number}", fill=INK, font_weight="600", font_size=12)]
    if lane.owner:
        colour = SERIES[s.members.index(lane.owner) % len(SERIES)]
        drawn.append(element("circle", cx=5, cy=top + 37, r=5, fill=colour))
        drawn.append(label(15, top + 41, f"read by {_end_of(lane.owner, 14)}", fill=INK))
    if lane.behind is not None:
        weight = "700" if lane.behind else "400"
        drawn.append(label(0, top + 58, f"lag {lane.behind}", fill=INK, font_weight=weight))
    return join(drawn)


def _end_of(name: str, length: int) -> str:
    """A long name's last words: members of a group have their beginning in common."""
    if len(name) <= length:
        return name
    end = name[1 - length :]
    return f"…{end.partition('-')[2] or end}"


def _told_apart(key: str, keys: Sequence[str]) -> str:
    """Two characters of a key; of keys that have all before a hyphen in common, of what is after it."""
    begins = {name.rpartition("-")[0] for name in keys}
    return (key.rpartition("-")[2] if len(begins) == 1 else key)[:2]


def _record(record: SeenRecord, lane: Lane, s: TopicSnapshot, y: float) -> Markup:
    x, colour = _x(lane, record.offset), SERIES[s.keys.index(record.key) % len(SERIES)]
    gone = record.state is RecordState.GONE
    looks: dict[RecordState, dict[str, str | float]] = {
        RecordState.COMMITTED: {"stroke": colour, "fill": colour, "fill_opacity": 0.35},
        RecordState.OPEN: {"stroke": colour, "fill": "none", "stroke_dasharray": "4 3", "stroke_width": 2},
        RecordState.ABORTED: {"stroke": FAINT, "fill": "none"},
        RecordState.GONE: {"stroke": FAINT, "fill": "none", "stroke_dasharray": "1 3"},
    }
    look = looks[record.state]
    drawn = [element("rect", x=x, y=y, width=_BOX, height=_BOX, rx=4, **look)]
    if not gone:
        words = _told_apart(record.key, s.keys) or "·"
        drawn.append(label(x + _BOX / 2, y + 17, words, text_anchor="middle", fill=INK))
    if record.state is RecordState.ABORTED:
        ends = {"x1": x + 3, "y1": y + 3, "x2": x + _BOX - 3, "y2": y + _BOX - 3}
        drawn.append(element("line", **ends, stroke=WARNING, stroke_width=1.6))
    return join(drawn)


def _bookmarks(lane: Lane, top: float) -> Markup:
    """A mark before the record that comes next, with the names of all whose it is; names take two rows."""
    by_offset: dict[int, list[str]] = {}
    for name, offset in lane.bookmarks:
        by_offset.setdefault(min(max(offset, lane.first), lane.end), []).append(name)
    drawn, room = [], [0.0, 0.0]
    for offset, names in sorted(by_offset.items()):
        x, words = _x(lane, offset) - 2, shorten(", ".join(names), 24)
        row = 0 if x >= room[0] else 1
        drawn.append(element("line", x1=x, y1=top + 14, x2=x, y2=top + 50, stroke=INK, stroke_width=2))
        at = min(x + 3, _WIDTH - _CHARACTER * len(words))
        if x >= room[row]:
            drawn.append(label(at, top + 14 if row == 0 else top + 72, words, fill=INK, font_size=10))
            room[row] = at + _CHARACTER * len(words) + 4
    return join(drawn)


def _legend(s: TopicSnapshot, y: float) -> Markup:
    words = {
        RecordState.OPEN: "dashed: in an open transaction",
        RecordState.ABORTED: "crossed: aborted",
        RecordState.GONE: "dotted: no longer kept",
    }
    said = [text for state, text in words.items() if s.count(state)]
    shown = "the number below a record is its offset; a bar stands before the record that comes next"
    return label(0, y, "  ·  ".join([shown, *said]) if s.lanes else "", fill=INK, font_size=10)


def _x(lane: Lane, offset: int) -> float:
    return _LEFT + _STEP * min(offset - lane.first, SHOWN)
