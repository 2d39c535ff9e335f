"""Lesson 12: which time a record is taken to have."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_NOW = 1_700_000_000_000
_MINUTE = 60_000


def check(lesson: LessonEnvironment, when: Callable[[object, int], int]) -> str:  # noqa: ARG001 - a pure function
    """Ask for scores of the past, of the future, and of no time."""
    said = {name: when(SimpleNamespace(published_ms=at), _NOW) for name, (at, _) in _CASES.items()}
    for name, (at, right) in _CASES.items():
        require(
            said[name] == right,
            f"{name}: published at {at}, now it is {_NOW}. `when` says {said[name]}, and not {right}. {_WHY[name]}",
        )
    return f"{len(said)} scores: the past is believed, the future is not, and who says nothing gets the time of now."


_CASES = {
    "An hour ago": (_NOW - 60 * _MINUTE, _NOW - 60 * _MINUTE),
    "Just now": (_NOW, _NOW),
    "An hour in the future": (_NOW + 60 * _MINUTE, _NOW),
    "No time": (0, _NOW),
    "Long before 1970": (-1, _NOW),
}
_WHY = {
    "An hour ago": "The past may be true: it is event time, in milliseconds.",
    "Just now": "Now is not the future.",
    "An hour in the future": "Nothing is published later than now; such a clock would close all windows.",
    "No time": "0 means that nobody said when.",
    "Long before 1970": "The engine does not take a time below 0: it drops the record.",
}

EXERCISE = Exercise(
    id="windows-clock",
    lesson="12",
    title="Believe no clock",
    goal="""
Write `when(scored, now_ms)`, which says the time of a score, in milliseconds since 1970: that at which its wine was
published, `scored.published_ms`. But a time in the future is not believed, and some say none at all (0 or less): these
get the time of now.
""",
    stub="""
def when(scored, now_ms):
    if ____:
        return now_ms
    return ____
""",
    answer="when",
    hints=(
        "There are two cases in which it is `now_ms`: join them with `or`.",
        "`scored.published_ms <= 0 or scored.published_ms > now_ms`",
    ),
    reference="""
def when(scored, now_ms):
    if scored.published_ms <= 0 or scored.published_ms > now_ms:
        return now_ms
    return scored.published_ms
""",
    wrong=(
        WrongAnswer(
            "def when(scored, now_ms):\n    return scored.published_ms\n",
            "such a clock would close all windows",
        ),
        WrongAnswer(
            "def when(scored, now_ms):\n    return now_ms\n",
            "The past may be true",
        ),
        WrongAnswer(
            "def when(scored, now_ms):\n    return min(scored.published_ms, now_ms)\n",
            "0 means that nobody said when",
        ),
        WrongAnswer(
            """
def when(scored, now_ms):
    if scored.published_ms == 0 or scored.published_ms > now_ms:
        return now_ms
    return scored.published_ms
""",
            "drops the record",
        ),
    ),
    check=check,
)
