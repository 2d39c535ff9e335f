"""Pictures beside each other, so that what is alike in them is seen."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

_WIDTH = re.compile(r'(<svg[^>]*?) width="[\d.]+"( height="[\d.]+")?')


@dataclass(frozen=True, slots=True)
class Beside:
    """Pictures with their titles, as wide as the page lets them be; below each other on a narrow one.

    Args:
        pictures: title, whole SVG document, and the same in words.
    """

    pictures: tuple[tuple[str, str, str], ...]

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Show the pictures in a notebook; or their sentences, where there are no pictures."""
        columns = "".join(_column(title, svg) for title, svg, _ in self.pictures)
        row = f'<div style="display:flex;gap:1.5em;flex-wrap:wrap;align-items:flex-start">{columns}</div>'
        return {"text/html": row, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return "\n".join(f"{title}: {alt}" for title, _, alt in self.pictures)


def beside(**pictures: Any) -> Beside:
    """Put pictures beside each other.

    Args:
        pictures: diagrams or topologies (``describe``) by title; ``_`` in a title is a space.
    """
    made = ((name.replace("_", " "), picture) for name, picture in pictures.items())
    return Beside(tuple((title, _svg(picture), picture.alt) for title, picture in made))


def _svg(picture: Any) -> str:
    return str(picture.svg() if callable(picture.svg) else picture.svg)


def _column(title: str, svg: str) -> str:
    """A picture that becomes smaller with its column, and never larger than it was drawn."""
    drawn = re.search(r'width="([\d.]+)"', svg)
    widest = f"max-width:{drawn[1]}px;" if drawn else ""
    fluid = _WIDTH.sub(rf'\1 style="width:100%;{widest}height:auto;display:block"', svg, count=1)
    return (
        f'<figure style="flex:1 1 22em;min-width:0;margin:.3em 0"><figcaption style="font-weight:600;'
        f'margin-bottom:.3em">{html.escape(title)}</figcaption>{fluid}</figure>'
    )
