"""The picture of the stage: scores over time, swaps, latency. A pure function from a snapshot to SVG."""

from __future__ import annotations

import math
import time
import zlib
from itertools import pairwise

from modelserving.svg import Markup, Scale, document, element, join, label, shorten, wrap
from modelserving.widgets.colours import DIM, FAINT, HALO, INK, SERIES, WARNING_GROUND, colour, dots, marks
from modelserving.widgets.live import Frame
from modelserving.widgets.stage.snapshot import LATENCIES, WINDOW_S, Condition, StageSnapshot
from modelserving.widgets.width import WIDEST

_HEIGHT = 342
_LEFT, _MARGIN = 52, 12
_SCORES = (52, 196)
_LATENCY = (236, 318)
_NAME_WIDTH, _LETTER, _LINE, _MARK = 6.8, 5.4, 14, 28
_ALONE = 0.9
_NS = 1_000_000_000
_SCORE_TITLE = "score: predicted quality"
_LATENCY_TITLE = "latency: from publishing to score, ms, log scale"
_LEVELS = "; of the last {}: half within {} (line), 99 of 100 within {} (dashes)"
_LONGEST_LEVELS = _LEVELS.format(LATENCIES, "99.9 ms", "99.9 ms")
"""A title takes the lines that it may need: a picture whose height changes cannot be read."""
_TROUBLE = {Condition.SERVER_AWAY, Condition.BROKER_AWAY}


def stage_frame(snapshot: StageSnapshot, width: int = WIDEST) -> Frame:
    """Picture, sentence and headline for a view."""
    return Frame(render_stage(snapshot, width), describe_stage(snapshot), _headline(snapshot))


def describe_stage(snapshot: StageSnapshot) -> str:
    """Say in words what the picture shows."""
    s = snapshot
    if not s.scored:
        return f"No record scored yet: {s.condition.value}. Dead letters: {s.dead_letters}."
    skipped = "" if s.server is None or s.server.skipped is None else f", {s.server.skipped} skipped"
    last = f" The last score is {s.points[-1].prediction:.3g}." if s.points else ""
    return (
        f"{_model_sentence(s)} {s.scored} records scored{skipped}, {_count(s.dead_letters, 'dead letter')}, "
        f"{_count(s.swap_count, 'model swap')}.{last} From publishing to score, of the last {LATENCIES}: half within "
        f"{_duration(s.latency_p50_ms)}, 99 of 100 within {_duration(s.latency_p99_ms)}.{_scoring(s)} "
        f"Just now: {s.condition.value}."
    )


def render_stage(snapshot: StageSnapshot, width: int = WIDEST) -> str:
    """Draw the picture, so many pixels wide.

    Returns:
        A whole SVG document; text from records and models is escaped.
    """
    across = Scale(snapshot.now_ns / _NS - WINDOW_S, snapshot.now_ns / _NS, _LEFT, width - _MARGIN)
    down = _LINE * (len(_lines(_LATENCY_TITLE + _LONGEST_LEVELS, across)) - 1)
    latency = (_LATENCY[0] + down, _LATENCY[1] + down)
    return document(
        width,
        _HEIGHT + down,
        describe_stage(snapshot),
        _bands(snapshot, across),
        _scores(snapshot, across),
        _swaps(snapshot, across, latency),
        _latency(snapshot, across, latency),
        _time_axis(across, latency),
        _notice(snapshot, across),
        style=f"width:100%;max-width:{width}px;height:auto;display:block",
        font_family="system-ui, sans-serif",
        font_size=11,
    )


def _headline(s: StageSnapshot) -> str:
    if s.condition in _TROUBLE or s.model is None:
        return s.condition.value.capitalize()
    if s.model_gone:
        return "No model in use"
    ended = f" ({s.condition.value})" if s.condition is Condition.STOPPED else ""
    return f"Model in use: {_name(s.model.name, s.model.version, 60)}{ended}"


def _model_sentence(s: StageSnapshot) -> str:
    if s.model is None:
        return "No model yet."
    if s.model_gone:
        return "No model in use."
    since = time.strftime("%H:%M:%S", time.localtime(s.model.since_ns / _NS))
    return f"Model in use: {_name(s.model.name, s.model.version, 60)}, since {since}."


def _scoring(s: StageSnapshot) -> str:
    if s.server is None or not s.server.p99_ns:
        return ""
    half, most = _duration(s.server.p50_ns / 1e6), _duration(s.server.p99_ns / 1e6)
    return f" Scoring alone, says the server: {half} and {most} a record."


def _name(name: str, version: str, length: int) -> str:
    return shorten(f"{name or 'nameless'}{f' {version}' if version else ''}", length)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _duration(ms: float) -> str:
    """A duration to three digits, in a unit that makes it short."""
    if 0 < ms < 1:
        return f"{1000 * ms:.3g} µs"
    return f"{ms / 1000:.3g} s" if ms >= 1000 else f"{ms:.3g} ms"


def _scores(s: StageSnapshot, across: Scale) -> Markup:
    values = [point.prediction for point in s.points]
    low, high = (math.floor(min(values) - 0.1), math.ceil(max(values) + 0.1)) if values else (3, 8)
    up = Scale(low, high, _SCORES[1], _SCORES[0])
    drawn = [_plot(_SCORE_TITLE, up, across, "{:g}")]
    for model in sorted({point.model for point in s.points}):
        points = [(across(p.at_ns / _NS), up(p.prediction)) for p in s.points if p.model == model]
        drawn.append(marks(points, _look(s, model)))
    return join(drawn)


def _bands(s: StageSnapshot, across: Scale) -> Markup:
    """A ground in the colour of the model in use; none where models score in turn, as for several data types."""
    drawn = []
    for (x, model, is_swap), (end, *_) in pairwise([*_takeovers(s, across), (across.end, 0, False)]):
        inside = [(across(p.at_ns / _NS), p.model) for p in s.points if x <= across(p.at_ns / _NS) < end]
        if sum(who == model for _, who in inside) > _ALONE * len(inside):
            (top, bottom), left = _SCORES, x if is_swap else inside[0][0]
            look = {"fill": colour(_look(s, model)), "fill_opacity": "0.12"}
            drawn.append(element("rect", x=left, y=top, width=end - left, height=bottom - top, **look))
    return join(drawn)


def _swaps(s: StageSnapshot, across: Scale, latency: tuple[float, float]) -> Markup:
    """A dashed line where another model took over, with its mark and name on top.

    Names take two rows, the newest first; one that has no room is left out.
    """
    lines, names = [], []
    right = across.end + _MARGIN
    room = [right, right]
    for x, model, is_swap in reversed(_takeovers(s, across)):
        free = max(x, right - x) - _MARK  # left of the line, or right of it
        name = shorten(_short_name(s, model), int(free / _NAME_WIDTH))
        width = _NAME_WIDTH * len(name) + _MARK
        left = x + width > right
        end = x if left else x + width
        row = next((row for row in (0, 1) if end <= room[row]), None)
        if is_swap:
            line = {"stroke": colour(_look(s, model)), "stroke_width": "1.5", "stroke_dasharray": "4 3"}
            top = _SCORES[0] if row is None else _name_height(row) - 6
            spans = [(top, _SCORES[1]), latency]  # not through a title: neither the one between nor the upper one
            if row is not None and x < _LEFT + _LETTER * len(_SCORE_TITLE):
                spans = [(top, _SCORES[0] - _LINE - 3), _SCORES, latency]
            ways = "".join(f"M{x:.1f},{upper}V{lower}" for upper, lower in spans)
            lines.append(element("path", d=ways, **line))
        if row is not None:
            names.append(_model_name(name, _look(s, model), x, _name_height(row), left=left))
            room[row] = end - width
    return join(lines + names)


def _takeovers(s: StageSnapshot, across: Scale) -> list[tuple[float, int, bool]]:
    """Where each model in the picture begins: pixel, model, and whether that is a swap; oldest first.

    The oldest model began before the picture does, so its name stands at the left edge, without a line.
    """
    swaps = [(across(p.at_ns / _NS), p.model, True) for p in s.swaps if p.at_ns / _NS >= across.low]
    if s.points and (not swaps or swaps[0][0] > across(s.points[0].at_ns / _NS)):
        return [(_LEFT, s.points[0].model, False), *swaps]
    return swaps


def _model_name(name: str, look: int, x: float, y: float, *, left: bool) -> Markup:
    """A model's mark and name beside a point."""
    side, anchor = (-1, "end") if left else (1, "start")
    written = label(x + 16 * side, y, name, text_anchor=anchor, fill=INK, font_weight="600", **HALO)
    return join((marks([(x + 8 * side, y - 4)], look), written))


def _short_name(s: StageSnapshot, model: int) -> str:
    """A model's name, with its version only where two versions of it were seen."""
    seen = s.models[model]
    alone = sum(other.name == seen.name for other in s.models) == 1
    return _name(seen.name, "" if alone else seen.version, 24)


def _look(s: StageSnapshot, model: int) -> int:
    """The colour and shape of a model: by its digest, so that it looks the same tomorrow; the next free one if taken.

    Four models have four colours; the next four have them again, with other shapes.
    """
    turn = model // len(SERIES)
    colours: list[int] = []
    for seen in s.models[turn * len(SERIES) : model + 1]:
        wanted = zlib.crc32(seen.digest.encode())
        colours.append(next(c for n in range(len(SERIES)) if (c := (wanted + n) % len(SERIES)) not in colours))
    return turn * len(SERIES) + colours[-1]


def _name_height(row: int) -> int:
    return 15 + 16 * row


def _latency(s: StageSnapshot, across: Scale, edges: tuple[float, float]) -> Markup:
    high = 10.0 ** math.ceil(math.log10(max([100.0, s.latency_p99_ms, *(p.latency_ms for p in s.points)])))
    up = Scale(1.0, high, edges[1], edges[0], log=True)
    title = _LATENCY_TITLE
    if s.scored:
        title += _LEVELS.format(LATENCIES, _duration(s.latency_p50_ms), _duration(s.latency_p99_ms))
    drawn = [_plot(title, up, across, "{:,.0f}")]
    for model in sorted({point.model for point in s.points}):
        points = [(across(p.at_ns / _NS), up(p.latency_ms)) for p in s.points if p.model == model]
        drawn.append(dots(points, _look(s, model)))
    if s.scored:
        drawn += [_level(up, across, s.latency_p50_ms, "none"), _level(up, across, s.latency_p99_ms, "6 3")]
    return join(drawn)


def _level(up: Scale, across: Scale, value: float, dashes: str) -> Markup:
    y = up(value)
    return element("line", x1=_LEFT, y1=y, x2=across.end, y2=y, stroke=INK, stroke_width=1.2, stroke_dasharray=dashes)


def _lines(title: str, across: Scale) -> list[str]:
    return wrap(title, across.end - _LEFT, _LETTER)


def _plot(title: str, up: Scale, across: Scale, written: str) -> Markup:
    """Grid, axis and title of one of the two plots; the title's last line is right above."""
    lines = _lines(title, across)
    drawn = [label(_LEFT, up.end - 6 - _LINE * n, line, fill=INK) for n, line in enumerate(reversed(lines))]
    for value in up.ticks():
        y = up(value)
        drawn.append(element("line", x1=_LEFT, y1=y, x2=across.end, y2=y, stroke=FAINT, stroke_width=0.5))
        drawn.append(label(_LEFT - 6, y + 4, written.format(value), text_anchor="end", fill=INK))
    return join(drawn)


def _time_axis(across: Scale, latency: tuple[float, float]) -> Markup:
    drawn = []
    for seconds in (20, 15, 10, 5, 0):
        x = across(across.high - seconds)
        for top, bottom in (_SCORES, latency):
            drawn.append(element("line", x1=x, y1=top, x2=x, y2=bottom, stroke=FAINT, stroke_width=0.4))
        text = f"{seconds} s ago" if seconds else "now"
        drawn.append(label(x, latency[1] + 18, text, text_anchor="middle" if seconds else "end", fill=INK))
    return join(drawn)


def _notice(s: StageSnapshot, across: Scale) -> Markup:
    """A banner over the picture while there is nothing to see, or trouble."""
    if s.condition is Condition.RUNNING:
        return Markup("")
    width, x, y = 30 + 8 * len(s.condition.value), (_LEFT + across.end) / 2, 124
    fill = WARNING_GROUND if s.condition in _TROUBLE else DIM
    box = element("rect", x=x - width / 2, y=y - 17, width=width, height=27, rx=6, fill=fill)
    words = {"text_anchor": "middle", "fill": "#ffffff", "font_size": "14", "font_weight": "600"}
    return join((box, label(x, y + 1, s.condition.value, **words)))
