"""The live view of a producer, a buffer and a consumer: who is fast, how full the buffer is, and who waits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelserving.svg import Markup, Scale, document, element, join, label
from modelserving.widgets.colours import FAINT, INK, SERIES, WARNING
from modelserving.widgets.live import Frame, FrameSource, LiveView
from modelserving.widgets.width import WIDEST

_HEIGHT = 318
_LEFT, _MARGIN = 52, 12
_LEGEND, _TITLE = 278, 100
_RATES, _FILL = (44, 134), (176, 276)
_WINDOW_S = 12.0
_STEADY_WITHIN = 2.0


@dataclass(frozen=True, slots=True)
class FlowSample:
    """The flow at one moment.

    Args:
        at_s: seconds since it began.
        produced_per_s: items a second that the producer got rid of.
        consumed_per_s: items a second that the consumer took.
        buffered: items in the buffer.
    """

    at_s: float
    produced_per_s: float
    consumed_per_s: float
    buffered: int


@dataclass(frozen=True, slots=True)
class BackPressureSnapshot:
    """A producer, a buffer and a consumer.

    Args:
        running: whether they still run.
        at_s: seconds since they began.
        capacity: items that the buffer takes; ``math.inf`` for a buffer without a bound.
        produced: items that the producer got rid of so far.
        consumed: items that the consumer took so far.
        buffered: items in the buffer now.
        most_buffered: the most that were in it.
        item_bytes: size of one item.
        producer_waits: whether the producer waits for room in the buffer just now.
        consumer_waits: whether the consumer waits for an item just now.
        samples: oldest first.
    """

    running: bool = True
    at_s: float = 0.0
    capacity: float = 0.0
    produced: int = 0
    consumed: int = 0
    buffered: int = 0
    most_buffered: int = 0
    item_bytes: int = 0
    producer_waits: bool = False
    consumer_waits: bool = False
    samples: tuple[FlowSample, ...] = ()

    @property
    def produced_per_s(self) -> float:
        """The producer's latest rate, items a second."""
        return self.samples[-1].produced_per_s if self.samples else 0.0

    @property
    def consumed_per_s(self) -> float:
        """The consumer's latest rate, items a second."""
        return self.samples[-1].consumed_per_s if self.samples else 0.0

    @property
    def steady(self) -> bool:
        """Whether as many items have gone into the buffer of late as have come out of it."""
        return abs(self.produced_per_s - self.consumed_per_s) <= _STEADY_WITHIN


class BackPressureView(LiveView[BackPressureSnapshot]):
    """Rates of producer and consumer, and the buffer between them.

    Args:
        flow: what is watched; it ends with the view.
        controls: widgets that change the flow, such as sliders.
        frames_per_second: 4 to 10.
    """

    def __init__(
        self, flow: FrameSource[BackPressureSnapshot], *, controls: Sequence[Any] = (), frames_per_second: float = 8.0
    ) -> None:
        super().__init__(flow, _frame, name="back pressure", controls=controls, frames_per_second=frames_per_second)


def render_back_pressure(snapshot: BackPressureSnapshot, width: int = WIDEST) -> str:
    """Draw the picture, so many pixels wide.

    Returns:
        A whole SVG document.
    """
    end = max(snapshot.at_s, _WINDOW_S)
    across = Scale(end - _WINDOW_S, end, _LEFT, width - _MARGIN)
    return document(
        width,
        _HEIGHT,
        _sentence(snapshot),
        _rates(snapshot, across),
        _fill(snapshot, across),
        join(label(across(at), _FILL[1] + 18, f"{at:g} s", text_anchor="middle", fill=INK) for at in across.ticks()),
        style=f"width:100%;max-width:{width}px;height:auto;display:block",
        font_family="system-ui, sans-serif",
        font_size=11,
    )


def _frame(snapshot: BackPressureSnapshot, width: int = WIDEST) -> Frame:
    return Frame(render_back_pressure(snapshot, width), _sentence(snapshot), _headline(snapshot))


def _headline(s: BackPressureSnapshot) -> str:
    if not s.running:
        return "The flow has ended"
    if s.buffered >= s.capacity:
        return "Back pressure: the buffer is full, and the producer waits for the consumer"
    if math.isinf(s.capacity) and s.buffered > 100:
        return "No back pressure: the buffer has no bound, and grows"
    return "The buffer has room: nobody holds the producer back"


def _sentence(s: BackPressureSnapshot) -> str:
    bound = "no bound" if math.isinf(s.capacity) else f"room for {s.capacity:.0f}"
    held = s.buffered * s.item_bytes
    memory = f", {held / 1e6:.1f} MB" if held >= 1e5 else ""
    return (
        f"The producer sends {s.produced_per_s:.0f} items a second, the consumer takes {s.consumed_per_s:.0f}. "
        f"In the buffer: {s.buffered} ({bound}{memory}; at most it was {s.most_buffered}). "
        f"So far {s.produced} sent, {s.consumed} taken."
    )


def _rates(s: BackPressureSnapshot, across: Scale) -> Markup:
    most = max([10.0, *(max(p.produced_per_s, p.consumed_per_s) for p in s.samples)])
    up = Scale(0, most * 1.1, _RATES[1], _RATES[0])
    sent = _line([(across(p.at_s), up(p.produced_per_s)) for p in _seen(s, across)], SERIES[0], "none")
    taken = _line([(across(p.at_s), up(p.consumed_per_s)) for p in _seen(s, across)], SERIES[1], "7 3")
    return join((_plot("items a second", up, across), _legend(across), sent, taken))


def _legend(across: Scale) -> Markup:
    """Beside the title; where it has no room there, above."""
    x = across.end - _LEGEND
    y = 24 if x > _LEFT + _TITLE else 8
    return join(
        (
            element("line", x1=x, y1=y, x2=x + 30, y2=y, stroke=SERIES[0], stroke_width=2.5),
            label(x + 35, y + 4, "producer (line)", fill=INK),
            element(
                "line", x1=x + 140, y1=y, x2=x + 170, y2=y, stroke=SERIES[1], stroke_width=2.5, stroke_dasharray="7 3"
            ),
            label(x + 175, y + 4, "consumer (dashes)", fill=INK),
        )
    )


def _fill(s: BackPressureSnapshot, across: Scale) -> Markup:
    bounded = not math.isinf(s.capacity)
    high = max([s.capacity if bounded else 0, 5.0, *(p.buffered for p in s.samples)]) * 1.15
    up = Scale(0, high, _FILL[1], _FILL[0])
    points = [(across(p.at_s), up(p.buffered)) for p in _seen(s, across)]
    drawn = [_plot("items in the buffer", up, across)]
    if points:
        corners = [(points[0][0], _FILL[1]), *points, (points[-1][0], _FILL[1])]
        drawn.append(
            element("polygon", points=_coordinates(corners), fill=SERIES[2], fill_opacity=0.35, stroke=SERIES[2])
        )
    if bounded:
        y = up(s.capacity)
        line = {"stroke": WARNING, "stroke_width": "2", "stroke_dasharray": "3 3"}
        drawn.append(element("line", x1=_LEFT, y1=y, x2=across.end, y2=y, **line))
        drawn.append(label(across.end, y - 4, f"full: {s.capacity:.0f}", text_anchor="end", fill=INK))
    return join(drawn)


def _seen(s: BackPressureSnapshot, across: Scale) -> list[FlowSample]:
    return [sample for sample in s.samples if sample.at_s >= across.low]


def _plot(title: str, up: Scale, across: Scale) -> Markup:
    drawn = [label(_LEFT, up.end - 12, title, fill=INK, font_weight="600")]
    for value in up.ticks():
        y = up(value)
        drawn.append(element("line", x1=_LEFT, y1=y, x2=across.end, y2=y, stroke=FAINT, stroke_width=0.5))
        drawn.append(label(_LEFT - 6, y + 4, f"{value:g}", text_anchor="end", fill=INK))
    return join(drawn)


def _line(points: list[tuple[float, float]], colour: str, dashes: str) -> Markup:
    way = _coordinates(points)
    return element("polyline", points=way, fill="none", stroke=colour, stroke_width=2.2, stroke_dasharray=dashes)


def _coordinates(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
