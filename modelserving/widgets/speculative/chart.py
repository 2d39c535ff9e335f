"""The picture of who answered: for each moment a bar, of as many parts as models. A pure function to SVG."""

from __future__ import annotations

from collections.abc import Iterator

from modelserving.svg import Markup, Scale, document, element, join, label, shorten
from modelserving.widgets.colours import FAINT, INK, WARNING, colour, in_ink
from modelserving.widgets.live import Frame
from modelserving.widgets.speculative.feed import WINDOW_S, Answered, AnswersSnapshot, ParticipantSeen
from modelserving.widgets.width import WIDEST, is_narrow

_LEFT, _MARGIN = 236, 12
_TOP, _PLOT, _FOOT = 22, 146, 28
_ROW = 48
_BAR, _FILLED, _A_SECOND = 5.0, 0.94, 4
_LETTER = 5.6


def answers_frame(snapshot: AnswersSnapshot, width: int = WIDEST) -> Frame:
    """Picture, sentence and headline for a view."""
    return Frame(render_answers(snapshot, width), describe_answers(snapshot), _headline(snapshot))


def describe_answers(snapshot: AnswersSnapshot) -> str:
    """Say in words what the picture shows."""
    if not snapshot.participants:
        return "The server has not been asked yet." if snapshot.away else "Nobody is asked."
    each = ", ".join(
        f"{one.name} gave {snapshot.share(one.name):.0%}" + (f" ({_trouble(one)})" if _trouble(one) else "")
        for one in snapshot.participants
    )
    return f"Of the answers in the last {WINDOW_S:g} seconds: {each}. {_deadline(snapshot)}."


def render_answers(snapshot: AnswersSnapshot, width: int = WIDEST) -> str:
    """Draw the picture, so many pixels wide; in a narrow one who was asked stands above the chart.

    Returns:
        A whole SVG document.
    """
    most = max((sum(moment.chosen.values()) for moment in snapshot.moments), default=1)
    narrow, names = is_narrow(width), _ROW * len(snapshot.participants)
    left, above, first = (28, names, 2) if narrow else (_LEFT, 0, _TOP)
    top, bottom = above + _TOP, above + _TOP + _PLOT
    across = Scale(snapshot.now_s - WINDOW_S, snapshot.now_s, left, width - _MARGIN)
    up = Scale(0, max(most, 1), bottom, top)
    return document(
        width,
        bottom + _FOOT if narrow else max(bottom + _FOOT, _TOP + names),
        describe_answers(snapshot),
        label(left, top - 10, _title(snapshot, across), fill=INK),
        element("line", x1=left, y1=bottom, x2=across.end, y2=bottom, stroke=FAINT),
        *(label(left - 6, up(tick) + 4, f"{tick:g}", text_anchor="end", fill=INK) for tick in up.ticks()),
        *(_bars(moment, snapshot, across, up) for moment in snapshot.moments),
        *(_numbers(one, index, snapshot, first + _ROW * index) for index, one in enumerate(snapshot.participants)),
        *_times(across, bottom + 16),
        style=f"width:100%;max-width:{width}px;height:auto;display:block",
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


def _title(snapshot: AnswersSnapshot, across: Scale) -> str:
    """With the deadline, where that has room: the sentence has it, too."""
    short = "answers taken, each quarter of a second"
    long = f"{short}; {_deadline(snapshot).lower()}"
    return long if _LETTER * len(long) < across.end - across.start else short


def _trouble(one: ParticipantSeen) -> str:
    said = ((one.late, "late"), (one.failed, "failed"), (one.left_out, "not asked"))
    return ", ".join(f"{count:,} {what}" for count, what in said if count)


def _bars(moment: Answered, snapshot: AnswersSnapshot, across: Scale, up: Scale) -> Markup:
    drawn, below = [], 0
    bar = min(_BAR, _FILLED * (across.end - across.start) / (_A_SECOND * WINDOW_S))
    for index, one in enumerate(snapshot.participants):
        count = moment.chosen.get(one.name, 0)
        if count:
            top, bottom = up(below + count), up(below)
            shape = {"x": across(moment.at_s) - bar, "y": top, "width": bar, "height": max(0.5, bottom - top)}
            drawn.append(element("rect", **shape, fill=colour(index)))
        below += count
    return join(drawn)


def _numbers(one: ParticipantSeen, index: int, snapshot: AnswersSnapshot, top: float) -> Markup:
    """Who it is, what it gave, and what went wrong."""
    state = "left out" if one.waits else f"half within {one.took_p50_ms:,.1f} ms"
    return join(
        (
            element("rect", x=0, y=top, width=10, height=10, fill=colour(index)),
            label(16, top + 9, shorten(one.name, 24), fill=INK, font_weight="600", font_size=12),
            label(16, top + 23, f"share {snapshot.share(one.name):.0%}, {state}", fill=INK),
            label(16, top + 37, _trouble(one), fill=in_ink(WARNING) if one.waits else INK),
        )
    )


def _times(across: Scale, y: float) -> Iterator[Markup]:
    for ago in (20, 10, 0):
        anchor = "middle" if ago else "end"
        yield label(across(across.high - ago), y, f"{ago} s ago" if ago else "now", text_anchor=anchor, fill=INK)
