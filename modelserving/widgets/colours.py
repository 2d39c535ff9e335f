"""Colours that hold on a white page and on a black one, and that colour-blind people can tell apart.

Series come from Okabe and Ito's palette (2008), those of its colours whose contrast to JupyterLab's light and dark page
is at least 3 to 1. Each series has a shape too, so that nothing is said by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelserving.svg import Markup

INK = "var(--jp-content-font-color1, currentColor)"
"""Text on the page: JupyterLab's own, or the page's."""
HALO: Mapping[str, str | float] = {
    "stroke": "var(--jp-layout-color0, Canvas)",
    "stroke_width": 4,
    "paint_order": "stroke",
}
"""Behind a text that a line may cross: the page's colour."""
FAINT = "#7a828c"
"""Axes, grids and what is only said in passing."""
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""One after the other for what is to be told apart."""
WARNING = "#d55e00"
"""What should be looked at."""
WARNING_GROUND = "#b84f00"
"""The same behind white text."""

LIT, LIT_TEXT = "#00588f", "#ffffff"
"""A part of a picture that the text is about: its fill and its text."""
DIM = "#757575"
"""A part that it is not about: outline and text, as readable on white as on black."""

_SHAPES = (
    ("h0", "round", 5.5),
    ("m-3,2.6h6l-3-5.4z", None, 0),
    ("h0", "square", 4.6),
    ("m0-3.4l3.4,3.4l-3.4,3.4l-3.4-3.4z", None, 0),
)
"""Circle, triangle, square, diamond: a path around the pen's position, and how its line ends and how thick it is.

A line of no length with round ends is a circle, and takes two letters.
"""


def in_ink(colour: str) -> str:
    """A colour as text: mixed with the page's ink, it has a contrast of 4.5 to 1 on a light and on a dark page."""
    return f"color-mix(in srgb, {colour} 60%, {INK})"


def colour(series: int) -> str:
    """The colour of a series."""
    return SERIES[series % len(SERIES)]


def marks(points: list[tuple[float, float]], series: int) -> Markup:
    """Draw one mark for each point, all of them in one path, in the colour and shape of their series.

    Colour and shape first change together; after four series the pairs are new ones, so sixteen series differ.
    """
    shape, cap, width = _SHAPES[(series + series // len(SERIES)) % len(_SHAPES)]
    return _path(points, shape, series, cap, width)


def dots(points: list[tuple[float, float]], series: int) -> Markup:
    """Draw one small dot for each point, in the colour of their series: for a plot beside one with ``marks``."""
    return _path(points, "h0", series, "round", 3.5)


def _path(points: list[tuple[float, float]], shape: str, series: int, cap: str | None, width: float) -> Markup:
    path = "".join(f"M{x:.4g},{y:.4g}{shape}" for x, y in points)
    if not path:
        return Markup("")
    if cap is None:
        return Markup(f'<path d="{path}" fill="{colour(series)}"/>')
    return Markup(f'<path d="{path}" stroke="{colour(series)}" stroke-linecap="{cap}" stroke-width="{width}"/>')
