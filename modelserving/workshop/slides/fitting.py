"""How large the letters of a slide can be: as large as its text leaves room for. A browser test sees that all fit."""

from __future__ import annotations

import re
from math import ceil

from modelserving.workshop.display.pictures.drawing import extent
from modelserving.workshop.slides.source import Slide

__all__ = ["is_short", "letters"]

_SIZES = (36, 34, 32, 30, 28, 26, 24, 22)
"""Pixels, of the 720 that a slide is high."""
_WIDTH, _COLUMN, _HEIGHT = 1136, 540, 500
_LETTER, _LINE, _CODE_LINE, _LARGE_LINE = 0.54, 1.42, 25, 35
"""Width and height of a letter, as shares of its size; height of a line of code, small and large, in pixels."""
_FEW_LINES, _NARROW = 9, 74
"""Code that has room for large letters: lines, and letters in a line."""
_TALLEST, _PICTURE = 430.0, 380.0
"""Pixels: a diagram of the text, and the lessons' own picture."""


def letters(slide: Slide) -> int:
    """The size of a slide's letters, in pixels."""
    width = _COLUMN if len(slide.body) > 1 else _WIDTH
    fitting = (size for size in _SIZES if max(_height(text, size, width) for text in slide.body) <= _HEIGHT)
    return next(fitting, _SIZES[-1])


def is_short(code: str) -> bool:
    """Whether code has room for large letters."""
    lines = code.splitlines()
    return len(lines) <= _FEW_LINES and max(map(len, lines), default=0) <= _NARROW


def _height(text: str, size: int, width: int) -> float:
    total = 0.0
    for fence in re.findall(r"^```(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        head, _, content = fence.partition("\n")
        total += _diagram(content, width) if head.startswith("diagram") else _code(content)
    for line in re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL).splitlines():
        total += _line(line.strip(), size, width)
    return total


def _line(line: str, size: int, width: int) -> float:
    if not line or re.fullmatch(r"[|:\- ]+", line):
        return 0.0
    if line.startswith("{"):
        return {
            "{picture": _PICTURE,
            "{code": 470.0,
            "{live": 470.0,
            "{points": 440.0,
            "{bars": 58.0 * line.count("|"),
        }.get(line.split(maxsplit=1)[0].rstrip("}"), _text(line, size, width))
    if line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        wide = width / len(cells) * 1.15
        return max(_lines(cell, round(size * 0.9), wide) for cell in cells) * size * 0.9 * _LINE + 15
    return _text(line, size, width)


def _text(line: str, size: int, width: float) -> float:
    return _lines(line, size, width - 2 * size) * size * _LINE + 14


def _lines(text: str, size: int, width: float) -> int:
    return max(1, ceil(len(text.replace("*", "").replace("`", "")) * _LETTER * size / width))


def _code(content: str) -> float:
    return 56 + (_LARGE_LINE if is_short(content) else _CODE_LINE) * content.count("\n")


def _diagram(content: str, width: int) -> float:
    wide, high = extent(content)
    return min(_TALLEST, high * min(1.0, width / wide)) + 24
