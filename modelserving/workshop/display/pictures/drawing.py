"""Diagrams from text: boxes in rows, arrows between them.

::

    <client> -> (wine-records) -> [server]* -> (wine-scored)
    _ -> (wine-models) -> [server]

A line is a row. ``[box]``, ``(topic)``, ``{store}`` and ``<who>`` stand one beside the other; ``_`` leaves a cell
empty, and a name that was placed before is only pointed at. Arrows are ``->`` (whole), ``~>`` (dashed) and ``--`` (no
arrow); ``-word->`` is written on. A ``*`` lights a box; ``|`` begins its second line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelserving.errors import ConfigError
from modelserving.svg import Markup, document, element, join, label
from modelserving.widgets.colours import DIM, LIT, LIT_TEXT

_WIDTH, _HEIGHT, _GAP, _ROW, _EDGE, _BELOW = 200, 74, 72, 116, 6, 26
_HEAD = 9
_TOKEN = re.compile(
    r"\s*(?:(?P<node>\[[^\]]+\]|\([^)]+\)|\{[^}]+\}|<[^>-]+>)(?P<lit>\*?)|(?P<skip>_)(?=\s|$)"
    r"|(?P<arrow>~>|->|--|-(?P<word>[^->][^>]*?)->))\s*"
)
_SHAPES = {"[": ("#eef2f6", 6), "(": ("#d5ebf8", _HEIGHT / 2), "{": ("#f7e3ee", 18), "<": ("#ffffff", 6)}


@dataclass(frozen=True, slots=True)
class _DiagramNode:
    title: str
    kind: str
    column: int
    row: int
    lit: bool

    @property
    def left(self) -> float:
        return _EDGE + self.column * (_WIDTH + _GAP)

    @property
    def top(self) -> float:
        return _EDGE + self.row * _ROW


@dataclass(frozen=True, slots=True)
class _Arrow:
    start: str
    end: str
    kind: str
    word: str


def draw(text: str, alt: str) -> Markup:
    """Draw a diagram.

    Args:
        text: its rows.
        alt: the same in a sentence.

    Raises:
        ConfigError: a row cannot be read, or there is no sentence.
    """
    if not alt:
        raise ConfigError("A diagram needs a sentence that says the same, behind the word `diagram`.")
    width, height = extent(text)
    return document(width, height, alt, content(text), class_="diagram", font_family="inherit")


def content(text: str) -> Markup:
    """The arrows and boxes of a diagram, without the picture around them; errors as for ``draw``."""
    nodes, arrows = _read(text)
    drawn = join(_arrow(nodes[arrow.start], nodes[arrow.end], arrow) for arrow in arrows)
    return join((drawn, *map(_box, nodes.values())))


def extent(text: str) -> tuple[float, float]:
    """Width and height of a diagram, in pixels."""
    nodes, arrows = _read(text)
    width = max(node.left for node in nodes.values()) + _WIDTH + _EDGE
    height = max(node.top for node in nodes.values()) + _HEIGHT + _EDGE
    return width, height + (_BELOW if _turns_back(nodes, arrows) else 0)


def _turns_back(nodes: dict[str, _DiagramNode], arrows: list[_Arrow]) -> bool:
    return any(nodes[arrow.end].column < nodes[arrow.start].column for arrow in arrows)


def _read(text: str) -> tuple[dict[str, _DiagramNode], list[_Arrow]]:
    nodes: dict[str, _DiagramNode] = {}
    arrows: list[_Arrow] = []
    row = 0
    for line in filter(None, map(str.strip, text.splitlines())):
        column, last, pending, at, before = 0, None, None, 0, len(nodes)
        while at < len(line):
            found = _TOKEN.match(line, at)
            if found is None or found.end() == at:
                raise ConfigError(f"In a diagram, this cannot be read: {line[at:]}")
            at = found.end()
            if found["skip"]:
                column, last = column + 1, None
            elif found["arrow"]:
                kind = found["arrow"] if found["arrow"] in ("~>", "--") else "->"
                pending = (kind, (found["word"] or "").strip(" -"))
            else:
                title = found["node"][1:-1]
                if title not in nodes:
                    nodes[title] = _DiagramNode(title, found["node"][0], column, row, bool(found["lit"]))
                column = nodes[title].column + 1
                if last is not None and pending is not None:
                    arrows.append(_Arrow(last, title, *pending))
                last, pending = title, None
        row += len(nodes) > before  # a line that only points takes no room
    if not nodes:
        raise ConfigError("A diagram without a box.")
    return nodes, arrows


def _box(node: _DiagramNode) -> Markup:
    fill, round_ = _SHAPES[node.kind]
    first, _, second = node.title.partition("|")
    ink = LIT_TEXT if node.lit else "#10202f"
    middle, centre = node.left + _WIDTH / 2, node.top + _HEIGHT / 2
    size = min(20.0, (_WIDTH - 20) / max(len(first), 1) / 0.64)
    lines = [
        label(
            middle,
            centre + (-4 if second else 7),
            first,
            text_anchor="middle",
            font_size=size,
            font_weight=600,
            fill=ink,
        )
    ]
    if second:
        small = min(16.0, (_WIDTH - 20) / len(second) / 0.6)
        lines.append(label(middle, centre + 20, second, text_anchor="middle", font_size=small, fill=ink))
    dashes: dict[str, str | float] = {"stroke_dasharray": "6 4"} if node.kind == "{" else {}
    box = element(
        "rect", x=node.left, y=node.top, width=_WIDTH, height=_HEIGHT, rx=round_,
        fill=LIT if node.lit else fill, stroke=LIT if node.lit else DIM, stroke_width=1.6, **dashes,
    )  # fmt: skip
    return join((box, *lines))


def _arrow(start: _DiagramNode, end: _DiagramNode, arrow: _Arrow) -> Markup:
    path, tip, (x, y) = _course(start, end, 0 if arrow.kind == "--" else _HEAD)
    dashes: dict[str, str | float] = {"stroke_dasharray": "7 5"} if arrow.kind == "~>" else {}
    line = element("path", d=path, fill="none", stroke="#4b5a68", stroke_width=2.2, **dashes)
    head = element("path", d=tip, fill="#4b5a68") if arrow.kind != "--" else Markup("")
    word = label(x, y, arrow.word, text_anchor="middle", font_size=15, fill="#4b5a68") if arrow.word else Markup("")
    return join((line, head, word))


def _course(start: _DiagramNode, end: _DiagramNode, head: int) -> tuple[str, str, tuple[float, float]]:
    """The line, the head of the arrow, and where a word stands; the line ends so far before the box."""
    y1, y2 = start.top + _HEIGHT / 2, end.top + _HEIGHT / 2
    if end.column > start.column:  # to the right: straight, and slanted between rows
        x1, x2 = start.left + _WIDTH, end.left
        if y1 == y2:
            return f"M{x1:g} {y1:g}H{x2 - head:g}", _tip(x2, y2, -_HEAD, 0), ((x1 + x2) / 2, y1 - 8)
        turn = x2 - _GAP + 6  # over columns between them along the row of the start
        return f"M{x1:g} {y1:g}H{turn:g}L{x2 - head:g} {y2:g}", _tip(x2, y2, -_HEAD, 0), (turn - 4, y2 - 12)
    if end.column == start.column:  # up or down
        x, down = start.left + _WIDTH / 2, y2 > y1
        begin, stop = (start.top + _HEIGHT, end.top) if down else (start.top, end.top + _HEIGHT)
        back = -1 if down else 1
        return (
            f"M{x:g} {begin:g}V{stop + head * back:g}",
            _tip(x, stop, 0, _HEAD * back),
            (x + 34, (begin + stop) / 2 + 5),
        )
    x1, x2 = start.left + _WIDTH / 2, end.left + _WIDTH / 2  # back to the left: below both
    low = max(start.top, end.top) + _HEIGHT + _BELOW
    path = f"M{x1:g} {start.top + _HEIGHT:g}V{low:g}H{x2:g}V{end.top + _HEIGHT + head:g}"
    return path, _tip(x2, end.top + _HEIGHT, 0, _HEAD), ((x1 + x2) / 2, low - 6)


def _tip(x: float, y: float, dx: float, dy: float) -> str:
    """A triangle whose point is at ``x``, ``y``; ``dx``, ``dy`` lead back along the arrow."""
    return f"M{x:g} {y:g}L{x + dx - dy / 2:g} {y + dy - dx / 2:g}L{x + dx + dy / 2:g} {y + dy + dx / 2:g}z"
