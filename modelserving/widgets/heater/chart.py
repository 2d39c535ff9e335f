"""The picture of rooms and heaters: temperature, band and commands over time. A pure function to SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from modelserving.records import HeaterCommand
from modelserving.svg import Markup, Scale, document, element, join, label
from modelserving.widgets.colours import FAINT, INK, SERIES, WARNING
from modelserving.widgets.heater.snapshot import WINDOW_S, Band, HeaterSnapshot, RoomSeen, SentCommand
from modelserving.widgets.live import Frame

__all__ = ["describe_heaters", "heater_frame", "render_heaters"]

_WIDTH = 760
_LEFT, _RIGHT = 176, 748
_TOP, _FOOT = 34, 26
_ALONE, _AMONG = 190, 92
_BAR = 7
C = TypeVar("C", Band, SentCommand)

_WARM, _WANTED, _ON = SERIES[0], SERIES[2], SERIES[1]


def heater_frame(snapshot: HeaterSnapshot) -> Frame:
    """Picture, sentence and headline for a view."""
    return Frame(render_heaters(snapshot), describe_heaters(snapshot), _headline(snapshot))


def describe_heaters(snapshot: HeaterSnapshot) -> str:
    """Say in words what the picture shows."""
    if not snapshot.rooms:
        return "No sensor has said anything yet."
    letters = f" Dead letters: {snapshot.dead_letters}." if snapshot.dead_letters else ""
    return f"{' '.join(map(_sentence, snapshot.rooms))}{letters}"


def render_heaters(snapshot: HeaterSnapshot) -> str:
    """Draw the picture.

    Returns:
        A whole SVG document.
    """
    rooms = snapshot.rooms or (RoomSeen(1),)
    row = _ALONE if len(rooms) == 1 else _AMONG
    height = _TOP + row * len(rooms) + _FOOT
    across = Scale(snapshot.now_s - WINDOW_S, snapshot.now_s, _LEFT, _RIGHT)
    return document(
        _WIDTH,
        height,
        describe_heaters(snapshot),
        _legend(),
        *(_room(room, across, _TOP + row * number, row) for number, room in enumerate(rooms)),
        _time_axis(across, height - 8),
        style=f"width:100%;max-width:{_WIDTH}px;height:auto;display:block",
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


def _legend() -> Markup:
    line = element("line", x1=_LEFT, y1=14, x2=_LEFT + 26, y2=14, stroke=_WARM, stroke_width=2.2)
    band = element("rect", x=_LEFT + 136, y=8, width=26, height=12, fill=_WANTED, fill_opacity=0.28)
    bar = element("rect", x=_LEFT + 246, y=10, width=26, height=_BAR, fill=_ON)
    return join(
        (
            line,
            label(_LEFT + 32, 18, "temperature, °C", fill=INK),
            band,
            label(_LEFT + 168, 18, "as wanted", fill=INK),
            bar,
            label(_LEFT + 278, 18, "heater on", fill=INK),
            _mark(_LEFT + 366, 14, HeaterCommand.ON),
            label(_LEFT + 376, 18, "told: on", fill=INK),
            _mark(_LEFT + 436, 14, HeaterCommand.OFF),
            label(_LEFT + 446, 18, "off", fill=INK),
            _ring(_LEFT + 482, 14),
            label(_LEFT + 494, 18, "said again", fill=INK),
        )
    )


def _room(room: RoomSeen, across: Scale, top: float, row: float) -> Markup:
    """One room: its plot, its heater's bar below, its numbers at the left."""
    upper, lower = top + 6, top + row - 22
    up = Scale(*_range(room), lower, upper)
    return join(
        (
            _grid(up, across, lower),
            _bands(room, across, up),
            _curve(room, across, up),
            _heater(room, across, lower + 9),
            _numbers(room, upper),
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
        drawn.append(element("line", x1=_LEFT, y1=y, x2=_RIGHT, y2=y, stroke=FAINT, stroke_width=0.5))
        drawn.append(label(_LEFT - 6, y + 4, f"{value:g}", text_anchor="end", fill=INK))
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
    drawn = [element("line", x1=_LEFT, y1=y, x2=_RIGHT, y2=y, stroke=FAINT, stroke_width=0.8)]
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


def _numbers(room: RoomSeen, top: float) -> Markup:
    """Which sensor, how warm, what its heater does."""
    now = "–" if room.temperature is None else f"{room.temperature:.1f} °C"
    doing = ("heater on" if room.heating else "heater off") if room.sent else "never told"
    again = f", {room.repeated} again" if room.repeated else ""
    return join(
        (
            label(0, top + 12, f"sensor {room.sensor}", fill=INK, font_weight="600", font_size=12),
            label(0, top + 29, now, fill=INK, font_size=13, style="font-variant-numeric:tabular-nums"),
            label(0, top + 45, doing, fill=INK),
            label(0, top + 60, f"told {room.commands}{again}" if room.sent else "", fill=INK),
        )
    )


def _time_axis(across: Scale, y: float) -> Markup:
    ticks = ((across(across.high - seconds), seconds) for seconds in (20, 15, 10, 5, 0))
    return join(
        label(x, y, f"{ago} s ago" if ago else "now", text_anchor="middle" if ago else "end", fill=INK)
        for x, ago in ticks
    )
