"""A stream, and the table that it makes: each record, and below it what the table has after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelserving.errors import ConfigError
from modelserving.svg import Markup, document, element, join, label, shorten
from modelserving.widgets.colours import FAINT, INK, SERIES
from modelserving.workshop.display.diagrams import Diagram

_WIDTH, _LEFT, _WIDEST = 760, 74, 118
_BOX, _ROW, _TOP, _BELOW = 40, 24, 22, 22
_LETTER = 7


@dataclass(frozen=True, slots=True)
class TableStep:
    """A record, and the table after it.

    Args:
        key: of the record.
        value: of the record; ``None``: a tombstone.
        table: all of it.
    """

    key: str
    value: str | None
    table: Mapping[str, str]


def stream_and_table(steps: Sequence[tuple[str, str | None, Mapping[str, str]]]) -> Diagram:
    """Draw a stream from left to right, and below each record the table as it was then.

    Args:
        steps: key, value and table after it, in the order in which they came.

    Raises:
        ConfigError: there are none.
    """
    if not steps:
        raise ConfigError("there is nothing to draw: no record was sent.")
    made = [TableStep(*step) for step in steps]
    keys = list(dict.fromkeys([key for step in made for key in (step.key, *step.table)]))
    wide = min(_WIDEST, (_WIDTH - _LEFT) / len(made))
    rows = max(len(step.table) for step in made)
    height = _TOP + _BOX + _BELOW + _ROW * max(1, rows) + 6
    alt = _sentence(made)
    style = f"width:100%;max-width:{_WIDTH}px;height:auto;display:block;font:12px system-ui, sans-serif"
    columns = (_column(step, number, keys, _LEFT + wide * number, wide) for number, step in enumerate(made))
    return Diagram(document(_WIDTH, height, alt, _names(), *columns, style=style), alt)


def _sentence(steps: Sequence[TableStep]) -> str:
    said = [
        f"{number}: {step.key} is {'deleted' if step.value is None else step.value}, "
        f"table: {', '.join(f'{key} {value}' for key, value in step.table.items()) or 'empty'}"
        for number, step in enumerate(steps)
    ]
    return f"Records in their order, and the table after each. {'; '.join(said)}."


def _names() -> Markup:
    bold = {"fill": INK, "font_weight": "600"}
    return join(
        (
            label(0, _TOP + _BOX / 2 + 4, "stream", **bold),
            label(0, _TOP + _BOX + _BELOW + 16, "table", **bold),
            label(0, _TOP + _BOX + _BELOW + 30, "after it", fill=INK),
        )
    )


def _column(step: TableStep, number: int, keys: Sequence[str], x: float, wide: float) -> Markup:
    """A record, an arrow down, and the rows of the table."""
    middle, bottom = x + (wide - 6) / 2, _TOP + _BOX
    arrow = f"M{middle:.1f},{bottom + 3}V{bottom + _BELOW - 5}m-4,-5l4,5l4,-5"
    rows = (
        _cell(key, value, keys, x, bottom + _BELOW + _ROW * row, wide, new=key == step.key)
        for row, (key, value) in enumerate(step.table.items())
    )
    empty = label(middle, bottom + _BELOW + 16, "empty", text_anchor="middle", fill=INK, font_style="italic")
    return join(
        (
            label(middle, _TOP - 7, number, text_anchor="middle", fill=INK),
            _record(step, keys, x, wide),
            element("path", d=arrow, stroke=FAINT, fill="none", stroke_width=1.3),
            *(rows if step.table else (empty,)),
        )
    )


def _record(step: TableStep, keys: Sequence[str], x: float, wide: float) -> Markup:
    """A record of a stream stays what it is; a tombstone is dashed, and has a cross."""
    colour, middle, gone = _colour(step.key, keys), x + (wide - 6) / 2, step.value is None
    look: dict[str, str | float] = {"fill": "none", "stroke_dasharray": "4 3"} if gone else {"fill": colour}
    box = element(
        "rect", x=x, y=_TOP, width=wide - 6, height=_BOX, rx=5, stroke=colour, stroke_width=1.5, fill_opacity=0.3,
        **look,
    )  # fmt: skip
    value = "✕" if step.value is None else _fit(step.value, wide)
    words = {"text_anchor": "middle", "fill": INK}
    return join(
        (
            box,
            label(middle, _TOP + 16, _fit(step.key, wide), font_weight="600", **words),
            label(middle, _TOP + 31, value, **words),
        )
    )


def _cell(key: str, value: str, keys: Sequence[str], x: float, y: float, wide: float, *, new: bool) -> Markup:
    """A row of the table; the one that has just changed is filled."""
    colour = _colour(key, keys)
    box = element(
        "rect", x=x, y=y, width=wide - 6, height=_ROW - 3, fill=colour if new else "none", fill_opacity=0.3,
        stroke=colour if new else FAINT,
    )  # fmt: skip
    return join((box, label(x + 5, y + 15, _fit(f"{key} {value}", wide), fill=INK)))


def _fit(text: str, wide: float) -> str:
    return shorten(text, max(1, int((wide - 14) / _LETTER)))


def _colour(key: str, keys: Sequence[str]) -> str:
    return SERIES[keys.index(key) % len(SERIES)]
