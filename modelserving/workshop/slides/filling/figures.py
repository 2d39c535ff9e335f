"""Figures on a slide: read by name from the results of the benchmarks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from modelserving.errors import ConfigError
from modelserving.svg import Markup, Scale, document, element, join, label
from modelserving.widgets.colours import SERIES

_WIDTH, _ROW, _LABEL = 1100, 58, 430


class BenchmarkResults:
    """What the benchmarks printed with ``--json``, by the name of the benchmark.

    Args:
        path: the file that has them: ``{"stage": {"figures": {…}, "ratios": {…}}}``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._of = cache(self._read)

    def value(self, name: str) -> float:
        """One figure, for example ``stage.ratios.stage_over_bare_loop``.

        Raises:
            ConfigError: the results do not have it.
        """
        found: object = self._of()
        for part in name.split("."):
            if not isinstance(found, dict) or part not in found:
                raise ConfigError(f"A slide shows the figure {name}, which {self._path.name} does not have.")
            found = found[part]
        if not isinstance(found, int | float):
            raise ConfigError(f"{name} in {self._path.name} is no number.")
        return float(found)

    def points(self, name: str) -> list[tuple[float, float, str]]:
        """Values one after the other: x, value, and who gave it; for example ``watching.answers``.

        Raises:
            ConfigError: the results do not have it.
        """
        found: object = self._of()
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if not isinstance(found, list):
            raise ConfigError(f"A slide shows the points {name}, which {self._path.name} does not have.")
        return [(float(x), float(value), str(who)) for x, value, who in found]

    def _read(self) -> object:
        return json.loads(self._path.read_text(encoding="utf-8"))


def bars(values: Sequence[tuple[str, float]], alt: str) -> Markup:
    """Lying bars from 0, one below the other, each with its number.

    Args:
        values: what each one is, and how long; not negative.
        alt: the picture in a sentence.
    """
    scale = Scale(0, max(value for _, value in values) or 1, 0, _WIDTH - _LABEL - 190)
    rows = join(_row(number, what, value, scale(value)) for number, (what, value) in enumerate(values))
    return document(_WIDTH, _ROW * len(values), alt, rows, class_="bars", font_family="inherit")


def _row(number: int, what: str, value: float, length: float) -> Markup:
    top = number * _ROW
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
    return join(
        (
            label(_LABEL - 16, top + 36, what, text_anchor="end", font_size=22, fill="#10202f"),
            element("rect", x=_LABEL, y=top + 8, width=max(length, 2), height=_ROW - 18, fill=SERIES[number % 4], rx=3),
            label(_LABEL + length + 12, top + 36, shown, font_size=22, font_weight=600, fill="#10202f"),
        )
    )
