"""Lesson 17: an alert that wakes somebody for a reason only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_LIMIT, _TIMES = 1_000, 3
_CASES = (
    ((10, 20, 1_500), False, "It is above the limit for one minute only: that may be a swap, or a restart."),
    ((1_200, 1_500, 1_900), True, "It was above the limit at each of the last three minutes."),
    ((2_000, 2_500, 3_000, 40), False, "It was high, and is over: nobody has to get up."),
    ((5_000, 10, 5_000), False, "Their mean is high, and in between it was dealt with."),
    ((1_200, 1_500), False, "Only two minutes are known: the server has just been started."),
    ((900, 1_001, 1_200, 1_100), True, "The last three are above the limit; what was before does not matter."),
)


def check(lesson: LessonEnvironment, wakes: Callable[[Sequence[int], int, int], Any]) -> str:
    """Show it lags of some nights."""
    del lesson
    for lags, right, why in _CASES:
        found = wakes(list(lags), _LIMIT, _TIMES)
        wanted = "Somebody has to be woken" if right else "Nobody has to be woken"
        require(
            bool(found) is right,
            f"The lags were {', '.join(f'{lag:,}' for lag in lags)}, the limit is {_LIMIT:,}, for {_TIMES} minutes. "
            f"{wanted}, and `wakes` says {found}. {why}",
        )
    return f"{len(_CASES)} nights, in two of which somebody was woken."


EXERCISE = Exercise(
    id="watch-alert",
    lesson="17",
    title="Whom does it wake?",
    goal="""
Write `wakes(lags, limit, minutes)`: whether somebody is to be woken. `lags` has the lag at each minute, oldest first.
It wakes when the lag was above `limit` at **each** of the last `minutes` minutes; while fewer of them are known, it
wakes nobody. That is what `for: 10m` says in a rule.
""",
    stub="""
def wakes(lags, limit, minutes):
    last = lags[-minutes:]
    return ...
""",
    answer="wakes",
    hints=(
        "`all(lag > limit for lag in last)` is true when each one is above the limit.",
        "With fewer than `minutes` values, `last` is shorter: look at `len(last)`, too.",
    ),
    reference="""
def wakes(lags, limit, minutes):
    last = lags[-minutes:]
    return len(last) == minutes and all(lag > limit for lag in last)
""",
    wrong=(
        WrongAnswer("def wakes(lags, limit, minutes):\n    return lags[-1] > limit\n", "that may be a swap"),
        WrongAnswer(
            "def wakes(lags, limit, minutes):\n    return all(lag > limit for lag in lags[-minutes:])\n",
            "has just been started",
        ),
        WrongAnswer(
            "def wakes(lags, limit, minutes):\n    return len(lags) >= minutes and all(lag > limit for lag in lags)\n",
            "what was before does not matter",
        ),
        WrongAnswer(
            "def wakes(lags, limit, minutes):\n    return sum(lag > limit for lag in lags) >= minutes\n",
            "It was high, and is over",
        ),
        WrongAnswer(
            "def wakes(lags, limit, minutes):\n    last = lags[-minutes:]\n    return min(last[0], last[-1]) > limit\n",
            "in between it was dealt with",
        ),
    ),
    check=check,
)
