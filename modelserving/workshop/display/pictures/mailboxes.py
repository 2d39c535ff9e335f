"""Actors with their mailboxes, at one moment: what waits in each, what is being read, and how the actor is."""

from __future__ import annotations

from collections.abc import Iterable

from modelserving.actors.runtime.api import ActorStatus, Life
from modelserving.errors import ConfigError
from modelserving.svg import Markup, document, element, join, label, shorten
from modelserving.widgets.colours import FAINT, INK, SERIES, WARNING
from modelserving.workshop.display.diagrams import Diagram

__all__ = ["mailboxes"]

_WIDTH, _ROW, _TOP = 760, 46, 24
_BOX, _ACTOR, _STATE = 340, 420, 590
_LETTER, _SHOWN = 22, 7


def mailboxes(report: Iterable[ActorStatus], room: int | None = None) -> Diagram:
    """Draw actors below each other; messages wait from right to left, and the actor reads the rightmost.

    Args:
        report: how the actors are, as ``runtime.report()`` says.
        room: how many messages each mailbox takes; ``None``: that is not shown.

    Raises:
        ConfigError: there are no actors.
    """
    actors = tuple(report)
    if not actors:
        raise ConfigError("there is nothing to draw: no actor was started.")
    alt = " ".join(_sentence(actor, room) for actor in actors)
    style = f"width:100%;max-width:{_WIDTH}px;height:auto;display:block;font:12px system-ui, sans-serif"
    rows = (_row(actor, room, _TOP + _ROW * number) for number, actor in enumerate(actors))
    return Diagram(document(_WIDTH, _TOP + _ROW * len(actors), alt, _heads(), *rows, style=style), alt)


def _sentence(actor: ActorStatus, room: int | None) -> str:
    of = f" of {room}" if room else ""
    reads = f", reads: {actor.doing}" if actor.doing else ""
    return f"{actor.name}: {actor.waiting}{of} waiting{reads}, {_state(actor)}."


def _state(actor: ActorStatus) -> str:
    restarts = f", restarts: {actor.restarts}" if actor.restarts else ""
    return f"{actor.life}{restarts}"


def _heads() -> Markup:
    heads = ((0, "actor"), (_BOX, "mailbox"), (_ACTOR, "is reading"), (_STATE, "is"))
    return join(label(x, 12, text, fill=INK, font_size=10) for x, text in heads)


def _row(actor: ActorStatus, room: int | None, y: float) -> Markup:
    middle = y + _ROW / 2 - 5
    arrow = f"M{_ACTOR - 24},{middle}h16m-5,-4l5,4l-5,4"
    ended = actor.life is not Life.RUNNING
    look = {"fill": WARNING, "font_weight": "600"} if ended else {"fill": INK}
    return join(
        (
            label(0, middle + 4, shorten(actor.name, 20), fill=INK, font_weight="600"),
            *_letters(actor, room, middle),
            element("path", d=arrow, stroke=FAINT, fill="none", stroke_width=1.5),
            *_reading(actor, middle),
            label(_STATE, middle + 4, _state(actor), **look),
        )
    )


def _letters(actor: ActorStatus, room: int | None, middle: float) -> Iterable[Markup]:
    """Envelopes, and a dashed one for each that would still find room."""
    shown = min(_SHOWN, max(actor.waiting, room or 0))
    right = _ACTOR - 34
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
    if actor.waiting > _SHOWN:
        x = right - shown * (_LETTER + 1) - 6
        yield label(x, middle + 4, f"+{actor.waiting - _SHOWN}", text_anchor="end", fill=INK)
    if not shown:
        yield label(right, middle + 4, "empty", text_anchor="end", fill=INK, font_style="italic")


def _reading(actor: ActorStatus, middle: float) -> Iterable[Markup]:
    at_work = bool(actor.doing)
    look: dict[str, str | float] = {"fill": SERIES[2], "fill_opacity": 0.3} if at_work else {"fill": "none"}
    colour = SERIES[2] if at_work else FAINT
    yield element("rect", x=_ACTOR, y=middle - 14, width=150, height=28, rx=6, stroke=colour, stroke_width=1.5, **look)
    words = shorten(actor.doing, 22) if at_work else "nothing"
    yield label(_ACTOR + 75, middle + 4, words, text_anchor="middle", fill=INK)
