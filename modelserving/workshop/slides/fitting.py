"""How large letters and drawings of a slide can be: as large as there is room for. A browser test sees that all fit."""

from __future__ import annotations

import re
from math import ceil
from typing import NamedTuple

from modelserving.workshop.display.pictures.drawing import extent
from modelserving.workshop.slides.filling.code import alert_of, code_of
from modelserving.workshop.slides.source import Slide

_SIZES = (40, 38, 36, 34, 32, 30, 28, 26, 24, 22)
"""Pixels, of the 720 that a slide is high."""
_ZOOMS = (1.8, 1.65, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9)
_GOOD_SIZE, _GOOD_ZOOM = 32, 1.35
"""What is read from the last row without effort: beyond that, room goes to the letters or the drawing alike."""
_WIDTH, _COLUMN, _HEIGHT = 1136, 540, 500
_LETTER, _LINE, _FRAME, _PADDING = 0.56, 1.42, 50, 14
"""Width and height of a letter, as shares of its size; what is around a block of code, and
beside a cell, in pixels."""
_CODE_SIZES, _CODE_LETTER, _CODE_LINE, _CODE_WIDTH, _CODE_HEIGHT = (28, 26, 24, 22, 20, 18), 0.605, 1.38, 1086, 425
_CUT = {"{code": code_of, "{alert": alert_of}
_WHERE = 36
"""Pixels: the line that says where code was cut out."""


class Fit(NamedTuple):
    """How a slide is set.

    Args:
        letters: their size, in pixels.
        zoom: how much larger than drawn its diagrams are.
    """

    letters: int
    zoom: float


def fit(slide: Slide) -> Fit:
    """As large as there is room for; letters and diagrams share it."""
    width = _COLUMN if len(slide.body) > 1 else _WIDTH
    zooms = _ZOOMS if any("```diagram" in text for text in slide.body) else (_GOOD_ZOOM,)
    every = (Fit(size, zoom) for size in _SIZES for zoom in zooms)
    fitting = [one for one in every if max(_height(text, one, width) for text in slide.body) <= _HEIGHT]
    return max(fitting, key=_worth, default=Fit(_SIZES[-1], zooms[-1]))


def _worth(one: Fit) -> tuple[float, float]:
    shares = (one.letters / _GOOD_SIZE, one.zoom / _GOOD_ZOOM)
    return min(shares), sum(shares)


def code_size(code: str) -> int:
    """The size of the letters of a block of code, in pixels, so that its longest line fits."""
    lines = code.splitlines()
    wide, high = max(map(len, lines), default=1) * _CODE_LETTER, len(lines) * _CODE_LINE
    fitting = (size for size in _CODE_SIZES if size * wide <= _CODE_WIDTH and size * high <= _CODE_HEIGHT)
    return next(fitting, _CODE_SIZES[-1])


def _height(text: str, one: Fit, width: int) -> float:
    total = 0.0
    for fence in re.findall(r"^```(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        head, _, content = fence.partition("\n")
        total += _diagram(content, one.zoom, width) if head.startswith("diagram") else _code(content)
    for line in re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL).splitlines():
        total += _line(line.strip(), one.letters, width)
    return total


def _line(line: str, size: int, width: int) -> float:
    if not line or re.fullmatch(r"[|:\- ]+", line):
        return 0.0
    if line.startswith("{"):
        kind, _, name = line.strip("{}").partition(" ")
        if "{" + kind in _CUT:
            return _code(_CUT["{" + kind](name)) + _WHERE
        known = {"picture": 400.0, "live": 470.0, "points": 440.0, "bars": 100.0 * line.count("|")}
        return known.get(kind, _text(line, size, width))
    if line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        wide = width / len(cells) - _PADDING
        return max(_lines(cell, round(size * 0.9), wide) for cell in cells) * size * 0.9 * _LINE + 18
    return _text(line, size, width)


def _text(line: str, size: int, width: float) -> float:
    indent = 1.2 * size if re.match(r"[*-] |\d+\. |> ", line) else 0
    return _lines(line, size, width - indent) * size * _LINE + 16


def _lines(text: str, size: int, width: float) -> int:
    return max(1, ceil(len(text.replace("*", "").replace("`", "")) * _LETTER * size / width))


def _code(content: str) -> float:
    return _FRAME + code_size(content) * _CODE_LINE * len(content.splitlines())


def _diagram(content: str, zoom: float, width: int) -> float:
    wide, high = extent(content)
    return high * min(zoom, width / wide) + 24
