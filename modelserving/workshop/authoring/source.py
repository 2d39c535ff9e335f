"""Lessons as text: cells between ``# %%`` lines (jupytext's percent format), with three directives of our own.

A code cell that holds nothing but ``# exercise: ID``, ``# predict: NAME`` or ``# pipeline: PART ...`` is a directive:
``derive`` puts cells in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelserving.config import checkout
from modelserving.errors import ConfigError

__all__ = ["Cell", "LessonSource", "lesson_sources", "read_lesson"]

_MARKER = re.compile(r"^# %%(?P<markdown> \[markdown\])?(?: tags=(?P<tags>\[.*\]))?$")
_DIRECTIVE = re.compile(r"^# (?P<kind>exercise|pipeline|predict): (?P<words>\S.*)$")


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
        return self.path.with_suffix(".ipynb").name

    def code(self) -> tuple[Cell, ...]:
        """Code cells that are no directives."""
        return tuple(cell for cell in self.cells if cell.kind == "code" and not cell.directive)


def lesson_sources(folder: Path | None = None) -> tuple[LessonSource, ...]:
    """All lessons, in order.

    Args:
        folder: where the texts are; ``notebooks/src`` of the checkout by default.

    Raises:
        ConfigError: there is no checkout, or a text is malformed.
    """
    if folder is None:
        root = checkout()
        if root is None:
            raise ConfigError(
                "The lessons' texts are in the source checkout, and this package is installed without one."
            )
        folder = root / "notebooks" / "src"
    return tuple(read_lesson(path) for path in sorted(folder.glob("[0-9][0-9]_*.py")))


def read_lesson(path: Path) -> LessonSource:
    """Read one lesson's text.

    Raises:
        ConfigError: text stands before the first cell, a marker is malformed, or a Markdown line lacks its ``#``.
    """
    return LessonSource(path, tuple(_cells(path)))


def _cells(path: Path) -> Iterator[Cell]:
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("# %%")]
    if any(line.strip() for line in lines[: starts[0] if starts else None]):
        raise ConfigError(f"{path}: text before the first `# %%` line belongs to no cell.")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        marker = _MARKER.match(lines[start])
        if not marker:
            raise ConfigError(
                f"{path}, line {start + 1}: `{lines[start]}` should be `# %%` or `# %% [markdown]`, then tags."
            )
        body = lines[start + 1 : end]
        text = "\n".join(_uncommented(path, start, body) if marker["markdown"] else body).strip("\n")
        tags = tuple(json.loads(marker["tags"] or "[]"))
        yield Cell("markdown" if marker["markdown"] else "code", text, tags, start + 1)


def _uncommented(path: Path, start: int, body: list[str]) -> Iterator[str]:
    for number, line in enumerate(body, start + 2):
        if line.strip() and not line.startswith("#"):
            raise ConfigError(f"{path}, line {number}: a line of a Markdown cell begins with `# `.")
        yield line[2:] if line.startswith("# ") else line[1:]
