"""Records on a line of time, and the windows that the engine put them into: drawn from what was sent and what came."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelserving.errors import ConfigError
from modelserving.svg import Markup, Scale, document, element, join, label, shorten
from modelserving.widgets.colours import FAINT, INK, SERIES, WARNING, marks
from modelserving.workshop.display.diagrams import Diagram

_WIDTH, _LEFT, _RIGHT = 760, 128, 736
_TOP, _LINE, _ROW, _GAP, _FOOT = 14, 46, 22, 16, 26
_LETTER = 7.2
_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True, slots=True)
class SentRecord:
    """A record that was sent.

    Args:
        key: whose.
        at_s: its own time, seconds.
        lost: whether no window took it.
    """

    key: str
    at_s: float
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A window with something in it.

    Args:
        key: whose.
        start_s: where it begins, seconds.
        end_s: where it ends, seconds.
        text: what is in it.
    """

    key: str
    start_s: float
    end_s: float
    text: str


def windows_picture(sent: Sequence[SentRecord], found: Mapping[tuple[str, float, float], object]) -> Diagram:
    """Draw records and windows, a part for each key.

    Args:
        sent: in the order in which they were sent; the picture numbers them.
        found: what is in each window, by key, beginning and end in seconds.

    Raises:
        ConfigError: nothing was sent.
    """
    if not sent:
        raise ConfigError("there is nothing to draw: no record was sent.")
    spans = [Span(*window, str(value)) for window, value in sorted(found.items(), key=lambda item: item[0])]
    keys = list(dict.fromkeys([one.key for one in sent] + [span.key for span in spans]))
    times = [one.at_s for one in sent] + [at for span in spans for at in (span.start_s, span.end_s)]
    across = Scale(min(times), max(times), _LEFT, _RIGHT)
    parts, y = [], float(_TOP)
    for number, key in enumerate(keys):
        part, y = _part(key, number, sent, [span for span in spans if span.key == key], across, y)
        parts.append(part)
    alt = _sentence(sent, spans, keys)
    style = f"width:100%;max-width:{_WIDTH}px;height:auto;display:block;font:12px system-ui, sans-serif"
    return Diagram(document(_WIDTH, y + _FOOT, alt, _axis(across, y), *parts, style=style), alt)


def _sentence(sent: Sequence[SentRecord], spans: Sequence[Span], keys: Sequence[str]) -> str:
    """The picture in words."""
    said = []
    for key in keys:
        times = ", ".join(f"{one.at_s:g}{' (lost)' if one.lost else ''}" for one in sent if one.key == key)
        windows = "; ".join(f"{s.start_s:g} to {s.end_s:g}: {s.text}" for s in spans if s.key == key)
        said.append(f"{key}: records at second {times}. Windows: {windows or 'none'}.")
    return " ".join(said)


def _part(
    key: str, number: int, sent: Sequence[SentRecord], spans: Sequence[Span], across: Scale, top: float
) -> tuple[Markup, float]:
    """One key: its records, and below them its windows, each in the first row that has room.

    Returns:
        What was drawn, and where the next part begins.
    """
    line = top + _LINE - 8
    drawn = [
        label(0, line + 4, shorten(key, 18), fill=INK, font_weight="600"),
        element("line", x1=_LEFT, y1=line, x2=_RIGHT, y2=line, stroke=FAINT, stroke_width=1),
        *_records([(order, one) for order, one in enumerate(sent, 1) if one.key == key], across, line, number),
    ]
    ends: list[float] = []
    for span in spans:
        left, right = across(span.start_s), max(across(span.end_s), across(span.start_s) + 6)
        taken = right if right - left > _LETTER * len(span.text) + 8 else right + _LETTER * len(span.text) + 6
        row = next((row for row, end in enumerate(ends) if left >= end), len(ends))
        ends[row : row + 1] = [taken]
        drawn.append(_window(span, left, right, top + _LINE + _ROW * row, number))
    return join(drawn), top + _LINE + _ROW * len(ends) + _GAP


def _records(mine: Sequence[tuple[int, SentRecord]], across: Scale, y: float, series: int) -> Iterable[Markup]:
    """A mark at each record's own time, or a cross if no window took it, with the number in which it came."""
    room = [-math.inf, -math.inf]
    for order, one in sorted(mine, key=lambda each: each[1].at_s):
        x = across(one.at_s)
        row = 0 if x - room[0] >= _LETTER * 2 else 1
        room[row] = x
        if one.lost:
            cross = f"M{x - 5:.1f},{y - 5:.1f}l10,10m0,-10l-10,10"
            yield element("path", d=cross, stroke=WARNING, stroke_width=2.2)
        else:
            yield marks([(x, y)], series)
        yield label(x, y - 10 - 12 * row, order, text_anchor="middle", fill=INK)


def _window(span: Span, left: float, right: float, y: float, series: int) -> Markup:
    colour = SERIES[series % len(SERIES)]
    box = {"x": left + 0.8, "y": y, "width": max(4.0, right - left - 1.6), "height": _ROW - 5, "rx": 4}
    fits = right - left > _LETTER * len(span.text) + 8
    outside = (right + 4, "start") if right < _RIGHT else (left - 4, "end")
    anchor = ((left + right) / 2, "middle") if fits else outside
    return join(
        (
            element("rect", **box, fill=colour, fill_opacity=0.28, stroke=colour),
            label(anchor[0], y + 12.5, span.text, text_anchor=anchor[1], fill=INK),
        )
    )


def _axis(across: Scale, y: float) -> Markup:
    """Times at round steps, as minutes and seconds."""
    drawn = []
    for at in _ticks(across):
        x = across(at)
        lines = {"stroke": FAINT, "stroke_width": "0.6", "stroke_dasharray": "2 3"}
        drawn.append(element("line", x1=x, y1=_TOP, x2=x, y2=y, **lines))
        anchor = "middle" if _LEFT + 12 < x < _RIGHT - 12 else "end" if x > _LEFT + 12 else "start"
        drawn.append(label(x, y + 14, _clock(at), text_anchor=anchor, fill=INK))
    drawn.append(label(0, y + 14, "min:s, own time", fill=INK))
    return join(drawn)


def _clock(at: float) -> str:
    """Minutes and seconds; what is before the first minute has a sign."""
    minutes, seconds = divmod(round(abs(at)), 60)
    return f"{'−' if at < 0 else ''}{minutes}:{seconds:02}"


def _ticks(across: Scale) -> Iterable[float]:
    length = across.high - across.low
    step = next((step for step in _STEPS if length / step <= 9), 7200)
    first = -(-across.low // step) * step
    return (first + step * n for n in range(int((across.high - first) // step) + 1))
