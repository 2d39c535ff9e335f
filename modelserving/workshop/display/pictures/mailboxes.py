"""Actors with their mailboxes, at one moment: what waits in each, what is being read, and how the actor is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelserving.actors.runtime.api import ActorStatus, Life
from modelserving.errors import ConfigError
from modelserving.svg import Markup, document, element, join, label, shorten
from modelserving.widgets.colours import FAINT, INK, SERIES, WARNING, in_ink
from modelserving.widgets.width import WIDEST
from modelserving.workshop.display.diagrams import Diagram

_TOP = 24
_STILL = 600
"""Pixels: so wide, it fits beside a live view."""
_LETTER, _CHARACTER = 22, 7.4


@dataclass(frozen=True, slots=True)
class _RowLayout:
    """Where the parts of a row stand.

    Args:
        row: its height.
        down: of the mailbox below the actor's name.
        reads: where what the actor reads begins, and how wide that is.
        shown: letters of a mailbox that have room.
        state: where how the actor is stands, and on which side of that.
        heads: above the columns.
    """

    row: int
    down: int
    reads: tuple[int, int]
    shown: int
    state: tuple[int, str]
    heads: tuple[tuple[int, str, str], ...]


_COLUMNS = ((0, "start", "actor"), (340, "start", "mailbox"), (420, "start", "is reading"), (590, "start", "is"))
_WIDE = _RowLayout(46, 0, (420, 150), 7, (590, "start"), _COLUMNS)


def _layout(width: int) -> _RowLayout:
    """In a picture that is not wide, a mailbox stands below its actor's name."""
    if width >= WIDEST:
        return _WIDE
    heads = ((0, "start", "actor, and its mailbox"), (width, "end", "how it is, and what it reads"))
    return _RowLayout(66, 24, (190, min(150, width - 192)), 5, (width, "end"), heads)


def mailboxes(report: Iterable[ActorStatus], room: int | None = None, width: int = _STILL) -> Diagram:
    """Draw actors below each other; messages wait from right to left, and the actor reads the rightmost.

    Args:
        report: how the actors are, as ``runtime.report()`` says.
        room: how many messages each mailbox takes; ``None``: that is not shown.
        width: of the picture, pixels.

    Raises:
        ConfigError: there are no actors.
    """
    actors = tuple(report)
    if not actors:
        raise ConfigError("there is nothing to draw: no actor was started.")
    alt = " ".join(_sentence(actor, room) for actor in actors)
    layout = _layout(width)
    style = f"width:100%;max-width:{width}px;height:auto;display:block;font:12px system-ui, sans-serif"
    rows = (_row(actor, room, layout, _TOP + layout.row * number) for number, actor in enumerate(actors))
    heads = (label(x, 12, text, text_anchor=side, fill=INK) for x, side, text in layout.heads)
    return Diagram(document(width, _TOP + layout.row * len(actors), alt, *heads, *rows, style=style), alt)


def _sentence(actor: ActorStatus, room: int | None) -> str:
    of = f" of {room}" if room else ""
    reads = f", reads: {actor.doing}" if actor.doing else ""
    return f"{actor.name}: {actor.waiting}{of} waiting{reads}, {_state(actor)}."


def _state(actor: ActorStatus) -> str:
    restarts = f", restarts: {actor.restarts}" if actor.restarts else ""
    return f"{actor.life}{restarts}"


def _row(actor: ActorStatus, room: int | None, layout: _RowLayout, y: float) -> Markup:
    line, (state, side) = y + 18, layout.state
    middle = line + layout.down
    arrow = f"M{layout.reads[0] - 24},{middle}h16m-5,-4l5,4l-5,4"
    ended = actor.life is not Life.RUNNING
    look = {"fill": in_ink(WARNING), "font_weight": "600"} if ended else {"fill": INK}
    return join(
        (
            label(0, line + 4, shorten(actor.name, 20), fill=INK, font_weight="600"),
            *_letters(actor, room, layout, middle),
            element("path", d=arrow, stroke=FAINT, fill="none", stroke_width=1.5),
            *_reading(actor, layout, middle),
            label(state, line + 4, _state(actor), text_anchor=side, **look),
        )
    )


def _letters(actor: ActorStatus, room: int | None, layout: _RowLayout, middle: float) -> Iterable[Markup]:
    """Envelopes, and a dashed one for each that would still find room."""
    shown = min(layout.shown, max(actor.waiting, room or 0))
    right = layout.reads[0] - 34
    for number in range(shown):
        x, full = right - (number + 1) * (_LETTER + 1), number < actor.waiting
        look: dict[str, str | float] = (
            {"fill": SERIES[0], "fill_opacity": 0.3, "stroke": SERIES[0]}
            if full
            else {"fill": "none", "stroke": FAINT, "stroke_dasharray": "3 2"}
        )
        yield element("rect", x=x, y=middle - 8, width=_LETTER - 2, height=16, rx=2, **look)
        if full:
            yield element("path", d=f"M{x},{middle - 7}l10,7l10,-7", stroke=SERIES[0], fill="none")
    if actor.waiting > layout.shown:
        x = right - shown * (_LETTER + 1) - 6
        yield label(x, middle + 4, f"+{actor.waiting - layout.shown}", text_anchor="end", fill=INK)
    if not shown:
        yield label(right, middle + 4, "empty", text_anchor="end", fill=INK, font_style="italic")


def _reading(actor: ActorStatus, layout: _RowLayout, middle: float) -> Iterable[Markup]:
    at_work = bool(actor.doing)
    look: dict[str, str | float] = {"fill": SERIES[2], "fill_opacity": 0.3} if at_work else {"fill": "none"}
    colour = SERIES[2] if at_work else FAINT
    x, wide = layout.reads
    yield element("rect", x=x, y=middle - 14, width=wide, height=28, rx=6, stroke=colour, stroke_width=1.5, **look)
    words = shorten(actor.doing, int(wide / _CHARACTER)) if at_work else "nothing"
    yield label(x + wide / 2, middle + 4, words, text_anchor="middle", fill=INK)
