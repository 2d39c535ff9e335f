"""The picture of a topic: a lane for each partition, records with their keys, bookmarks, owners, transactions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelserving.svg import Markup, document, element, join, label, shorten, wrap
from modelserving.widgets.colours import FAINT, INK, SERIES, WARNING
from modelserving.widgets.live import Frame
from modelserving.widgets.topic.snapshot import Lane, RecordState, SeenRecord, TopicSnapshot
from modelserving.widgets.width import WIDEST, is_narrow

_LEFT, _STEP, _BOX = 158, 30, 26
_TOP, _LANE, _NAME, _LINE = 34, 76, 18, 14
_CHARACTER, _SMALL = 6.4, 5.2
_HOW_TO_READ = "the number below a record is its offset; a bar stands before the record that comes next"
_STATES = {
    RecordState.OPEN: "dashed: in an open transaction",
    RecordState.ABORTED: "crossed: aborted",
    RecordState.GONE: "dotted: no longer kept",
}


@dataclass(frozen=True, slots=True)
class _LaneLayout:
    """Where things stand in a picture that is so many pixels wide."""

    width: int

    @property
    def narrow(self) -> bool:
        """Whether the name of a lane stands above its records, and not beside them."""
        return is_narrow(self.width)

    @property
    def left(self) -> int:
        return 8 if self.narrow else _LEFT

    @property
    def lane(self) -> int:
        """The height of a lane."""
        return _LANE + _NAME if self.narrow else _LANE

    @property
    def shown(self) -> int:
        """How many records have room."""
        return (self.width - self.left) // _STEP

    def first(self, lane: Lane) -> int:
        """The oldest offset that has room."""
        return max(lane.first, lane.end - self.shown)

    def x(self, lane: Lane, offset: int) -> float:
        return self.left + _STEP * min(offset - self.first(lane), self.shown)


def topic_frame(snapshot: TopicSnapshot, width: int = WIDEST) -> Frame:
    """Picture, sentence and headline for a view."""
    return Frame(render_topic(snapshot, width), describe_topic(snapshot), _headline(snapshot))


def describe_topic(snapshot: TopicSnapshot) -> str:
    """Say in words what the picture shows."""
    if not snapshot.lanes:
        return f"{snapshot.topic}: nothing is known of it yet."
    lanes = " ".join(_lane_sentence(lane) for lane in snapshot.lanes)
    states = [(state, snapshot.count(state)) for state in RecordState if state is not RecordState.COMMITTED]
    rest = ", ".join(f"{count} {state.value}" for state, count in states if count)
    away = " The broker does not answer." if snapshot.away else ""
    return f"{lanes}{f' Of the records shown: {rest}.' if rest else ''}{away}"


def render_topic(snapshot: TopicSnapshot, width: int = WIDEST) -> str:
    """Draw the picture, so many pixels wide.

    Returns:
        A whole SVG document; text from records is escaped.
    """
    layout = _LaneLayout(width)
    foot = _TOP + layout.lane * max(1, len(snapshot.lanes))
    room = len(_legend_lines(_STATES, layout))  # for all of it: a picture whose height changes cannot be read
    return document(
        width,
        foot + 8 + _LINE * room,
        describe_topic(snapshot),
        _keys(snapshot, layout),
        *(_lane(lane, snapshot, layout, _TOP + layout.lane * n) for n, lane in enumerate(snapshot.lanes)),
        _legend(snapshot, layout, foot + 16),
        style=f"width:100%;max-width:{width}px;height:auto;display:block",
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


def _keys(s: TopicSnapshot, layout: _LaneLayout) -> Markup:
    """The keys with their colours, as many as have room."""
    if not any(s.keys):
        return Markup("")
    drawn, x = [label(0, 16, "key:", fill=INK)], 34.0
    for number, key in enumerate(s.keys):
        words = shorten(key, 16) or "none"
        width = 22 + _CHARACTER * len(words)
        if x + width > layout.width:
            break
        drawn.append(_square(x, 5, SERIES[number % len(SERIES)], 13))
        drawn.append(label(x + 18, 16, words, fill=INK))
        x += width + 12
    return join(drawn)


def _square(x: float, y: float, colour: str, size: float) -> Markup:
    return element("rect", x=x, y=y, width=size, height=size, rx=3, fill=colour, fill_opacity=0.35, stroke=colour)


def _lane(lane: Lane, s: TopicSnapshot, layout: _LaneLayout, top: float) -> Markup:
    name = _name_above(lane, s, layout, top) if layout.narrow else _name_beside(lane, s, top)
    top += _NAME if layout.narrow else 0
    shown = [record for record in lane.records if record.offset >= layout.first(lane)]
    boxes = (_record(record, layout.x(lane, record.offset), s, top + 20) for record in shown)
    every = math.ceil((_CHARACTER * len(str(lane.end)) + 2) / _STEP)  # long offsets would run into each other
    numbers = (
        label(layout.x(lane, offset) + _BOX / 2, top + 60, offset, text_anchor="middle", fill=INK, font_size=10)
        for offset in range(layout.first(lane), lane.end, every)
    )
    line = element(
        "line", x1=layout.left - 6, y1=top + 49, x2=layout.width, y2=top + 49, stroke=FAINT, stroke_width=0.8
    )
    return join((line, name, *boxes, *numbers, _bookmarks(lane, layout, top)))


def _name_beside(lane: Lane, s: TopicSnapshot, top: float) -> Markup:
    """Which partition, who reads it, how far they are behind, below each other."""
    return join((_number(lane, top + 24), _owner(lane, s, 0, top + 41), _lag(lane, 0, top + 58, "start")))


def _name_above(lane: Lane, s: TopicSnapshot, layout: _LaneLayout, top: float) -> Markup:
    """The same in one line."""
    y = top + 14
    return join((_number(lane, y), _owner(lane, s, 84, y), _lag(lane, layout.width - 4, y, "end")))


def _number(lane: Lane, y: float) -> Markup:
    return label(0, y, f"partition {lane.number}", fill=INK, font_weight="600", font_size=12)


def _owner(lane: Lane, s: TopicSnapshot, x: float, y: float) -> Markup:
    if not lane.owner:
        return Markup("")
    dot = element("circle", cx=x + 5, cy=y - 4, r=5, fill=SERIES[s.members.index(lane.owner) % len(SERIES)])
    return join((dot, label(x + 15, y, f"read by {_end_of(lane.owner, 14)}", fill=INK)))


def _lag(lane: Lane, x: float, y: float, anchor: str) -> Markup:
    if lane.behind is None:
        return Markup("")
    return label(x, y, f"lag {lane.behind}", fill=INK, text_anchor=anchor, font_weight="700" if lane.behind else "400")


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


def _record(record: SeenRecord, x: float, s: TopicSnapshot, y: float) -> Markup:
    colour = SERIES[s.keys.index(record.key) % len(SERIES)]
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


def _bookmarks(lane: Lane, layout: _LaneLayout, top: float) -> Markup:
    """A mark before the record that comes next, with the names of all whose it is; names take two rows.

    One that is further back than the picture is at its left end, with an arrow that points there.
    """
    by_offset: dict[int, list[str]] = {}
    for name, offset in lane.bookmarks:
        place, first = min(offset, lane.end), layout.first(lane)
        by_offset.setdefault(max(place, first), []).append(name if place >= first else f"← {name}")
    drawn, room = [], [0.0, 0.0]
    for offset, names in sorted(by_offset.items()):
        x, words = layout.x(lane, offset) - 2, shorten(", ".join(names), 24)
        long = _CHARACTER * len(words)
        at = x + 3 if x + 3 + long <= layout.width else x - 3 - long  # behind its mark, or else before it
        row = 0 if at >= room[0] else 1
        drawn.append(element("line", x1=x, y1=top + 14, x2=x, y2=top + 50, stroke=INK, stroke_width=2))
        if at >= room[row]:
            drawn.append(label(at, top + 14 if row == 0 else top + 72, words, fill=INK, font_size=10))
            room[row] = at + long + 4
    return join(drawn)


def _legend(s: TopicSnapshot, layout: _LaneLayout, y: float) -> Markup:
    lines = _legend_lines([state for state in _STATES if s.count(state)], layout) if s.lanes else []
    return join(label(0, y + _LINE * n, line, fill=INK, font_size=10) for n, line in enumerate(lines))


def _legend_lines(states: Iterable[RecordState], layout: _LaneLayout) -> list[str]:
    return wrap("  ·  ".join([_HOW_TO_READ, *(_STATES[state] for state in states)]), layout.width, _SMALL)
