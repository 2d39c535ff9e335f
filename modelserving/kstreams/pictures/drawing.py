"""Boxes and lines as SVG, on a grid. The picture knows nothing of the page around it; it reads on white and black."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Edge", "NodeBox", "draw"]

_WIDTH, _HEIGHT, _GAP, _MARGIN = 168, 46, 44, 12
_STEP_X, _STEP_Y = _WIDTH + _GAP, _HEIGHT + 22
_LETTERS, _SIZE = 30, 13
# Dark enough on white and light enough on black; told apart by shape and word, not by colour alone.
_INK = "#6b7785"
_FILLS = {"topic": "#56b4e9", "source": "#d9dee4", "processor": "#f0e442", "sink": "#d9dee4", "store": "#ddb4cc"}
_WORDS = {"topic": "topic", "source": "source", "processor": "processor", "sink": "sink", "store": "store"}


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


def draw(boxes: Sequence[NodeBox], lines: Iterable[Edge], alt: str) -> str:
    """The whole picture.

    Args:
        boxes: no two in one place.
        lines: between them.
        alt: the picture in words.
    """
    placed = {box.name: box for box in boxes}
    width = _STEP_X * (1 + max((box.column for box in boxes), default=0)) - _GAP + 2 * _MARGIN
    height = _STEP_Y * (1 + max((box.row for box in boxes), default=0)) + 2 * _MARGIN
    drawn = "".join(_line(placed[line.start], placed[line.end]) for line in lines)
    drawn += "".join(map(_box, boxes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(alt)}" font-family="sans-serif"><title>{escape(alt)}</title>'
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{_INK}"/></marker></defs>{drawn}</svg>'
    )


def _corner(box: NodeBox) -> tuple[int, int]:
    return _MARGIN + box.column * _STEP_X, _MARGIN + box.row * _STEP_Y


def _box(box: NodeBox) -> str:
    x, y = _corner(box)
    round_ = {"topic": _HEIGHT // 2, "store": 12}.get(box.kind, 3)
    dashes = ' stroke-dasharray="5 3"' if box.kind == "store" else ""
    title = box.title if len(box.title) <= _LETTERS else box.title[: _LETTERS - 1] + "…"
    middle = x + _WIDTH // 2
    return (
        f"<g><title>{escape(f'{_WORDS[box.kind]} {box.title}')}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{round_}" fill="{_FILLS[box.kind]}" '
        f'stroke="{_INK}"{dashes}/>'
        f'<text x="{middle}" y="{y + 20}" text-anchor="middle" font-size="{_size(title):.3g}" fill="#111">'
        f"{escape(title)}</text>"
        f'<text x="{middle}" y="{y + 36}" text-anchor="middle" font-size="11" fill="#333">{_WORDS[box.kind]}</text></g>'
    )


def _size(title: str) -> float:
    """Of the letters, so that the title stays in its box: the engine's own names are long, and in capitals."""
    widths = sum(0.6 if letter.islower() else 0.75 for letter in title)
    return min(_SIZE, (_WIDTH - 12) / widths) if title else _SIZE


def _line(start: NodeBox, end: NodeBox) -> str:
    (x1, y1), (x2, y2) = _corner(start), _corner(end)
    if end.kind == "store":
        middle = x1 + _WIDTH // 2
        path = f"M{middle} {y1 + _HEIGHT}V{y2}" if start.column == end.column else f"M{middle} {y1}L{x2} {y2}"
        return f'<path d="{path}" stroke="{_INK}" stroke-dasharray="3 3" fill="none"/>'
    y1, y2 = y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    bend = x2 - _GAP // 2
    return (
        f'<path d="M{x1 + _WIDTH} {y1}H{bend}V{y2}H{x2}" stroke="{_INK}" stroke-width="1.5" fill="none" '
        'marker-end="url(#tip)"/>'
    )
