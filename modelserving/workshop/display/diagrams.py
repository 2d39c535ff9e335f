"""The picture at the head of each lesson: the whole pipeline, with the lesson's part lit.

All servers do the same, so there is one picture of them; the frame says which one a lesson is about.

It is drawn from the tables below, as SVG. A notebook and a README show it as an image, which knows nothing of the page
around it: so parts that are lit bring their own background, and the others' grey reads on a white and on a black page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from modelserving.errors import ConfigError
from modelserving.svg import Markup, document, element, join, label, scrolled
from modelserving.widgets.colours import DIM, LIT, LIT_TEXT, SERIES

_WIDTH, _HEIGHT = 952, 308


@dataclass(frozen=True, slots=True)
class _Part:
    """One box: what is written in it, and where it stands (pixels)."""

    title: str
    line: str
    x: float
    y: float
    width: float
    height: float = 50
    topic: bool = False


_PARTS = {
    "client": _Part("client", "sends both", 4, 112, 104),
    "wine-records": _Part("wine-records", "topic", 152, 56, 128, topic=True),
    "wine-models": _Part("wine-models", "topic", 152, 176, 128, topic=True),
    "you": _Part("you", "send commands", 4, 248, 108),
    "model-control": _Part("model-control", "topic", 152, 248, 128, topic=True),
    "decode": _Part("decode", "bytes to record", 346, 56, 116),
    "score": _Part("score", "current model", 506, 56, 116),
    "loader": _Part("build, check", "then warm up", 346, 176, 116),
    "slot": _Part("slot", "current, previous", 506, 176, 116),
    "wine-scored": _Part("wine-scored", "topic", 678, 56, 132, topic=True),
    "wine-dead-letters": _Part("wine-dead-letters", "topic", 678, 176, 154, topic=True),
    "statistics": _Part("statistics", "count, percentiles", 836, 56, 112),
    "views": _Part("HTTP, views", "you look here", 836, 130, 112),
}

_INSIDE = ("decode", "score", "loader", "slot")
_SERVERS = {"stage": "stage", "actors": "actors", "streams": "Kafka Streams"}

PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_SERVERS, _INSIDE),
    "topics": ("wine-records", "wine-models", "model-control", "wine-scored", "wine-dead-letters"),
    "models": ("wine-models", "you", "model-control", "loader", "slot"),
    "pipeline": tuple(_PARTS),
} | {name: (name,) for name in _PARTS}
"""What can be lit, by name: every part, and names for several parts together; a server's name is on its frame too."""

_FRAME = (330, 8, 308, 292)
_ARROWS: tuple[tuple[str, str, tuple[tuple[float, float], ...]], ...] = (
    ("client", "wine-records", ((108, 128), (130, 128), (130, 81), (152, 81))),
    ("client", "wine-models", ((108, 146), (130, 146), (130, 201), (152, 201))),
    ("wine-records", "decode", ((280, 81), (346, 81))),
    ("wine-models", "loader", ((280, 201), (346, 201))),
    ("decode", "score", ((462, 81), (506, 81))),
    ("loader", "slot", ((462, 201), (506, 201))),
    ("you", "model-control", ((112, 273), (152, 273))),
    ("model-control", "slot", ((280, 273), (564, 273), (564, 226))),
    ("slot", "score", ((564, 176), (564, 106))),
    ("score", "wine-scored", ((622, 81), (678, 81))),
    ("decode", "wine-dead-letters", ((404, 106), (404, 141), (660, 141), (660, 193), (678, 193))),
    ("loader", "wine-dead-letters", ((404, 226), (404, 240), (660, 240), (660, 209), (678, 209))),
    ("wine-scored", "statistics", ((810, 81), (836, 81))),
    ("statistics", "views", ((892, 106), (892, 130))),
)

_STORY = (
    "The pipeline, from left to right. The client sends wine records to the topic wine-records and models to the topic "
    "wine-models. In the {server}, records are decoded and scored with the current model; models are built, checked "
    "and warmed up meanwhile, and put into a slot that scoring reads. You send commands about the slot, such as roll "
    "back, to the topic model-control. Answers go to the topic wine-scored, and from there to statistics, HTTP and "
    "live views. What cannot be decoded, scored or built goes to the topic wine-dead-letters."
)


@dataclass(frozen=True, slots=True)
class Diagram:
    """A picture and the sentence that says the same.

    Args:
        svg: the picture, a whole SVG document.
        alt: the sentence; it is in the picture too, for screen readers.
    """

    svg: str
    alt: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Show the picture in a notebook; or the sentence, where there are no pictures."""
        return {"text/html": scrolled(self.svg), "text/plain": self.alt}


def pipeline(*lit: str) -> Diagram:
    """Draw the pipeline.

    Args:
        lit: names of ``PARTS``, also several in one text with spaces between; nothing: all parts are lit.

    Raises:
        ConfigError: a name is not in ``PARTS``.
    """
    names = [name for text in lit for name in text.split()] or ["pipeline"]
    shining = _parts(names)
    server = next((_SERVERS[name] for name in names if name in _SERVERS), "model server")
    named = server if server != _SERVERS["streams"] else f"{server} server"
    alt = f"{_STORY.format(server=named)} {_lit_sentence(shining)}"
    frame = _frame(server, lit=shining.issuperset(_INSIDE))
    drawn = (frame, *(_arrow(*arrow, shining) for arrow in _ARROWS), *(_box(n, n in shining) for n in _PARTS))
    style = f"width:100%;max-width:{_WIDTH}px;height:auto"
    return Diagram(document(_WIDTH, _HEIGHT, alt, *drawn, style=style, font_family="system-ui, sans-serif"), alt)


def _parts(names: Iterable[str]) -> frozenset[str]:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise ConfigError(f"the pipeline has no part {', '.join(unknown)}. It has: {', '.join(PARTS)}.")
    return frozenset(part for name in names for part in PARTS[name])


def _lit_sentence(shining: frozenset[str]) -> str:
    if len(shining) == len(_PARTS):
        return "All parts are lit."
    return f"Lit, because this lesson is about it: {', '.join(n for n in _PARTS if n in shining)}."


def _frame(server: str, lit: bool) -> Markup:
    """Draw the border around the server, with its name on it."""
    x, y, width, height = _FRAME
    line = {
        "stroke": SERIES[0] if lit else DIM,
        "stroke_width": "2.5" if lit else "1",
        "stroke_dasharray": "none" if lit else "5 4",
    }
    tab = 20 + 8 * len(server)
    return join(
        (
            element("rect", x=x, y=y, width=width, height=height, rx=10, fill="none", **line),
            element("rect", x=x + 12, y=y + 10, width=tab, height=24, rx=5, **_paint(lit)),
            _words(x + 12 + tab / 2, y + 27, server, lit),
        )
    )


def _box(name: str, lit: bool) -> Markup:
    p = _PARTS[name]
    middle = p.x + p.width / 2
    return join(
        (
            element("rect", x=p.x, y=p.y, width=p.width, height=p.height, rx=25 if p.topic else 6, **_paint(lit)),
            _words(middle, p.y + 22, p.title, lit),
            label(middle, p.y + 38, p.line, text_anchor="middle", font_size=12, fill=LIT_TEXT if lit else DIM),
        )
    )


def _paint(lit: bool) -> dict[str, str]:
    return {"fill": LIT if lit else "none", "stroke": LIT if lit else DIM}


def _words(x: float, y: float, text: str, lit: bool) -> Markup:
    weight, fill = ("700", LIT_TEXT) if lit else ("400", DIM)
    return label(x, y, text, text_anchor="middle", font_size=13.5, font_weight=weight, fill=fill)


def _arrow(source: str, target: str, points: tuple[tuple[float, float], ...], shining: frozenset[str]) -> Markup:
    lit = source in shining and target in shining
    colour, width = (SERIES[0], 2.5) if lit else (DIM, 1.2)
    (x0, y0), (x, y) = points[-2:]
    right, down = _sign(x - x0), _sign(y - y0)
    head = ((x, y), *((x - 8 * right - 4 * side * down, y - 8 * down - 4 * side * right) for side in (1, -1)))
    way = (*points[:-1], (x - 4 * right, y - 4 * down))
    return join(
        (
            element("polyline", points=_coordinates(way), fill="none", stroke=colour, stroke_width=width),
            element("polygon", points=_coordinates(head), fill=colour),
        )
    )


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _coordinates(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(pipeline().svg + "\n", encoding="utf-8")
