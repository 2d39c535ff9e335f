"""The picture of who answered: for each moment a bar, of as many parts as models. A pure function to SVG."""

from __future__ import annotations

from collections.abc import Iterator

from modelserving.svg import Markup, Scale, document, element, join, label, shorten
from modelserving.widgets.colours import FAINT, INK, WARNING, colour
from modelserving.widgets.live import Frame
from modelserving.widgets.speculative.feed import WINDOW_S, Answered, AnswersSnapshot, ParticipantSeen

__all__ = ["answers_frame", "describe_answers", "render_answers"]

_WIDTH = 760
_LEFT, _RIGHT = 236, 748
_TOP, _BOTTOM = 22, 168
_HEIGHT = 196
_ROW = 48
_BAR = 5.0


def answers_frame(snapshot: AnswersSnapshot) -> Frame:
    """Picture, sentence and headline for a view."""
    return Frame(render_answers(snapshot), describe_answers(snapshot), _headline(snapshot))


def describe_answers(snapshot: AnswersSnapshot) -> str:
    """Say in words what the picture shows."""
    if not snapshot.participants:
        return "The server has not been asked yet." if snapshot.away else "Nobody is asked."
    each = ", ".join(
        f"{one.name} gave {snapshot.share(one.name):.0%}" + (f" ({_trouble(one)})" if _trouble(one) else "")
        for one in snapshot.participants
    )
    return f"Of the answers in the last {WINDOW_S:g} seconds: {each}. {_deadline(snapshot)}."


def render_answers(snapshot: AnswersSnapshot) -> str:
    """Draw the picture.

    Returns:
        A whole SVG document.
    """
    most = max((sum(moment.chosen.values()) for moment in snapshot.moments), default=1)
    across = Scale(snapshot.now_s - WINDOW_S, snapshot.now_s, _LEFT, _RIGHT)
    up = Scale(0, max(most, 1), _BOTTOM, _TOP)
    return document(
        _WIDTH,
        max(_HEIGHT, _TOP + _ROW * len(snapshot.participants)),
        describe_answers(snapshot),
        label(_LEFT, 12, f"answers taken, each quarter of a second; {_deadline(snapshot).lower()}", fill=INK),
        element("line", x1=_LEFT, y1=_BOTTOM, x2=_RIGHT, y2=_BOTTOM, stroke=FAINT),
        *(label(_LEFT - 6, up(tick) + 4, f"{tick:g}", text_anchor="end", fill=INK) for tick in up.ticks()),
        *(_bars(moment, snapshot, across, up) for moment in snapshot.moments),
        *(_numbers(one, index, snapshot) for index, one in enumerate(snapshot.participants)),
        *_times(across),
        style=f"width:100%;max-width:{_WIDTH}px;height:auto;display:block",
        font_family="system-ui, sans-serif",
        font_size=11,
    )


def _headline(snapshot: AnswersSnapshot) -> str:
    if snapshot.away:
        return "The server does not answer"
    out = [one.name for one in snapshot.participants if one.waits]
    return f"Left out for now: {', '.join(out)}" if out else "All are asked"


def _deadline(snapshot: AnswersSnapshot) -> str:
    return f"Deadline {snapshot.deadline_ms:g} ms" if snapshot.deadline_ms else "No deadline: all are waited for"


def _trouble(one: ParticipantSeen) -> str:
    said = ((one.late, "late"), (one.failed, "failed"), (one.left_out, "not asked"))
    return ", ".join(f"{count:,} {what}" for count, what in said if count)


def _bars(moment: Answered, snapshot: AnswersSnapshot, across: Scale, up: Scale) -> Markup:
    drawn, below = [], 0
    for index, one in enumerate(snapshot.participants):
        count = moment.chosen.get(one.name, 0)
        if count:
            top, bottom = up(below + count), up(below)
            shape = {"x": across(moment.at_s) - _BAR, "y": top, "width": _BAR, "height": max(0.5, bottom - top)}
            drawn.append(element("rect", **shape, fill=colour(index)))
        below += count
    return join(drawn)


def _numbers(one: ParticipantSeen, index: int, snapshot: AnswersSnapshot) -> Markup:
    """Who it is, what it gave, and what went wrong."""
    top = _TOP + _ROW * index
    state = "left out" if one.waits else f"half within {one.took_p50_ms:,.1f} ms"
    return join(
        (
            element("rect", x=0, y=top, width=10, height=10, fill=colour(index)),
            label(16, top + 9, shorten(one.name, 24), fill=INK, font_weight="600", font_size=12),
            label(16, top + 23, f"share {snapshot.share(one.name):.0%}, {state}", fill=INK),
            label(16, top + 37, _trouble(one), fill=WARNING if one.waits else INK),
        )
    )


def _times(across: Scale) -> Iterator[Markup]:
    for ago in (20, 10, 0):
        anchor = "middle" if ago else "end"
        yield label(
            across(across.high - ago), _BOTTOM + 16, f"{ago} s ago" if ago else "now", text_anchor=anchor, fill=INK
        )
