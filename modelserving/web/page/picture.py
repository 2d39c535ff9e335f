"""A picture of boxes and arrows, as the page draws it: what is in it, and which box stands in which column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, Field

BESIDE = -1
"""The column of a box without an arrow: it stands below the others."""


class Mark(BaseModel):
    """A line in a box that says, by shape, colour and word, whether something is well."""

    text: str
    ok: bool


class PictureBox(BaseModel):
    """Something in the picture; texts are shown as they are, whatever is in them."""

    kind: Literal["topic", "group"]
    name: str
    marks: list[Mark] = []
    lines: list[str] = []
    column: int = Field(BESIDE, description="counted from the left; -1: below the others")


class Arrow(BaseModel):
    """From one box to another, both by their indices in the list."""

    source: int
    target: int
    text: str = ""


class Picture(BaseModel):
    """All of it, and the same in words."""

    title: str
    boxes: list[PictureBox] = []
    arrows: list[Arrow] = []
    says: list[str] = Field([], description="what it shows, a sentence for each part")
    left_out: str = Field("", description="what was too much to be drawn")


def columns_of(count: int, arrows: Iterable[tuple[int, int]]) -> list[int]:
    """The column of each box: right of all that arrows come from, but for an arrow that closes a circle.

    A box that only gives stands next to the first one that takes; one without arrows stands ``BESIDE``.

    Args:
        count: how many boxes.
        arrows: from which to which, by number.
    """
    drawn = list(dict.fromkeys(arrows))
    forward: list[tuple[int, int]] = []
    for source, target in drawn:
        if source not in _reached(forward, target):
            forward.append((source, target))
    columns = [0] * count
    for _ in range(count):
        for source, target in forward:
            columns[target] = max(columns[target], columns[source] + 1)
    for box in {source for source, _ in forward} - {target for _, target in forward}:
        columns[box] = min(columns[target] for source, target in forward if source == box) - 1
    touched = {box for arrow in drawn for box in arrow}
    return [column if box in touched else BESIDE for box, column in enumerate(columns)]


def _reached(arrows: Sequence[tuple[int, int]], start: int) -> set[int]:
    """Where arrows lead to from a box, itself included."""
    found, new = {start}, {start}
    while new:
        new = {target for source, target in arrows if source in new} - found
        found |= new
    return found
