"""SVG from text: well-formed, escaped, small.

Markup and plain text are two types, so that the type checker sees a string that came from a message and was put into
a picture without being escaped.
"""

from __future__ import annotations

import html
import math
import re
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType

Markup = NewType("Markup", str)
"""Text that is markup already: everything in it that came from data is escaped."""

_LEAST = 0.75
"""So much smaller a still picture may become, and its letters can still be read."""
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape(text: object) -> Markup:
    """Make text of anything, with nothing in it that a browser or an XML parser takes for more than text."""
    return Markup(html.escape(_NOT_IN_XML.sub("\ufffd", str(text)), quote=True))


def shorten(text: str, length: int) -> str:
    """Cut text to ``length`` characters, the last one an ellipsis if something is missing."""
    return text if len(text) <= length else text[: length - 1] + "…"


def wrap(text: str, width: float, character: float = 5.8) -> list[str]:
    """Break text between its words into lines of at most ``width`` pixels, a letter being ``character`` wide."""
    return textwrap.wrap(text, max(1, int(width / character)), break_long_words=False, break_on_hyphens=False)


def join(parts: Iterable[Markup]) -> Markup:
    """Put markup behind markup."""
    return Markup("".join(parts))


def element(tag: str, *children: Markup, **attributes: str | float) -> Markup:
    """Write one element.

    Args:
        tag: its name.
        children: what is in it, markup already.
        attributes: by name, ``_`` for ``-`` and with one at the end where Python has a keyword (``class_``);
            numbers are rounded to a tenth of a pixel.
    """
    written = "".join(f' {name.rstrip("_").replace("_", "-")}="{_value(v)}"' for name, v in attributes.items())
    return Markup(f"<{tag}{written}>{''.join(children)}</{tag}>" if children else f"<{tag}{written}/>")


def label(x: float, y: float, text: object, **attributes: str | float) -> Markup:
    """Write text at a point; it is escaped here."""
    return element("text", escape(text), x=x, y=y, **attributes)


def document(width: float, height: float, alt: str, *children: Markup, **attributes: str | float) -> Markup:
    """Write a whole picture, one image with one sentence to a screen reader."""
    return element(
        "svg",
        element("title", escape(alt)),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="img",
        aria_label=alt,
        **attributes,
    )


def scrolled(picture: str) -> Markup:
    """Make a picture as wide as its place, up to its own width; where that is too small to read, it is scrolled."""
    drawn = re.search(r'<svg[^>]* width="([\d.]+)"', picture)
    if drawn is None:
        return Markup(picture)
    wide = float(drawn[1])
    size = f"width:100%;min-width:{_LEAST * wide:.0f}px;max-width:{wide:g}px;height:auto;"
    head = picture[: picture.index(">", drawn.start())]
    styled = head.replace('style="', f'style="{size}', 1) if 'style="' in head else f'{head} style="{size}"'
    return Markup(f'<div style="overflow-x:auto">{picture.replace(head, styled, 1)}</div>')


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels along one axis.

    Args:
        low: value at ``start``.
        high: value at ``end``; where it is not above ``low``, everything is drawn at ``start``.
        start: pixel of ``low``.
        end: pixel of ``high``.
        log: whether equal steps are equal factors; values at or below 0 are then drawn at ``start``.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; one outside the range is drawn at the range's end."""
        value = min(max(value, self.low), self.high)
        if self.high <= self.low or (self.log and value <= 0):
            return self.start
        share = (self._at(value) - self._at(self.low)) / (self._at(self.high) - self._at(self.low))
        return self.start + share * (self.end - self.start)

    def ticks(self) -> tuple[float, ...]:
        """Three to seven round values in the range; for a logarithmic scale its powers of ten."""
        if self.log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return tuple(10.0**power for power in range(first, last + 1))
        rough = (self.high - self.low) / 4
        if rough <= sys.float_info.min:
            return (self.low,)
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        first = math.ceil(self.low / step - 1e-9)
        return tuple(step * i for i in range(first, math.floor(self.high / step + 1e-9) + 1))

    def _at(self, value: float) -> float:
        return math.log(value) if self.log else value


def _value(value: str | float) -> Markup:
    return escape(value) if isinstance(value, str) else Markup(f"{round(value, 1):g}")
