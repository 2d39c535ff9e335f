"""Boxes and lines as SVG, on a grid. The picture knows nothing of the page around it; it reads on white and black."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from modelserving.svg import Markup, document, element, escape, label, shorten

# Narrow, so that a chain of five is seen at once beside a live view, and one of six beside the list of files.
_WIDTH, _HEIGHT, _GAP, _MARGIN = 104, 60, 20, 4
_STEP_X, _STEP_Y = _WIDTH + _GAP, _HEIGHT + 18
_LETTERS, _SIZE, _LINE, _MOST = 40, 12, 13, 3
_ENGINES_NUMBER = re.compile(r"-0{5,}(\d+)$")
# Dark enough on white and light enough on black; told apart by shape and word, not by colour alone.
_INK = "#6b7785"
_FILLS = {"topic": "#56b4e9", "source": "#d9dee4", "processor": "#f0e442", "sink": "#d9dee4", "store": "#ddb4cc"}


@dataclass(frozen=True, slots=True)
class NodeBox:
    """A box on the grid.

    Args:
        name: by which lines find it.
        title: what is written in it.
        kind: ``topic``, ``source``, ``processor``, ``sink`` or ``store``.
        column: counted from 0.
        row: counted from 0.
    """

    name: str
    title: str
    kind: str
    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from a box to another; between a processor and its store a plain line."""

    start: str
    end: str


def draw(boxes: Sequence[NodeBox], lines: Iterable[Edge], alt: str) -> Markup:
    """The whole picture.

    Args:
        boxes: no two in one place.
        lines: between them.
        alt: the picture in words.
    """
    by_name = {box.name: box for box in boxes}
    width = _STEP_X * (1 + max((box.column for box in boxes), default=0)) - _GAP + 2 * _MARGIN
    height = _STEP_Y * max((1 + box.row for box in boxes), default=1) - (_STEP_Y - _HEIGHT) + 2 * _MARGIN
    tip = element("path", d="M0 0L8 4L0 8z", fill=_INK)
    size = {"markerWidth": 7, "markerHeight": 7, "refX": 7, "refY": 4}
    return document(
        width,
        height,
        alt,
        element("defs", element("marker", tip, id="tip", viewBox="0 0 8 8", orient="auto", **size)),
        *(_line(by_name[line.start], by_name[line.end]) for line in lines),
        *map(_box, boxes),
        font_family="sans-serif",
    )


def _corner(box: NodeBox) -> tuple[int, int]:
    return _MARGIN + box.column * _STEP_X, _MARGIN + box.row * _STEP_Y


def _box(box: NodeBox) -> Markup:
    x, y = _corner(box)
    lines, middle = _broken(shorten(_ENGINES_NUMBER.sub(r"-\1", box.title), _LETTERS)), x + _WIDTH / 2
    top, size = y + 27 - _LINE / 2 * (len(lines) - 1), min(map(_size, lines))
    round_ = {"topic": _HEIGHT / 2 if len(lines) < _MOST else 16, "store": 12}.get(box.kind, 3)
    frame: dict[str, str | float] = {"fill": _FILLS[box.kind], "stroke": _INK}
    if box.kind == "store":
        frame["stroke_dasharray"] = "5 3"
    written: dict[str, str | float] = {"text_anchor": "middle", "font_size": size, "fill": "#111"}
    return element(
        "g",
        element("title", escape(f"{box.kind} {box.title}")),
        element("rect", x=x, y=y, width=_WIDTH, height=_HEIGHT, rx=round_, **frame),
        *(label(middle, top + _LINE * number, line, **written) for number, line in enumerate(lines)),
        label(middle, y + _HEIGHT - 6, box.kind, text_anchor="middle", font_size=12, fill="#333"),
    )


def _broken(title: str) -> tuple[str, ...]:
    """A title on one line, or on up to three where it is too long: broken behind hyphens or the like, most evenly."""
    ends = [found.end() for found in re.finditer(r"[-_. ](?=.)", title)]
    best: tuple[str, ...] = (title,)
    for more in range(1, min(_MOST, len(ends) + 1)):
        if _size(max(best, key=_wide)) == _SIZE:
            break
        ways = (pairwise((0, *chosen, len(title))) for chosen in combinations(ends, more))
        best = min((tuple(title[a:b] for a, b in way) for way in ways), key=lambda lines: max(map(_wide, lines)))
    return best


def _size(line: str) -> float:
    """Of the letters, so that a line stays in its box: the engine's own names are long, and in capitals."""
    return min(_SIZE, (_WIDTH - 8) / _wide(line)) if line else _SIZE


def _wide(line: str) -> float:
    """How wide a line is, as a share of the size of its letters."""
    return sum(0.6 if letter.islower() else 0.75 for letter in line)


def _line(start: NodeBox, end: NodeBox) -> Markup:
    (x1, y1), (x2, y2) = _corner(start), _corner(end)
    if end.kind == "store":
        middle = x1 + _WIDTH // 2
        path = f"M{middle} {y1 + _HEIGHT}V{y2}" if start.column == end.column else f"M{middle} {y1}L{x2} {y2}"
        return element("path", d=path, stroke=_INK, stroke_dasharray="3 3", fill="none")
    y1, y2 = y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    path = f"M{x1 + _WIDTH} {y1}H{x2 - _GAP // 2}V{y2}H{x2}"
    return element("path", d=path, stroke=_INK, stroke_width=1.5, fill="none", marker_end="url(#tip)")
