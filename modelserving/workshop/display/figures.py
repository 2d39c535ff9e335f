"""Still figures, drawn by matplotlib, where a table would hide a distribution or a curve.

Each has a sentence beside it that says what it shows, for those who do not see it, and for a notebook that runs where
no pictures are. Colours are those of the live views. In a page, ink is the page's own; in a file it is a grey that is
seen on a white page and on a black one.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from modelserving.errors import RecordError
from modelserving.system.interrupts import interrupts_held_back
from modelserving.widgets.colours import FAINT, INK, SERIES

_WIDTH_IN, _HEIGHT_IN = 6.4, 3.0
_FLUID = "width:614px;max-width:100%;min-width:430px;height:auto"  # less is too small to read: it is scrolled
# Matplotlib's rule for all that is drawn would hold for all pictures of the page: it becomes the style of this one.
_JOINS, _FOR_ALL = "stroke-linejoin:round", re.compile(r"<style\b.*?</style>", re.DOTALL)
_MANY, _TENS = 300, 100
_MARKERS = ("o", "^", "s", "D")
_LINES = ("-", "--", "-.", ":")
_FONT = {"font.size": 10, "svg.fonttype": "path", "axes.spines.top": False, "axes.spines.right": False}
_INKED = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "legend.labelcolor")
_INK = dict.fromkeys(_INKED, FAINT)

Draw = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture and a sentence.

    Args:
        says: what it shows, in a sentence or two.
        svg: the picture.
    """

    says: str
    svg: str

    @property
    def on_paper(self) -> str:
        """The picture as an element of a page, with its sentence for those who do not see it."""
        return self._within_page()

    def _within_page(self, style: str = "") -> str:
        told = f'<svg class="figure" role="img" aria-label="{html.escape(self.says)}" style="{_JOINS};{style}" '
        drawn = self.svg[self.svg.index("<svg") + len("<svg") :]
        return told + _FOR_ALL.sub("", drawn).replace(FAINT, INK)

    def _repr_html_(self) -> str:
        return (
            f'<figure style="margin:.3em 0;max-width:60em;overflow-x:auto">{self._within_page(_FLUID)}'
            f"<figcaption>{html.escape(self.says)}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return self.says


def bars(values: Mapping[str, float], says: str, *, x: str, y: str) -> Figure:
    """How much of each.

    Args:
        values: by name, in the order in which they are to stand.
        says: the sentence beside it.
        x: what the names are.
        y: what the numbers are, with their unit.

    Raises:
        RecordError: there are none.
    """
    _require(values, "bars")

    def draw(axes: Any) -> None:
        drawn = axes.bar(list(values), list(values.values()), color=SERIES[0], width=0.6)
        axes.bar_label(drawn, fmt=_as_said, padding=2)
        axes.margins(y=0.15)

    return _figure(draw, says, x, y)


def curves(
    lines: Mapping[str, Sequence[tuple[float, float]]], says: str, *, x: str, y: str, log: bool = False
) -> Figure:
    """One or more curves through measured points; each has a colour, a mark and a line of its own.

    Args:
        lines: for each name, its points.
        says: the sentence beside it.
        x: what runs to the right, with its unit.
        y: what runs up, with its unit.
        log: whether a step up is a factor, only with values above 0; and one to the right, where that is tens.

    Raises:
        RecordError: there are none.
    """
    _require(lines, "curves")
    across = [at for points in lines.values() for at, _ in points]

    def draw(axes: Any) -> None:
        for number, (name, points) in enumerate(lines.items()):
            axes.plot(*zip(*points, strict=True), label=name, markevery=max(1, len(points) // 12), **_look(number))
        if log:
            axes.set_yscale("log")
            _count_in_tens(axes.yaxis)
        else:
            axes.set_ylim(bottom=0)
        if log and 0 < _TENS * min(across) <= max(across):
            axes.set_xscale("log")
            _count_in_tens(axes.xaxis)
        if len(lines) > 1:
            axes.legend(frameon=False)

    return _figure(draw, says, x, y)


def distributions(values: Mapping[str, Sequence[float]], says: str, *, x: str, log: bool = False) -> Figure:
    """How values are spread: for each name, the share of them that is at most so large.

    Nothing is lost in bins, and a long tail is seen.

    Args:
        values: by name.
        says: the sentence beside it.
        x: what the values are, with their unit.
        log: whether a step to the right is a factor; only with values above 0.

    Raises:
        RecordError: there are none.
    """
    _require(values, "distributions")

    def draw(axes: Any) -> None:
        for number, (name, found) in enumerate(values.items()):
            look = {**_look(number), "marker": None}
            axes.ecdf(list(found), label=name, **look)
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter("{x:.0%}")
        if log:
            axes.set_xscale("log")
            _count_in_tens(axes.xaxis)
        if len(values) > 1:
            axes.legend(frameon=False, loc="lower right")

    return _figure(draw, says, x, "share of them, at most so large")


def scatter(points: Sequence[tuple[float, float]], says: str, *, x: str, y: str) -> Figure:
    """One against the other, with the line on which both are the same.

    Args:
        points: pairs of values.
        says: the sentence beside it.
        x: the first of each pair, with its unit.
        y: the second.

    Raises:
        RecordError: there are none.
    """
    _require(points, "scatter")

    def draw(axes: Any) -> None:
        low, high = min(map(min, points)), max(map(max, points))
        axes.plot((low, high), (low, high), color=FAINT, linewidth=1, linestyle="--")
        axes.scatter(*zip(*points, strict=True), color=SERIES[0], s=14, alpha=0.6, linewidths=0)
        axes.set_aspect("equal", adjustable="datalim")

    return _figure(draw, says, x, y)


def timeline(points: Sequence[tuple[float, float, str]], says: str, *, x: str, y: str) -> Figure:
    """Values one after the other, on bands that say who gave them.

    Args:
        points: x, value, and who gave it, in order of x.
        says: the sentence beside it.
        x: what runs to the right, with its unit.
        y: what runs up, with its unit.

    Raises:
        RecordError: there are none.
    """
    _require(points, "a timeline")
    stretches = [list(found) for _, found in groupby(points, key=lambda point: point[2])]
    names = list(dict.fromkeys(point[2] for point in points))

    def draw(axes: Any) -> None:
        edges = [*(found[0][0] for found in stretches), points[-1][0]]
        for found, (left, right) in zip(stretches, pairwise(edges), strict=True):
            look = _look(names.index(found[0][2]))
            axes.axvspan(left, right, color=look["color"], alpha=0.13, linewidth=0)
            axes.axvline(left, color=look["color"], linewidth=1)
            axes.scatter(
                *zip(*((at, value) for at, value, _ in found), strict=True),
                s=7 if len(points) > _MANY else 20,
                alpha=0.7,
                linewidths=0,
                color=look["color"],
                marker=look["marker"],
            )
            axes.annotate(
                found[0][2],
                (left, 1.0),
                (4, 3),
                xycoords=axes.get_xaxis_transform(),
                textcoords="offset points",
                color=FAINT,
            )
        axes.margins(x=0)

    return _figure(draw, says, x, y)


def _as_said(value: float) -> str:
    """Four digits that count, and no powers: 483,500, 5,030, 70.47."""
    return f"{float(f'{value:.4g}'):,.10g}"


def _count_in_tens(axis: Any) -> None:
    """Numbers as one says them, 1,000, on an axis where a step is a factor; powers are for those who know them."""
    from matplotlib.ticker import LogFormatter

    class NumberFormatter(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:,.10g}" if super().__call__(x, pos) else ""

    axis.set_major_formatter("{x:,.10g}")
    axis.set_minor_formatter(NumberFormatter())


def _look(number: int) -> dict[str, Any]:
    return {
        "color": SERIES[number % len(SERIES)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "linestyle": _LINES[number % len(_LINES)],
    }


def _require(values: Mapping[str, Any] | Sequence[Any], kind: str) -> None:
    if not values or (isinstance(values, Mapping) and not all(_filled(found) for found in values.values())):
        raise RecordError(f"there is nothing to draw {kind} of: give at least one value under each name.")


def _filled(found: Any) -> bool:
    return not isinstance(found, Sequence) or len(found) > 0


def _figure(draw: Draw, says: str, x: str, y: str) -> Figure:
    """Draw without a screen, and without what other code may have set for matplotlib."""
    with interrupts_held_back():  # imported by half, it stays broken
        import matplotlib as mpl
        from matplotlib.figure import Figure as Drawing
        from matplotlib.ticker import ScalarFormatter

    with mpl.rc_context({**_FONT, **_INK}):
        drawing = Drawing(figsize=(_WIDTH_IN, _HEIGHT_IN), layout="constrained")
        axes = drawing.add_subplot()
        axes.grid(color=FAINT, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set(xlabel=x, ylabel=y)
        draw(axes)
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), ScalarFormatter):
                axis.set_major_formatter("{x:,.10g}")
        written = io.StringIO()
        drawing.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return Figure(says, written.getvalue())
