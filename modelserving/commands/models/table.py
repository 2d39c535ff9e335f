"""Models as a table that fits the terminal: columns are left out where there is no room, and nothing is ever cut."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from modelserving.terminal import printable

if TYPE_CHECKING:
    from modelserving.models.admin.listing import ListedModel
    from modelserving.records import ModelDescriptor

SHORT = 12
"""So many digits of a digest are shown."""

_METRICS = 2
_COLUMNS: dict[str, Callable[[ListedModel], str]] = {
    "data type": lambda one: one.model.data_type,
    "place": lambda one: f"{one.status} {one.note}" if one.status == "shadow" else str(one.status),
    "model": lambda one: one.model.name,
    "version": lambda one: one.model.version,
    "format": lambda one: one.model.type.slug,
    "digest": lambda one: one.digest[:SHORT],
    "when": lambda one: when(one.model.created_ms or one.published_ms),
    "quality": lambda one: quality(one.model),
}
_NEEDED = ("model", "place", "digest", "data type")
_WELCOME = ("version", "quality", "when", "format")
"""What is shown besides, as far as there is room; what matters most stands first."""
_GAP = 2
_FARTHEST_MS = 253_370_764_800_000
"""The year 9999: 64 bits hold more than a date, and whoever publishes a model says when it was made."""


def show_models(models: Iterable[ListedModel], write: Callable[[str], None]) -> None:
    """Write a line for each model.

    A terminal gets what fits its width, and is told what does not; a file or a program gets everything.

    Args:
        models: in the order in which they are shown.
        write: takes a line.
    """
    listed = tuple(models)
    columns = {title: [title, *(printable(told(one)) for one in listed)] for title, told in _COLUMNS.items()}
    widths = {title: max(map(len, cells)) for title, cells in columns.items()}
    shown = _choose(widths, shutil.get_terminal_size((0, 0)).columns)
    for cells in zip(*(columns[title] for title in shown), strict=True):
        padded = (cell.ljust(widths[title]) for title, cell in zip(shown, cells, strict=True))
        write((" " * _GAP).join(padded).rstrip())
    if left_out := [title for title in columns if title not in shown]:
        write(f"Not shown in {shutil.get_terminal_size().columns} columns: {', '.join(left_out)}.")


def quality(model: ModelDescriptor, most: int = _METRICS) -> str:
    """The first metrics by name; what they are to be compared with comes last."""
    names = sorted(model.metrics, key=lambda name: (name.startswith("baseline"), name))
    return ", ".join(f"{name} {model.metrics[name]:g}" for name in names[:most])


def when(ms: int) -> str:
    """A moment, in this machine's time; the number itself where no calendar goes so far.

    Args:
        ms: milliseconds since 1970, as somebody says.
    """
    if abs(ms) > _FARTHEST_MS:
        return f"{ms} ms"
    return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _choose(widths: dict[str, int], room: int) -> tuple[str, ...]:
    """The columns that are shown, in their order; all of them where nothing is known about the room (0)."""
    chosen = list(_NEEDED)
    for title in _WELCOME:
        if not room or sum(widths[one] + _GAP for one in (*chosen, title)) - _GAP <= room:
            chosen.append(title)
    return tuple(title for title in widths if title in chosen)
