"""Lessons as text in jupytext's percent format, read by jupytext, with four directives of our own.

A code cell that holds nothing but ``# exercise: ID``, ``# predict: NAME``, ``# diagram: NAME`` or
``# pipeline: PART ...`` is a directive: ``derive`` puts cells in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from modelserving.config import checkout
from modelserving.errors import ConfigError

_MARKER = re.compile(r"^# %%(?P<markdown> \[markdown\])?(?: tags=\[.*\])?$")
_DIRECTIVE = re.compile(r"^# (?P<kind>diagram|exercise|pipeline|predict): (?P<words>\S.*)$")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Args:
        kind: ``"markdown"`` or ``"code"``.
        text: Markdown, or Python.
        tags: what the machine knows it by.
        line: where it begins in its file, from 1.
    """

    kind: str
    text: str
    tags: tuple[str, ...] = ()
    line: int = 0

    @property
    def directive(self) -> tuple[str, tuple[str, ...]] | None:
        """Kind and words of the directive that the cell is, or ``None``."""
        found = _DIRECTIVE.match(self.text) if self.kind == "code" else None
        return (found["kind"], tuple(found["words"].replace(",", " ").split())) if found else None


@dataclass(frozen=True, slots=True)
class LessonSource:
    """One lesson's text.

    Args:
        path: its file, ``NN_topic.py``.
        cells: in order.
    """

    path: Path
    cells: tuple[Cell, ...]

    @property
    def number(self) -> str:
        """Two digits."""
        return self.path.name[:2]

    @property
    def notebook(self) -> str:
        """Name of the notebook that is derived from it."""
        return notebook_of(self.path)

    def code(self) -> tuple[Cell, ...]:
        """Code cells that are no directives."""
        return tuple(cell for cell in self.cells if cell.kind == "code" and not cell.directive)


def lesson_sources() -> tuple[LessonSource, ...]:
    """All lessons, in order; errors as ``lesson_files`` and ``read_lesson``."""
    return tuple(map(read_lesson, lesson_files()))


def lesson_files() -> tuple[Path, ...]:
    """The lessons' texts, in order.

    Raises:
        ConfigError: there is no checkout.
    """
    root = checkout()
    if root is None:
        raise ConfigError("The lessons' texts are in the source checkout, and this package is installed without one.")
    return tuple(sorted((root / "notebooks" / "src").glob("[0-9][0-9]_*.py")))


def notebook_of(path: Path) -> str:
    """Name of the notebook that is derived from a lesson's text, which need not be read for that."""
    return path.with_suffix(".ipynb").name


def read_lesson(path: Path) -> LessonSource:
    """Read one lesson's text.

    Raises:
        ConfigError: text stands before the first cell, a marker is malformed, or a Markdown line lacks its ``#``.
    """
    return LessonSource(path, _cells(path, path.read_text(encoding="utf-8")))


@cache
def _cells(path: Path, text: str) -> tuple[Cell, ...]:
    """As jupytext reads them, each text once, and where each one begins."""
    import jupytext

    starts = list(_starts(path, text.splitlines()))
    cells = jupytext.reads(text, fmt="py:percent").cells
    return tuple(
        Cell(cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ())), start)
        for cell, start in zip(cells, starts, strict=True)
    )


def _starts(path: Path, lines: list[str]) -> Iterator[int]:
    """Numbers of the lines that begin a cell; jupytext takes what is malformed for something else, and says nothing."""
    markdown: str | None = None
    begun = False
    for number, line in enumerate(lines, 1):
        if line.startswith("# %%"):
            marker = _MARKER.match(line)
            if not marker:
                raise ConfigError(f"{path}, line {number}: `{line}` should be `# %%` or `# %% [markdown]`, then tags.")
            markdown, begun = marker["markdown"], True
            yield number
        elif line.strip() and not begun:
            raise ConfigError(f"{path}: text before the first `# %%` line belongs to no cell.")
        elif line.strip() and markdown and not line.startswith("#"):
            raise ConfigError(f"{path}, line {number}: a line of a Markdown cell begins with `# `.")
