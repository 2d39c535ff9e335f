"""Drawings that slides and lessons share: each has one text, in ``drawings.toml``, and is the same wherever it is."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from modelserving.errors import ConfigError
from modelserving.svg import document, element
from modelserving.workshop.display.diagrams import Diagram
from modelserving.workshop.display.pictures.drawing import content, extent

_FILE = Path(__file__).with_name("drawings.toml")
_SCALE, _EDGE = 0.72, 14
_PAPER = "#fbfaf7"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing as text.

    Args:
        rows: its boxes and arrows, as ``drawing`` reads them.
        alt: the same in a sentence.
    """

    rows: str
    alt: str


def find_drawing(name: str) -> Drawing:
    """One drawing.

    Raises:
        ConfigError: there is none of that name; the message lists those that there are.
    """
    known = _read()
    if name not in known:
        raise ConfigError(f"there is no drawing {name!r}. There are: {', '.join(known)}.")
    return known[name]


def drawing_names() -> tuple[str, ...]:
    """The names of all drawings."""
    return tuple(_read())


def diagram(name: str) -> Diagram:
    """A drawing as a picture of its own, on a paper of its own: its letters read on a dark page, too.

    Args:
        name: one of ``drawings.toml``: ``transaction``, for example.

    Raises:
        ConfigError: there is none of that name.
    """
    found = find_drawing(name)
    wide, high = (_SCALE * size + 2 * _EDGE for size in extent(found.rows))
    paper = element("rect", width=wide, height=high, rx=8, fill=_PAPER)
    drawn = element("g", content(found.rows), transform=f"translate({_EDGE} {_EDGE}) scale({_SCALE})")
    style = "max-width:100%;height:auto"
    return Diagram(
        document(wide, high, found.alt, paper, drawn, style=style, font_family="system-ui, sans-serif"), found.alt
    )


@cache
def _read() -> Mapping[str, Drawing]:
    stored = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: Drawing(fields["rows"], fields["alt"]) for name, fields in stored.items()}
