"""The picture of rooms and heaters: temperature, band and commands over time. A pure function to SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from modelserving.records import HeaterCommand
from modelserving.svg import Markup, Scale, document, element, join, label
from modelserving.widgets.colours import FAINT, INK, SERIES, WARNING
from modelserving.widgets.heater.snapshot import WINDOW_S, Band, HeaterSnapshot, RoomSeen, SentCommand
from modelserving.widgets.live import Frame
from modelserving.widgets.width import WIDEST, is_narrow

_LEFT, _LEFT_NARROW, _MARGIN = 176, 34, 12
_TOP, _FOOT, _NAME, _LEGEND_ROW = 34, 26, 20, 18
_ALONE, _AMONG = 190, 92
_BAR = 7
_LEGEND = {
    "temperature, °C": (136, 32),
    "as wanted": (110, 32),
    "heater on": (120, 32),
    "told: on": (70, 16),
    "off": (46, 16),
    "said again": (80, 20),
}
"""What is explained; how wide that is with its shape, and where the words begin."""
C = TypeVar("C", Band, SentCommand)

_WARM, _WANTED, _ON = SERIES[0], SERIES[2], SERIES[1]


def heater_frame(snapshot: HeaterSnapshot, width: int = WIDEST) -> Frame:
    """Picture, sentence and headline for a view."""
    return Frame(render_heaters(snapshot, width), describe_heaters(snapshot), _headline(snapshot))


def describe_heaters(snapshot: HeaterSnapshot) -> str:
    """Say in words what the picture shows."""
    if not snapshot.rooms:
        return "No sensor has said anything yet."
    letters = f" Dead letters: {snapshot.dead_letters}." if snapshot.dead_letters else ""
    return f"{' '.join(map(_sentence, snapshot.rooms))}{letters}"


def render_heaters(snapshot: HeaterSnapshot, width: int = WIDEST) -> str:
    """Draw the picture, so many pixels wide; in a narrow one a room's numbers stand above its plot.

    Returns:
        A whole SVG document.
    """
    rooms = snapshot.rooms or (RoomSeen(1),)
    above = _NAME if is_narrow(width) else 0
    row = above + (_ALONE if len(rooms) == 1 else _AMONG)
    left = _LEFT_NARROW if above else _LEFT
    across = Scale(snapshot.now_s - WINDOW_S, snapshot.now_s, left, width - _MARGIN)
    keys = [(6 + x, y) for x, y in _keys(width - 6)] if above else [(left + x, y) for x, y in _keys(width - left)]
    top = _TOP + keys[-1][1]
    height = top + row * len(rooms) + _FOOT
    return document(
        width,
        height,
        describe_heaters(snapshot),
        _legend(keys),
        *(_room(room, across, top + row * number, row, above) for number, room in enumerate(rooms)),
        _time_axis(across, height - 8),
        style=f"width:100%;max-width:{width}px;height:auto;display:block",
        font_family="system-ui, sans-serif",
        font_size=11,
    )


def _headline(s: HeaterSnapshot) -> str:
    if not s.rooms:
        return "No sensor has said anything yet"
    if s.quiet:
        return "No sensor says anything: is the broker there, and do the rooms live?"
    ruled = [room for room in s.rooms if room.band is not None]
    if not ruled:
        return "Nobody has said how warm it should be"
    return f"{sum(room.as_wanted for room in ruled)} of {len(ruled)} rooms are as warm as is wanted"


def _sentence(room: RoomSeen) -> str:
    now = "no reading" if room.temperature is None else f"{room.temperature:.1f} °C"
    band = "nothing wanted" if room.band is None else f"wanted {room.band.low:g} to {room.band.high:g}"
    heater = f"heater {'on' if room.heating else 'off'}" if room.sent else "heater never told anything"
    times = f", {room.commands} commands" if room.commands else ""
    again = f", {room.repeated} of them said again" if room.repeated else ""
    return f"Sensor {room.sensor}: {now}, {band}, {heater}{times}{again}."


def _keys(width: float) -> Iterator[tuple[float, float]]:
    """Where each part of the legend begins, so that none runs out at the right."""
    x, y = 0.0, 0.0
    for wide, _ in _LEGEND.values():
        if x and x + wide > width:
            x, y = 0.0, y + _LEGEND_ROW
        yield x, y
        x += wide


def _legend(keys: Sequence[tuple[float, float]]) -> Markup:
    """A shape and what it means, where each begins."""
    return join(_key(word, x, 14 + y) for word, (x, y) in zip(_LEGEND, keys, strict=True))


def _key(word: str, x: float, y: float) -> Markup:
    shapes = {
        "temperature, °C": element("line", x1=x, y1=y, x2=x + 26, y2=y, stroke=_WARM, stroke_width=2.2),
        "as wanted": element("rect", x=x, y=y - 6, width=26, height=12, fill=_WANTED, fill_opacity=0.28),
        "heater on": element("rect", x=x, y=y - 4, width=26, height=_BAR, fill=_ON),
        "told: on": _mark(x + 6, y, HeaterCommand.ON),
        "off": _mark(x + 6, y, HeaterCommand.OFF),
        "said again": _ring(x + 8, y),
    }
    _, at = _LEGEND[word]
    return join((shapes[word], label(x + at, y + 4, word, fill=INK)))


def _room(room: RoomSeen, across: Scale, top: float, row: float, above: float) -> Markup:
    """One room: its plot, its heater's bar below, its numbers at the left, or above where there is room for them."""
    upper, lower = top + above + 6, top + row - 22
    up = Scale(*_range(room), lower, upper)
    return join(
        (
            _grid(up, across, lower),
            _bands(room, across, up),
            _curve(room, across, up),
            _heater(room, across, lower + 9),
            _numbers(room, upper, above),
        )
    )


def _range(room: RoomSeen) -> tuple[float, float]:
    """What the axis shows: all readings and bands, and at least four kelvins."""
    values = [reading.temperature for reading in room.readings]
    values += [value for band in room.bands for value in (band.low, band.high)]
    low, high = (min(values), max(values)) if values else (18.0, 22.0)
    more = max(0.4, (4 - (high - low)) / 2)
    return low - more, high + more


def _grid(up: Scale, across: Scale, lower: float) -> Markup:
    drawn = []
    ticks = up.ticks()
    for value in ticks[:: 1 if lower - up.end > 100 else max(1, len(ticks) // 2)]:
        y = up(value)
        drawn.append(element("line", x1=across.start, y1=y, x2=across.end, y2=y, stroke=FAINT, stroke_width=0.5))
        drawn.append(label(across.start - 6, y + 4, f"{value:g}", text_anchor="end", fill=INK))
    for seconds in (20, 15, 10, 5, 0):
        x = across(across.high - seconds)
        drawn.append(element("line", x1=x, y1=up.end, x2=x, y2=lower, stroke=FAINT, stroke_width=0.4))
    return join(drawn)


def _bands(room: RoomSeen, across: Scale, up: Scale) -> Markup:
    """The band as it was at each moment, with a line where the desired temperature is."""
    drawn = []
    for band, until in _spans(room.bands, across.high):
        left, right = across(band.at_s), across(until)
        if right > left:
            height = max(1.0, up(band.low) - up(band.high))
            shape = {"x": left, "y": up(band.high), "width": right - left, "height": height}
            drawn.append(element("rect", **shape, fill=_WANTED, fill_opacity=0.28))
            ends = {"x1": left, "x2": right, "y1": up(band.desired), "y2": up(band.desired)}
            drawn.append(element("line", **ends, stroke=_WANTED, stroke_width=1.2, stroke_dasharray="5 3"))
    return join(drawn)


def _spans(changes: Sequence[C], end: float) -> list[tuple[C, float]]:
    """Each change, and until when it held."""
    ends = [one.at_s for one in changes[1:]] + [end]
    return list(zip(changes, ends[: len(changes)], strict=True))


def _curve(room: RoomSeen, across: Scale, up: Scale) -> Markup:
    points = " ".join(f"{across(r.at_s):.1f},{up(r.temperature):.1f}" for r in room.readings)
    return element("polyline", points=points, fill="none", stroke=_WARM, stroke_width=2.2) if points else Markup("")


def _heater(room: RoomSeen, across: Scale, y: float) -> Markup:
    """When the heater was on, and each command."""
    drawn = [element("line", x1=across.start, y1=y, x2=across.end, y2=y, stroke=FAINT, stroke_width=0.8)]
    for told, until in _spans(room.sent, across.high):
        left, right = across(told.at_s), across(until)
        if told.command is HeaterCommand.ON and right > left:
            drawn.append(element("rect", x=left, y=y - _BAR / 2, width=right - left, height=_BAR, fill=_ON))
    drawn += [_command(told, across(told.at_s), y) for told in room.sent if told.at_s >= across.low]
    return join(drawn)


def _command(told: SentCommand, x: float, y: float) -> Markup:
    return join((_mark(x, y, told.command), _ring(x, y))) if told.again else _mark(x, y, told.command)


def _mark(x: float, y: float, command: HeaterCommand) -> Markup:
    """A triangle that points up for on, and down for off."""
    tip = -5.5 if command is HeaterCommand.ON else 5.5
    points = f"{x - 5:.1f},{y - tip * 0.7:.1f} {x + 5:.1f},{y - tip * 0.7:.1f} {x:.1f},{y + tip:.1f}"
    fill = _ON if command is HeaterCommand.ON else FAINT
    return element("polygon", points=points, fill=fill, stroke=INK, stroke_width=0.8)


def _ring(x: float, y: float) -> Markup:
    return element("circle", cx=x, cy=y, r=8, fill="none", stroke=WARNING, stroke_width=1.6)


def _numbers(room: RoomSeen, top: float, above: float) -> Markup:
    """Which sensor, how warm, what its heater does: below each other, or in a line."""
    now = "–" if room.temperature is None else f"{room.temperature:.1f} °C"
    doing = ("heater on" if room.heating else "heater off") if room.sent else "never told"
    again = f", {room.repeated} again" if room.repeated else ""
    at = ((0, 12), (0, 29), (0, 45), (0, 60)) if not above else ((0, -8), (68, -8), (134, -8), (202, -8))
    looks: tuple[dict[str, str | float], ...] = (
        {"font_weight": "600", "font_size": 12},
        {"font_size": 13, "style": "font-variant-numeric:tabular-nums"},
        {},
        {},
    )
    words = (f"sensor {room.sensor}", now, doing, f"told {room.commands}{again}" if room.sent else "")
    return join(label(x, top + y, text, fill=INK, **look) for (x, y), text, look in zip(at, words, looks, strict=True))


def _time_axis(across: Scale, y: float) -> Markup:
    ticks = ((across(across.high - seconds), seconds) for seconds in (20, 15, 10, 5, 0))
    return join(
        label(x, y, f"{ago} s ago" if ago else "now", text_anchor="middle" if ago else "end", fill=INK)
        for x, ago in ticks
    )
