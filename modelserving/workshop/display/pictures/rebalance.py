"""Who had each partition of a topic, at one moment after the other: what a rebalance moved, and what stayed."""

from __future__ import annotations

from collections.abc import Mapping

from modelserving.errors import ConfigError
from modelserving.svg import Markup, document, element, join, label, shorten
from modelserving.widgets.colours import FAINT, INK, SERIES
from modelserving.workshop.display.diagrams import Diagram

_LEFT, _COLUMN, _ROW, _TOP = 92, 178, 40, 40
_CELL, _HIGH, _EDGE = 126, 28, 2

Moment = tuple[str, Mapping[int, str]]


def rebalance(*moments: Moment) -> Diagram:
    """Draw partitions below each other, moments beside each other; each member has a colour and its name.

    Args:
        moments: what was the case, and who had which partition; one that is left out had nobody.

    Raises:
        ConfigError: there is nothing to draw.
    """
    parts = sorted({part for _, owners in moments for part in owners})
    if not parts:
        raise ConfigError("there is nothing to draw: no moment names the reader of a partition.")
    names = list(dict.fromkeys(name for _, owners in moments for _, name in sorted(owners.items())))
    width, height = _LEFT + _COLUMN * (len(moments) - 1) + _CELL + _EDGE, _TOP + _ROW * len(parts)
    heads = (label(_LEFT + _COLUMN * n, 18, shorten(title, 20), fill=INK) for n, (title, _) in enumerate(moments))
    rows = (_row(part, moments, names, _TOP + _ROW * n) for n, part in enumerate(parts))
    alt = " ".join(_sentence(n, moments) for n in range(len(moments)))
    style = f"width:100%;max-width:{width}px;height:auto;display:block;font:12px system-ui, sans-serif"
    return Diagram(document(width, height, alt, *heads, *rows, style=style), alt)


def _sentence(number: int, moments: tuple[Moment, ...]) -> str:
    title, owners = moments[number]
    said = ", ".join(f"partition {part} {name}" for part, name in sorted(owners.items()))
    moved = _moved(number, moments) if number else []
    changes = f" Moved: {', '.join(map(str, moved)) or 'none'}." if number else ""
    return f"{title}: {said}.{changes}"


def _moved(number: int, moments: tuple[Moment, ...]) -> list[int]:
    """Partitions that have another reader than at the moment before."""
    before, after = moments[number - 1][1], moments[number][1]
    return sorted(part for part in before.keys() | after.keys() if before.get(part) != after.get(part))


def _row(part: int, moments: tuple[Moment, ...], names: list[str], y: float) -> Markup:
    drawn = [label(0, y + 18, f"partition {part}", fill=INK, font_weight="600")]
    for number, (_, owners) in enumerate(moments):
        x, name = _LEFT + _COLUMN * number, owners.get(part)
        moved = number > 0 and part in _moved(number, moments)
        drawn.append(_cell(name, names, x, y, bold=moved))
        if number:
            drawn.append(_way(x, y + _HIGH / 2, moved=moved))
    return join(drawn)


def _cell(name: str | None, names: list[str], x: float, y: float, *, bold: bool) -> Markup:
    if name is None:
        frame = element(
            "rect", x=x, y=y, width=_CELL, height=_HIGH, rx=5, fill="none", stroke=FAINT, stroke_dasharray="3 3"
        )
        return join((frame, label(x + _CELL / 2, y + 18, "nobody", text_anchor="middle", fill=INK)))
    colour = SERIES[names.index(name) % len(SERIES)]
    look: dict[str, str | float] = {"fill": colour, "fill_opacity": 0.3, "stroke": colour}
    frame = element("rect", x=x, y=y, width=_CELL, height=_HIGH, rx=5, stroke_width=3 if bold else 1, **look)
    weight = "700" if bold else "400"
    words = shorten(name, 18)
    return join((frame, label(x + _CELL / 2, y + 18, words, text_anchor="middle", fill=INK, font_weight=weight)))


def _way(x: float, y: float, *, moved: bool) -> Markup:
    """From the moment before: an arrow with a word where the partition moved, a thin line where it stayed."""
    start = x - _COLUMN + _CELL + 6
    if not moved:
        return element("path", d=f"M{start},{y}H{x - 6}", stroke=FAINT, stroke_width=1, stroke_dasharray="2 3")
    arrow = element("path", d=f"M{start},{y}H{x - 6}m-5,-4l5,4l-5,4", stroke=INK, fill="none", stroke_width=2)
    return join((arrow, label((start + x - 6) / 2, y - 5, "moves", text_anchor="middle", fill=INK)))
